/** What a case shows, in the words of the conformance matrix: rule by path by side of the border. */
import type { Case } from '../../model/case.ts';
import { predict } from '../../oracles/predict.ts';
import { cellId } from '../../plan/plan.ts';

/** `map/type-known@read fiemap violating`; for a case of the plan the cell it was drawn for comes first. */
export function showsOf(testCase: Case): string[] {
  const cell = /^conformance (.+)$/.exec(testCase.provenance?.origin ?? '')?.[1];
  const prediction = predict(testCase);
  const path = pathOf(testCase);
  const refused = prediction.refusals
    .flat()
    .map(({ rule, half }) => cellId({ rule, ...(half && { half }), path, border: 'violating' }));
  const decided =
    refused.length > 0 || prediction.unspecified !== undefined
      ? []
      : prediction.steps
          .flat()
          .map(({ rule }) => rule)
          .filter((rule) => !plain.has(rule))
          .map((rule) => cellId({ rule, path }));
  return [...new Set([...(cell === undefined ? [] : [cell]), ...[...refused, ...decided].sort()])];
}

/** Outcomes that every case has. */
const plain = new Set(['open', 'close', 'fd']);

/** The path of the plan that the last syscall about a mapping takes; for others the syscall. */
function pathOf({ workload, geometry }: Case): string {
  const opens = workload.filter((step) => step.call === 'open');
  for (const step of [...workload].reverse()) {
    switch (step.call) {
      case 'open':
      case 'close':
      case 'fstat':
      case 'fsync':
      case 'deviceRead':
        continue;
      case 'mmapRead':
        return 'mmap-read';
      case 'mmapWrite':
        return 'mmap-write';
      case 'fuseIoctl':
        return 'ioctl';
      case 'seekData':
        return 'seek-data';
      case 'seekHole':
        return 'seek-hole';
      case 'pread':
      case 'pwrite': {
        const open = opens[step.fd];
        const direct = open?.flags.includes('direct') || (open && geometry.files[open.file]?.directIo);
        return `${direct ? 'direct' : 'buffered'}-${step.call === 'pread' ? 'read' : 'write'}`;
      }
      case 'ftruncate':
        return 'truncate';
      case 'copyFileRange':
        return 'copy';
      case 'clone':
      case 'dedupe':
        return 'clone';
      default:
        return step.call;
    }
  }
  return 'mount';
}
