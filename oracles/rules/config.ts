/** config/*: the answer to IOMAP_CONFIG. All EINVAL; whether it is bad data, the revision says. */
import type { ConfigOut } from '../../uapi/iomap.ts';
import { allFlags, type ConfigFlagName, type Revision } from '../../uapi/revision.ts';
import { errnos } from '../../uapi/errno.ts';
import { perRevision } from '../../uapi/per-revision.ts';
import { refusalOf, type Refusal, type Rule } from './rule.ts';
import { clauseOf } from './clause.ts';

export interface ConfigContext {
  revision: Revision;
  /** The reply, zero-filled when it was short. */
  reply: ConfigOut;
  pageSizeBytes: number;
}

const NS_PER_S = 1_000_000_000;
const MIN_BLOCK_SIZE = 512;
/** MAX_LFS_FILESIZE of a 64-bit kernel. Source: include/linux/fs.h. */
const MAX_FILE_SIZE = (1n << 63n) - 1n;

const sets = (c: ConfigContext, flag: ConfigFlagName): boolean =>
  (c.reply.flags & BigInt(c.revision.configFlags[flag] ?? 0)) !== 0n;
const isBlockSize = (size: number, pageSize: number): boolean =>
  size >= MIN_BLOCK_SIZE && size <= pageSize && (size & (size - 1)) === 0;

const row = <const Id extends string>(
  id: Id,
  text: string,
  violated: Rule<ConfigContext>['violated'],
  applies: Rule<ConfigContext>['applies'] = () => true,
): Rule<ConfigContext, `config/${Id}`> => ({
  id: `config/${id}`,
  group: 'config',
  text,
  source: clauseOf(`config/${id}`),
  errno: errnos.EINVAL,
  viaBadData: true,
  applies,
  violated,
});

const rules = [
  row(
    'flags-known',
    'a flag outside 0x7f is set',
    (c) => (c.reply.flags & ~BigInt(allFlags(c.revision.configFlags))) !== 0n,
  ),
  row('uuid-length', 'the UUID is longer than 16 bytes', (c) => c.reply.sUuidLen > 16),
  // The tail from byte 100 on is not looked at.
  row('padding-zero', 'padding, bytes 57 to 59, is not zero', (c) => c.reply.sPad.some((byte) => byte !== 0)),
  row(
    'time-granularity',
    'TIME is set, and the granularity is 0 or more than 10^9',
    (c) => c.reply.sTimeGran === 0 || c.reply.sTimeGran > NS_PER_S,
    (c) => sets(c, 'TIME'),
  ),
  row(
    'maxbytes-range',
    'MAXBYTES is set, and the value is negative or more than the largest file size',
    (c) => c.reply.sMaxbytes < 0n || c.reply.sMaxbytes > MAX_FILE_SIZE,
    (c) => sets(c, 'MAXBYTES'),
  ),
  row(
    'blocksize',
    'BLOCKSIZE is set, and the value is no power of two from 512 to the page size',
    (c) => !isBlockSize(c.reply.sBlocksize, c.pageSizeBytes),
    (c) => sets(c, 'BLOCKSIZE'),
  ),
];

export type ConfigRuleId = (typeof rules)[number]['id'];

/** The rules of a revision, in order of evaluation; none where there is no CONFIG. */
export const configRulesOf = perRevision((revision): readonly Rule<ConfigContext, ConfigRuleId>[] =>
  revision.opcodes.IOMAP_CONFIG === undefined
    ? []
    : rules
        .filter(({ id }) => !revision.lacksRules.has(id))
        .map((rule) => ({ ...rule, viaBadData: revision.refusedConfigIsBadData })),
);

/** The rule that a CONFIG reply violates first; undefined: the reply is accepted. */
export function firstConfigViolation(context: ConfigContext): Refusal<ConfigRuleId> | undefined {
  const rule = configRulesOf(context.revision).find(
    (candidate) => candidate.applies(context) && candidate.violated(context),
  );
  return rule && refusalOf(rule, 0);
}

/** Bytes that the mapping cache may take for a fork. Source: docs/spec/uapi.md#constants. */
export const CACHE_BYTES = { default: 262_144n, least: 256n, most: 2n << 20n } as const;
const clampCache = (bytes: bigint): bigint =>
  bytes < CACHE_BYTES.least ? CACHE_BYTES.least : bytes > CACHE_BYTES.most ? CACHE_BYTES.most : bytes;

/** What an accepted reply sets of the superblock; undefined fields stay the kernel's defaults. */
export interface SuperblockFacts {
  blockSizeBytes?: bigint;
  maxBytes?: bigint;
  cacheMaxBytes?: bigint;
  maxLinks?: number;
  /** Granularity in nanoseconds, first and last second. */
  time?: { granNs: number; minSec: bigint; maxSec: bigint };
  uuid?: Uint8Array;
}

export function configGeometry(context: ConfigContext): SuperblockFacts {
  const { reply } = context;
  return {
    ...(sets(context, 'MAX_LINKS') && { maxLinks: reply.sMaxLinks }),
    ...(sets(context, 'TIME') && { time: { granNs: reply.sTimeGran, minSec: reply.sTimeMin, maxSec: reply.sTimeMax } }),
    ...(sets(context, 'UUID') && { uuid: reply.sUuid.subarray(0, reply.sUuidLen) }),
    ...(sets(context, 'BLOCKSIZE') && { blockSizeBytes: BigInt(context.reply.sBlocksize) }),
    ...(sets(context, 'MAXBYTES') && { maxBytes: context.reply.sMaxbytes }),
    ...(sets(context, 'CACHE_MAXBYTES') &&
      context.reply.cacheMaxbytes !== 0 && { cacheMaxBytes: clampCache(BigInt(context.reply.cacheMaxbytes)) }),
  };
}
