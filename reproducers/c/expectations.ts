/** What the rules say about a syscall, as statements behind it. */
import type { Step } from '../../model/case.ts';
import type { FiemapExtent } from '../../model/observation.ts';
import type { StepExpectation } from '../../oracles/kernel/expectation.ts';
import { stretch } from './bytes.ts';
import { byteList, errno, s64, string, u32, u64 } from './text.ts';
import { comparableBytes } from './uses.ts';

export function expectations(step: Step, outcomes: readonly StepExpectation[]): string[] {
  if (outcomes.length === 0 || outcomes.some(({ kind }) => kind === 'any')) return [];
  const rows = outcomes.flatMap((outcome): string[] => {
    const rule = string(outcome.rule);
    if (outcome.kind === 'fails')
      return outcome.errnos === undefined || outcome.errnos.length === 0
        ? [`{ FAILS, 0, ${rule} }`]
        : [...new Set(outcome.errnos)].map((value) => `{ FAILS, ${errno(value)}, ${rule} }`);
    // The number of an fd is nobody's business; the harness reports 0.
    if (outcome.kind === 'succeeds')
      return [
        outcome.ret === undefined || step.call === 'open'
          ? `{ SUCCEEDS, 0, ${rule} }`
          : `{ RETURNS, ${s64(outcome.ret)}, ${rule} }`,
      ];
    return [];
  });
  const unique = [...new Set(rows)];
  const expect = unique.length === 1 ? [`EXPECT(${unique[0]!});`] : [`EXPECT(${unique.join(',\n\t       ')});`];
  return [...expect, ...details(step, outcomes)];
}

/** Checks of more than the result; only where all readings that succeed agree. */
function details(step: Step, outcomes: readonly StepExpectation[]): string[] {
  const successes = outcomes.filter((outcome) => outcome.kind === 'succeeds');
  const [first] = successes;
  if (!first) return [];
  const read =
    step.call === 'pread' || step.call === 'mmapRead' || step.call === 'deviceRead' || step.call === 'pageOut'
      ? comparableBytes(outcomes)
      : undefined;
  if (read) {
    return [`CHECK_BYTES(buf, ${u64(read[0]?.start ?? 0n)}, ${read.map(stretch).join(',\n\t\t    ')});`];
  }
  if (step.call === 'fiemap' && first.fiemap && successes.length === 1) {
    const rows = first.fiemap.map(extent);
    return rows.length === 0
      ? ['check_extents(NULL, 0);']
      : [
          `check_extents((const struct fiemap_extent[]){\n\t${rows.map((row) => `\t${row},\n\t`).join('')}}, ${rows.length});`,
        ];
  }
  if (step.call === 'fuseIoctl' && first.outFlags && successes.length === 1) {
    const { set, may } = first.outFlags;
    return [
      `if (ret == 0 && (support[0] | ${u64(may)}) != ${u64(set | may)})`,
      `\tdeviates("expected the flags ${u64(set)}, perhaps with ${u64(may)}");`,
    ];
  }
  if (step.call === 'fsUuid' && first.outBytes && successes.length === 1) {
    return [
      'if (ret == 0 && memcmp(uuid, (uint8_t[]){',
      byteList(Buffer.from(first.outBytes).toString('hex'), 2),
      '    }, sizeof(uuid)))',
      '\tdeviates("this is not the UUID of CONFIG");',
    ];
  }
  if (step.call === 'setTimes' && first.times && successes.length === 1) {
    const [atime, atimeNs, mtime, mtimeNs] = first.times.map((value) => s64(value));
    return [
      `if (ret == 0 && fstat(fd[${step.fd}], &st) == 0 &&`,
      `    (st.st_atim.tv_sec != ${atime} || st.st_atim.tv_nsec != ${atimeNs} ||`,
      `     st.st_mtim.tv_sec != ${mtime} || st.st_mtim.tv_nsec != ${mtimeNs}))`,
      '\tdeviates("expected the times %lld.%09ld and %lld.%09ld", (long long)' + `${atime}, (long)${atimeNs},`,
      `\t\t (long long)${mtime}, (long)${mtimeNs});`,
    ];
  }
  if (step.call === 'fstat' && first.sizeBytes !== undefined && successes.length === 1) {
    const size = s64(first.sizeBytes);
    return [
      `if (ret == 0 && st.st_size != ${size})`,
      `\tdeviates("expected a size of %lld, seen %lld", (long long)${size},`,
      '\t\t (long long)st.st_size);',
    ];
  }
  return [];
}

const extent = ({ logical, physical, length, flags }: FiemapExtent): string =>
  `{ .fe_logical = ${u64(logical)}, .fe_physical = ${u64(physical)}, .fe_length = ${u64(length)}, .fe_flags = ${u32(flags)} }`;
