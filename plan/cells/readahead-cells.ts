/**
 * Cells of readahead(2) and posix_fadvise(2): what is asked, what a read finds afterwards, and that nobody hears of
 * what could not be read.
 */
import fc from 'fast-check';
import { PLAIN_ERRNOS } from '../../generators/reply-values.ts';
import type { ScriptLine, Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { Revision } from '../../uapi/revision.ts';
import { flatCells } from './flag-cells.ts';
import { borders, type PlanCell } from '../cell.ts';
import type { Ground } from './size-cells.ts';

const page = 4096n;
const calls = ['readahead', 'willneed'] as const;

const step = (call: (typeof calls)[number] | 'dontneed', offset: bigint, lengthBytes: number): Step =>
  call === 'readahead'
    ? { call, fd: 0, offset, lengthBytes }
    : { call: 'fadvise', fd: 0, offset, lengthBytes, advice: call };
const read = (setting: Ground): Step => ({ call: 'pread', fd: 0, offset: 0n, lengthBytes: Number(setting.fileSize) });

/** Where it begins and how long it is: pages, parts of them, behind EOF, all. */
const ranges = ({ fileSize }: Ground): fc.Arbitrary<[bigint, number]> =>
  fc.constantFrom<[bigint, number]>(
    [0n, Number(fileSize)],
    [0n, 1],
    [1n, 4096],
    [page, Number(page)],
    [0n, 1 << 20],
    [fileSize - 1n, 1],
    [fileSize, 4096],
    [fileSize + page, 4096],
    [0n, 0],
  );

export function readaheadCells(revision: Revision): PlanCell[] {
  const cell = flatCells(revision);
  const path = 'readahead';
  return [
    cell({ rule: 'read/ahead-asked', path }, (setting) =>
      fc
        .tuple(
          fc.constantFrom(...calls),
          ranges(setting),
          fc.constantFrom('MAPPED' as const, 'UNWRITTEN' as const),
          fc.boolean(),
        )
        .map(([call, [offset, lengthBytes], type, twice]) => ({
          type,
          steps: [step(call, offset, lengthBytes), ...(twice ? [step(call, offset, lengthBytes)] : []), read(setting)],
          note: `${call} of ${lengthBytes} bytes at ${offset}${twice ? ', twice' : ''}, then all read`,
        })),
    ),
    // What could not be read ahead is asked for again, and refused to the reader only.
    ...borders.map((border) =>
      cell({ rule: 'read/ahead-refused', path, border }, (setting) =>
        fc
          .tuple(fc.constantFrom(...calls), fc.constantFrom(...PLAIN_ERRNOS), fc.boolean())
          .map(([call, errno, bad]) => {
            const broken: MappingSpec = {
              type: 9,
              flags: [],
              dev: 0,
              addr: 0n,
              offset: 0n,
              length: setting.maxBytes / 4n,
            };
            const line: ScriptLine = {
              on: 'IOMAP_BEGIN',
              reply: bad ? { kind: 'mappings', read: broken, write: broken } : { kind: 'error', errno },
            };
            return {
              steps: [step(call, 0n, Number(setting.fileSize)), read(setting)],
              ...(border === 'violating' && { extra: [line] }),
              note:
                border === 'violating'
                  ? `${call}, BEGIN answered with ${bad ? 'a mapping that no rule allows' : `errno ${errno}`}`
                  : `${call}, then all read`,
            };
          }),
      ),
    ),
    // The file is somewhere else by the time it is read again.
    cell({ rule: 'read/forgotten', path }, (setting) =>
      fc
        .tuple(
          fc.constantFrom<[bigint, number]>([0n, 0], [0n, 1 << 20], [0n, Number(page)], [page, 0]),
          fc.boolean(),
          fc.constantFrom(...calls),
        )
        .map(([[offset, lengthBytes], dropped, call]) => {
          const length = setting.maxBytes / 4n;
          const first: MappingSpec = { type: 'MAPPED', flags: [], dev: { device: 1 }, addr: 0n, offset: 0n, length };
          return {
            steps: [
              step(call, 0n, Number(setting.fileSize)),
              read(setting),
              ...(dropped ? [step('dontneed', offset, lengthBytes)] : []),
              read(setting),
            ],
            extra: [
              {
                on: 'IOMAP_BEGIN' as const,
                times: 1,
                reply: {
                  kind: 'mappings' as const,
                  read: first,
                  write: { ...first, type: 'PURE_OVERWRITE' as const, dev: 0, addr: (1n << 64n) - 1n },
                },
              },
            ],
            note: `read, ${dropped ? `forgotten from ${offset} on (${lengthBytes})` : 'kept'}, and read again; the file has moved meanwhile`,
          };
        }),
    ),
  ];
}
