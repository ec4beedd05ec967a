/** The answer to IOMAP_CONFIG. */
import { encodeConfig, type ConfigReply } from '../../server/config.ts';
import { configOut, type ConfigOut } from '../../uapi/iomap.ts';
import { byteList, initialiser, s64, string, u32, u64 } from './text.ts';
import type { Program } from './uses.ts';

const configMembers: readonly [keyof ConfigOut, string, (value: never) => string][] = [
  ['flags', 'flags', u64],
  ['sId', 's_id', (value: Uint8Array) => string(Buffer.from(value).toString('latin1').replace(/\0+$/, ''))],
  ['sUuid', 's_uuid', byteInitialiser],
  ['sUuidLen', 's_uuid_len', String],
  ['sPad', 's_pad', byteInitialiser],
  ['sBlocksize', 's_blocksize', u32],
  ['sMaxLinks', 's_max_links', u32],
  ['sTimeGran', 's_time_gran', u32],
  ['sTimeMin', 's_time_min', s64],
  ['sTimeMax', 's_time_max', s64],
  ['sMaxbytes', 's_maxbytes', s64],
  ['cacheMaxbytes', 'cache_maxbytes', u32],
  ['pad', 'pad', u32],
] as readonly [keyof ConfigOut, string, (value: never) => string][];

function byteInitialiser(value: Uint8Array): string {
  const hex = Buffer.from(value).toString('hex');
  return value.length <= 8 ? `{ ${byteList(hex, 0).slice(0, -1)} }` : `{\n${byteList(hex, 4)}\n\t\t\t}`;
}

export function configText(reply: ConfigReply, { revision }: Program, indent: string): string {
  const value = configOut.decode(encodeConfig(revision, reply));
  const zero = (item: unknown): boolean =>
    item instanceof Uint8Array ? item.every((byte) => byte === 0) : Number(item) === 0;
  const members = configMembers
    .filter(([key]) => !zero(value[key]))
    .map(([key, name, text]) => [name, text(value[key] as never)] as const);
  const size = reply.sentBytes === undefined ? 'sizeof(config)' : String(reply.sentBytes);
  return `${indent}static const struct config_out config = ${members.length === 0 ? '{ 0 }' : initialiser(members, indent.length)};

${indent}printf("    <- %d bytes of configuration\\n", (int)${size});
${indent}send_reply(in, 0, &config, ${size});`;
}
