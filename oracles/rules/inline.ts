/** inline/*: data that lives with the server, read by FUSE_READ and written by FUSE_WRITE. */
import { hasOp, isType, type BeginContext, type WireMapping } from './context.ts';
import { errnos } from '../../uapi/errno.ts';
import type { Rule } from './rule.ts';
import { clauseOf } from './clause.ts';

/** An accepted mapping with what the requests for its data were answered. */
export interface InlineContext extends BeginContext {
  acted: WireMapping;
  pageSizeBytes: bigint;
  /** FUSE_READ of the whole mapping: errno of its answer, and bytes. */
  readAnswer?: { errno: number; bytes: bigint };
  /** The bytes written end here, in the file. */
  writeEnd?: bigint;
  /** One FUSE_WRITE: errno of its answer, bytes asked and acknowledged. */
  writeAnswer?: { errno: number; asked: bigint; acknowledged: bigint };
}

const isInline = (c: InlineContext): boolean => isType(c, c.acted, 'INLINE');
const row = <const Id extends string>(
  id: Id,
  text: string,
  errno: number | 'reply',
  applies: Rule<InlineContext>['applies'],
  violated: Rule<InlineContext>['violated'],
  viaBadData = false,
): Rule<InlineContext, `inline/${Id}`> => ({
  id: `inline/${id}`,
  group: 'inline',
  text,
  source: clauseOf(`inline/${id}`),
  errno,
  viaBadData,
  applies: (c) => isInline(c) && applies(c),
  violated,
});
const enosys = (errno: number): boolean => errno === errnos.ENOSYS;

export const inlineRules = [
  row(
    'fits-block',
    'INLINE mapping, not for REPORT, longer than the block size',
    errnos.ENOMEM,
    (c) => c.revision.inlineLimit === 'block' && !hasOp(c, 'REPORT'),
    (c) => c.acted.length > c.blockSizeBytes,
  ),
  // Where the page is the limit, it is bad data.
  row(
    'fits-block',
    'INLINE mapping longer than a page',
    errnos.EUCLEAN,
    (c) => c.revision.inlineLimit === 'page' && !hasOp(c, 'REPORT'),
    (c) => c.acted.length > c.pageSizeBytes,
    true,
  ),
  row(
    'no-writeback',
    'writeback meets INLINE',
    errnos.EIO,
    (c) => hasOp(c, 'WRITEBACK'),
    () => true,
    true,
  ),
  row(
    'read-data',
    "FUSE_READ for the mapping's whole range is answered by nothing, or ENOSYS",
    errnos.EIO,
    (c) => c.readAnswer !== undefined,
    (c) => enosys(c.readAnswer!.errno) || (c.readAnswer!.errno === 0 && c.readAnswer!.bytes === 0n),
  ),
  row(
    'read-data',
    'FUSE_READ is answered by another errno, which is the result',
    'reply',
    (c) => c.readAnswer !== undefined,
    (c) => c.readAnswer!.errno !== 0 && !enosys(c.readAnswer!.errno),
  ),
  row(
    'write-within-mapping',
    'bytes written reach past the mapping',
    errnos.EIO,
    (c) => c.writeEnd !== undefined,
    (c) => c.writeEnd! > c.acted.offset + c.acted.length,
    true,
  ),
  row(
    'write-ack',
    'FUSE_WRITE is acknowledged by more than asked',
    errnos.EIO,
    (c) => c.writeAnswer?.errno === 0,
    (c) => c.writeAnswer!.acknowledged > c.writeAnswer!.asked,
    true,
  ),
  row(
    'write-ack',
    'FUSE_WRITE is acknowledged by 0 bytes, or ENOSYS',
    errnos.EIO,
    (c) => c.writeAnswer !== undefined,
    (c) => enosys(c.writeAnswer!.errno) || (c.writeAnswer!.errno === 0 && c.writeAnswer!.acknowledged === 0n),
  ),
];

export type InlineRuleId = (typeof inlineRules)[number]['id'];
