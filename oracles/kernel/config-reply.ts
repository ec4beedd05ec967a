/**
 * The bytes of an IOMAP_CONFIG answer that a case describes, as the kernel sees them: zero-filled behind what was sent.
 */
import type { z } from 'zod';
import type { Case, configReply, Reply } from '../../model/case.ts';
import { configOut, type ConfigOut } from '../../uapi/iomap.ts';
import { errnos } from '../../uapi/errno.ts';
import { headerFault, rawReply } from './answer.ts';
import type { ConfigFlagName, Revision } from '../../uapi/revision.ts';

type ConfigReply = z.infer<typeof configReply>;

const bytesOf = (hex: string | undefined): Uint8Array => Buffer.from(hex ?? '', 'hex');

/** The flag that belongs to each field. */
const fieldFlags: readonly [keyof ConfigReply, ConfigFlagName][] = [
  ['sId', 'SID'],
  ['sUuid', 'UUID'],
  ['blockSizeBytes', 'BLOCKSIZE'],
  ['maxLinks', 'MAX_LINKS'],
  ['timeGranNs', 'TIME'],
  ['maxBytes', 'MAXBYTES'],
  ['cacheMaxBytes', 'CACHE_MAXBYTES'],
];

/** All 104 bytes, before `sentBytes` cuts them. */
function encodeConfigReply(revision: Revision, reply: ConfigReply): Buffer {
  const named = reply.flags ?? fieldFlags.filter(([field]) => reply[field] !== undefined).map(([, flag]) => flag);
  const flags = named.reduce<bigint>(
    (sum, flag) => sum | (typeof flag === 'bigint' ? flag : BigInt(revision.configFlags[flag] ?? 0)),
    0n,
  );
  const uuid = bytesOf(reply.sUuid);
  return configOut.encode({
    flags,
    sId: new TextEncoder().encode(reply.sId ?? ''),
    sUuid: uuid,
    sUuidLen: reply.sUuidLen ?? uuid.length,
    sPad: bytesOf(reply.sPad),
    sBlocksize: reply.blockSizeBytes ?? 0,
    sMaxLinks: reply.maxLinks ?? 0,
    sTimeGran: reply.timeGranNs ?? 0,
    sTimeMin: reply.timeMin ?? 0n,
    sTimeMax: reply.timeMax ?? 0n,
    sMaxbytes: reply.maxBytes ?? 0n,
    cacheMaxbytes: reply.cacheMaxBytes ?? 0,
    pad: reply.pad ?? 0,
  });
}

export function configReplyBytes(revision: Revision, reply: ConfigReply): ConfigOut {
  const bytes = encodeConfigReply(revision, reply);
  bytes.fill(0, reply.sentBytes ?? bytes.length);
  return configOut.decode(bytes);
}

export type ConfigAnswer = { kind: 'reply'; bytes: ConfigOut } | { kind: 'error'; errno: number } | { kind: 'ended' };

/** The answer to IOMAP_CONFIG: the script's first line for it, else the geometry's. Undefined: ENOSYS. */
export function configAnswer(of: Case, revision: Revision): ConfigAnswer | undefined {
  const answer = of.script.find((line) => line.on === 'IOMAP_CONFIG')?.reply ?? of.geometry.config;
  switch (answer?.kind) {
    case 'config':
      return { kind: 'reply', bytes: configReplyBytes(revision, answer) };
    case 'error':
      return answer;
    case 'raw':
      return rawConfig(answer);
    // A payload of no bytes is a short one.
    case 'empty':
      return { kind: 'reply', bytes: configOut.decode(Buffer.alloc(configOut.size)) };
    case 'die':
    case 'kill':
    case 'abort':
      return { kind: 'ended' };
    default:
      return undefined;
  }
}

/** Longer than the layout, or behind a header that does not fit, an answer is EIO. */
function rawConfig(reply: Extract<Reply, { kind: 'raw' }>): ConfigAnswer {
  const sent = rawReply(reply);
  if (headerFault(sent) !== undefined || sent.payload.length > configOut.size)
    return { kind: 'error', errno: errnos.EIO };
  if (sent.error !== 0) return { kind: 'error', errno: -sent.error };
  const bytes = Buffer.alloc(configOut.size);
  Buffer.from(sent.payload).copy(bytes);
  return { kind: 'reply', bytes: configOut.decode(bytes) };
}
