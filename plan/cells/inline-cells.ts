/** Cells of inline/*: data that the server keeps itself, read by FUSE_READ and written by FUSE_WRITE. */
import fc from 'fast-check';
import { mapping, typesFor } from '../../generators/mapping.ts';
import { PLAIN_ERRNOS } from '../../generators/reply-values.ts';
import { goodReply, type PlannedCase } from '../../generators/reply-case.ts';
import { isReport, paths, stretch, type Path, type Setting } from '../../generators/setting.ts';
import type { Reply, ScriptLine } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import { serverBytes } from '../../model/pattern.ts';
import { writeOut } from '../../uapi/fuse-structs.ts';
import { inlineIsUnsaid, type Revision } from '../../uapi/revision.ts';
import { borders, impossible, possible, type Border, type PlanCell } from '../cell.ts';
import { isInlineWritePath } from './inline-write-cells.ts';
import { caseWith, noDirectWrites } from './reply-cells.ts';
import { acting } from './type-cells.ts';
import { errnos } from '../../uapi/errno.ts';
import { PAGE } from '../../uapi/units.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

const { ENOSYS } = errnos;
const reads: readonly Path[] = ['direct-read', 'buffered-read', 'mmap-read'];
const writes: readonly Path[] = ['direct-write'];

interface InlineRule {
  rule: ClauseId;
  /** Why the rule has no case there; undefined where it has. */
  against(path: Path, border: Border): string | undefined;
  cases(revision: Revision, path: Path, border: Border): fc.Arbitrary<PlannedCase>;
}

interface Inline {
  map: MappingSpec;
  extra?: ScriptLine[];
  refused?: boolean;
  note: string;
}

/** A case whose reply in question is an inline mapping of `blocks` blocks. */
export function inlineCase(
  revision: Revision,
  path: Path,
  blocks: (setting: Setting) => number,
  make: (map: MappingSpec, setting: Setting) => fc.Arbitrary<Omit<Inline, 'map'>>,
): fc.Arbitrary<PlannedCase> {
  return caseWith(revision, path, { maxBefore: 1 }, (setting) => {
    const { start } = stretch(setting);
    return mapping({
      setting: setting,
      start,
      end: start + BigInt(blocks(setting)) * setting.blockSize,
      type: 'INLINE',
      exact: true,
    }).chain((map) =>
      fc
        .tuple(make(map, setting), fc.boolean())
        .map(([{ extra, refused, note }, overwrite]) => ({
          reply: { kind: 'mappings' as const, ...acting(path, map, overwrite) },
          note: `${note}; ${map.length} bytes inline`,
          extra: [...(extra ?? []), ...dataThere(path, map)],
          ...(refused !== undefined && { refused }),
        })),
    );
  });
}

const on = (request: 'READ' | 'WRITE', reply: Reply, times?: number): ScriptLine => ({
  on: request,
  file: 0,
  ...(times !== undefined && { times }),
  reply,
});
const hex = (bytes: Buffer): string => bytes.toString('hex');
const acknowledge = (size: number): Reply => ({ kind: 'raw', payload: hex(writeOut.encode({ size: size >>> 0 })) });
const failing = (errno: number): Reply => ({ kind: 'error', errno });

/**
 * A kernel may read the mapping before it writes to it; a server that keeps inline data behind EOF, too, has what to
 * answer.
 */
const dataThere = (path: Path, map: MappingSpec): ScriptLine[] =>
  writes.includes(path)
    ? [on('READ', { kind: 'raw', payload: hex(serverBytes(0, map.offset, Number(map.length))) })]
    : [];

/** In units of blocks: the most that fits, or more than that. */
function fitting(revision: Revision, setting: Setting, border: Border): number {
  const most = revision.inlineLimit === 'page' ? Number(PAGE / setting.blockSize) : 1;
  return border === 'legal' ? most : most + 1 + (setting.cuts.length % 2) * 2;
}

const rules: readonly InlineRule[] = [
  {
    rule: 'inline/fits-block',
    against: (path, border) =>
      isReport(path) && border === 'violating' ? 'the rule is not for reports, which need no data' : undefined,
    cases: (revision, path, border) =>
      inlineCase(
        revision,
        path,
        (setting) => fitting(revision, setting, isReport(path) ? 'violating' : border),
        () =>
          fc.constant({
            note: border === 'legal' ? 'fits, or need not fit' : 'too long',
            refused: border === 'violating',
          }),
      ),
  },
  {
    rule: 'inline/read-data',
    against: (path) => (reads.includes(path) ? undefined : isReport(path) ? 'a report needs no data' : undefined),
    cases: (revision, path, border) =>
      inlineCase(
        revision,
        path,
        () => 1,
        (map) =>
          border === 'violating'
            ? fc
                .oneof(
                  fc.constant<{ reply: Reply; note: string }>({ reply: { kind: 'empty' }, note: 'no bytes' }),
                  fc
                    .constantFrom(ENOSYS, ...PLAIN_ERRNOS)
                    .map((errno) => ({ reply: failing(errno), note: `errno ${errno}` })),
                )
                // Whether a write reads what is there first is the kernel's own business; when it asks, the answer
                // counts.
                .map(({ reply, note }) => ({
                  extra: [on('READ', reply)],
                  refused: reads.includes(path),
                  note: `READ answered with ${note}`,
                }))
            : fc.oneof(
                fc.constant({ note: 'READ answered with what the server has' }),
                fc
                  .constantFrom(1, 8, 511, Number(map.length) - 1, Number(map.length))
                  .map((bytes) => ({
                    extra: [on('READ', { kind: 'raw', payload: hex(serverBytes(0, map.offset, bytes)) })],
                    note: `READ answered with ${bytes} bytes`,
                  })),
              ),
      ),
  },
  {
    rule: 'inline/write-within-mapping',
    against: (path, border) =>
      !writes.includes(path)
        ? 'nothing is written on this path'
        : border === 'violating'
          ? 'an operation goes on with the next mapping where one ends: no answer of a server makes it reach further'
          : undefined,
    cases: (revision, path) =>
      inlineCase(
        revision,
        path,
        () => 1,
        () => fc.constant({ note: 'written up to the end of the mapping' }),
      ),
  },
  {
    rule: 'inline/write-ack',
    against: (path) => (writes.includes(path) ? undefined : 'nothing is written on this path'),
    cases: (revision, path, border) =>
      inlineCase(
        revision,
        path,
        () => 1,
        (map) => {
          const asked = Number(map.length);
          return border === 'violating'
            ? fc
                .constantFrom<{ reply: Reply; note: string }>(
                  { reply: failing(ENOSYS), note: 'ENOSYS' },
                  ...[0, asked + 1, asked + 4096, -1].map((size) => ({
                    reply: acknowledge(size),
                    note: `${size} of ${asked} bytes`,
                  })),
                )
                .map(({ reply, note }) => ({
                  extra: [on('WRITE', reply)],
                  refused: true,
                  note: `WRITE answered with ${note}`,
                }))
            : fc
                .constantFrom(
                  { size: 1, times: 1 },
                  { size: asked - 1, times: 1 },
                  { size: 8, times: 2 },
                  { size: asked / 2, times: 2 },
                )
                .map(({ size, times }) => ({
                  extra: [on('WRITE', acknowledge(size), times)],
                  note: `WRITE acknowledged ${size} of ${asked} bytes ${times} times, then all`,
                }));
        },
      ),
  },
  {
    rule: 'inline/no-writeback',
    against: (path) => (path === 'writeback' ? undefined : 'only writeback has WRITEBACK set'),
    cases: (revision, path, border) =>
      border === 'violating'
        ? inlineCase(
            revision,
            path,
            () => 1,
            () => fc.constant({ note: 'answered to writeback' }),
          )
        : caseWith(revision, path, {}, (setting) =>
            goodReply(
              revision,
              setting,
              typesFor(path, 'read', true),
              stretch(setting).start,
              stretch(setting).end,
              0,
            ).map((mappings) => ({ reply: { kind: 'mappings' as const, ...mappings }, note: 'a place on a device' })),
          ),
  },
];

export function inlineCells(revision: Revision): PlanCell[] {
  const bordered = rules.flatMap(({ rule, against, cases }) =>
    paths
      .filter((path) => !isInlineWritePath(path))
      .flatMap((path) =>
        borders.map((border): PlanCell => {
          const key = { rule, path, border };
          const reason =
            revision.inlineLimit === 'unsaid'
              ? inlineIsUnsaid(revision)
              : (noDirectWrites(revision, path) ??
                (path === 'writeback' && rule !== 'inline/no-writeback'
                  ? 'inline/no-writeback refuses inline data of any length, before it is read or written'
                  : against(path, border)));
          return reason === undefined
            ? {
                ...possible(key, cases(revision, path, border)),
                ...(!(rule === 'inline/read-data' && path === 'direct-write') && { reaches: rule }),
              }
            : impossible(key, reason);
        }),
      ),
  );
  return [...bordered, ...answerCells(revision)];
}

/** Another errno than ENOSYS is the result of a write, too; and an answer of the wrong size is EIO. */
function answerCells(revision: Revision): PlanCell[] {
  const key = { rule: 'request/inline', path: 'direct-write' } as const;
  if (revision.inlineLimit === 'unsaid') return [impossible(key, inlineIsUnsaid(revision))];
  const answers: readonly { reply: Reply; note: string }[] = [
    ...PLAIN_ERRNOS.map((errno) => ({ reply: failing(errno), note: `errno ${errno}` })),
    ...[0, 4, 7, 9, 16].map((bytes) => ({
      reply: { kind: 'raw' as const, payload: '00'.repeat(bytes) },
      note: `${bytes} bytes of payload`,
    })),
  ];
  return [
    possible(
      key,
      inlineCase(
        revision,
        'direct-write',
        () => 1,
        () =>
          fc
            .constantFrom(...answers)
            .map(({ reply, note }) => ({
              extra: [on('WRITE', reply)],
              refused: true,
              note: `WRITE answered with ${note}`,
            })),
      ),
    ),
  ];
}
