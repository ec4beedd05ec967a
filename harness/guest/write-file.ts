/** Files that come over the results channel, piece by piece. */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:fs';
import type { GuestMessage, HostMessage } from '../../model/channel.ts';

type WriteFile = Extract<HostMessage, { kind: 'write-file' }>;

export function writeFile(
  { id, path, offsetBytes, sizeBytes, bytes }: WriteFile,
  send: (message: GuestMessage) => void,
): void {
  const fd = openSync(path, constants.O_CREAT | constants.O_WRONLY, 0o600);
  try {
    ftruncateSync(fd, sizeBytes);
    for (let done = 0; done < bytes.length;)
      done += writeSync(fd, bytes, done, bytes.length - done, offsetBytes + done);
  } finally {
    closeSync(fd);
  }
  send({ kind: 'written', id });
}
