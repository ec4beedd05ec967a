/** The comment at the top of a reproducer: what it shows, how to run it, what its exit code means. */
import type { Case } from '../../model/case.ts';
import type { Evidence } from '../evidence.ts';
import type { Prediction } from '../../oracles/predict.ts';
import { comment } from './text.ts';

export function headerComment(
  testCase: Case,
  hash: string,
  { deviations, kernel, clauses, uapiHeader }: Evidence,
  prediction: Prediction,
): string {
  const rules = [...new Set(deviations.map(({ rule }) => rule))];
  const told = rules.length > 0 ? rules : [...new Set(prediction.refusals.flat().map(({ rule }) => rule))];
  return comment([
    ...subject(rules, told),
    '',
    ...told.flatMap((rule) => {
      const clause = clauses.get(rule);
      return clause
        ? [
            `${rule} is violated when: ${clause.clause}.${clause.errno ? ` A violation gives ${clause.errno}.` : ''}`,
            '',
          ]
        : [];
    }),
    ...deviations.flatMap(({ rule, expected, seen, step }) => [
      `${rule}${step === undefined ? '' : `, syscall ${step + 1}`}:`,
      `  expected  ${expected}`,
      `  seen      ${seen}`,
      '',
    ]),
    ...(kernel ? [`Seen on Linux ${kernel.release}.`, ''] : []),
    'Build and run, as root:',
    '  gcc -Wall -Wextra -O2 -pthread -o repro repro.c && ./repro',
    ...(testCase.geometry.devices.length > 0
      ? [
          '',
          `The case needs ${deviceText(testCase)}. ${testCase.geometry.devices.length === 1 ? 'By default it is a loop device over a file in /tmp. To use another, give one of exactly that size as argument; it is OVERWRITTEN.' : 'By default they are loop devices over files in /tmp. To use others, give block devices of exactly these sizes as arguments; they are OVERWRITTEN.'}${
            testCase.geometry.devices.some(({ atomic }) => atomic)
              ? ' Some have to take atomic writes of a block: by default these are partitions of the disk of scsi_debug, which needs atomic_wr=1.'
              : ''
          }`,
        ]
      : []),
    '',
    'Exit code: 0 the kernel conforms to the rules, 1 it deviates, 2 it cannot be tried here (message on stderr).',
    '',
    'Printed are the syscalls with their results, below them the requests of the kernel (->) and the answers (<-), and what contradicts the rules (!).',
    '',
    `Rules: fuse-iomap ${testCase.revision}${uapiHeader ? `, with the numbers of ${uapiHeader.path}` : ''}. Case ${hash.slice(0, 12)}.`,
  ]);
}

function subject(deviating: readonly string[], told: readonly string[]): string[] {
  if (deviating.length > 0) return [`fuse-iomap: the kernel deviates from ${list(deviating)}`];
  if (told.length > 0) return [`fuse-iomap: a case that the kernel has to refuse, by ${list(told)}`];
  return ['fuse-iomap: a case that the kernel has to serve'];
}

const list = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)!}`;

function deviceText({ geometry: { devices } }: Case): string {
  const sizes = devices.map(({ sizeBytes }) => `${sizeBytes}`);
  return devices.length === 1
    ? `a block device of ${sizes[0]!} bytes`
    : `${devices.length} block devices, of ${list(sizes)} bytes`;
}
