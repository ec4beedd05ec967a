/** Replies of the case model as the bytes of a table case: what the server sends, but for what only the guest knows. */
import type { Reply } from '../../../model/case.ts';
import { mostTableReplyBytes, type TableLine } from '../../../model/table-case.ts';
import { done, encodeAnswer } from '../../../server/answer.ts';
import { encodeReply } from '../../../server/reply.ts';
import type { Revision } from '../../../uapi/revision.ts';

type TableReply = Pick<TableLine, 'reply' | 'ownUnique' | 'raw' | 'fixups'>;

/** Undefined: not a reply for a table. `devices`: how many the geometry has. */
export function tableReply(revision: Revision, devices: number, reply: Reply): TableReply | undefined {
  // Attributes are those of a file, which only its server knows.
  if (reply.kind === 'attributes' || reply.kind === 'config') return undefined;
  const isRaw = reply.kind === 'raw';
  if (isRaw && (reply.sentBytes !== undefined || reply.payload.length / 2 > mostTableReplyBytes)) return undefined;
  const fixups: TableReply['fixups'] = [];
  const answer = encodeReply(
    revision,
    reply,
    (device, at) => {
      fixups.push({ at, device });
      return 0;
    },
    () => done,
  );
  const encoded = encodeAnswer(0n, answer);
  if (!encoded || fixups.some(({ device }) => device >= devices)) return undefined;
  return { reply: encoded, ownUnique: isRaw && reply.unique !== undefined, raw: isRaw, fixups };
}
