/** The answer to IOMAP_CONFIG as a case states it, as what goes over the wire. */
import type { z } from 'zod';
import type { configReply } from '../model/case.ts';
import { configOut } from '../uapi/iomap.ts';
import type { ConfigFlagName, Revision } from '../uapi/revision.ts';

export type ConfigReply = z.infer<typeof configReply>;

/** Which flag announces which field. Source: docs/spec/uapi.md, CONFIG flags. */
const flagOf: readonly (readonly [keyof ConfigReply, ConfigFlagName])[] = [
  ['sId', 'SID'],
  ['sUuid', 'UUID'],
  ['blockSizeBytes', 'BLOCKSIZE'],
  ['maxLinks', 'MAX_LINKS'],
  ['timeGranNs', 'TIME'],
  ['maxBytes', 'MAXBYTES'],
  ['cacheMaxBytes', 'CACHE_MAXBYTES'],
];

const fromHex = (hex = ''): Uint8Array => Buffer.from(hex, 'hex');

/**
 * All bytes of the structure, before `sentBytes` cuts them. Without `flags` those of the fields that are stated are
 * set.
 */
export function encodeConfig(revision: Revision, reply: ConfigReply): Buffer {
  const named = reply.flags ?? flagOf.filter(([field]) => reply[field] !== undefined).map(([, flag]) => flag);
  const uuid = fromHex(reply.sUuid);
  return configOut.encode({
    flags: named.reduce<bigint>(
      (sum, flag) => sum | (typeof flag === 'bigint' ? flag : BigInt(revision.configFlags[flag] ?? 0)),
      0n,
    ),
    sId: Buffer.from(reply.sId ?? ''),
    sUuid: uuid,
    sUuidLen: reply.sUuidLen ?? uuid.length,
    sPad: fromHex(reply.sPad),
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

/** What is sent of it. */
export const configPayload = (revision: Revision, reply: ConfigReply): Buffer =>
  encodeConfig(revision, reply).subarray(0, reply.sentBytes ?? configOut.size);
