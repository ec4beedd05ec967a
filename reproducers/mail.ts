/** A case as plain text that a person can send to a mailing list: what, by which clause, where, how to see it again. */
import type { Case } from '../model/case.ts';
import { caseHash } from '../model/hash.ts';
import { mailText, plainLine } from '../model/plain-text.ts';
import type { Deviation } from '../model/verdict.ts';
import { wrapLine } from './c/text.ts';
import type { Evidence } from './evidence.ts';
import { predict } from '../oracles/predict.ts';
import { revisionWith } from '../uapi/numbers.ts';

const WIDTH = 72;

export interface MailInput {
  case: Case;
  evidence: Evidence;
  /** The case and what was seen of it, top to bottom. */
  timeline: readonly string[];
  /** The end of the kernel log, when it tells something. */
  consoleTail?: readonly string[];
}

export function emitMail(input: MailInput): string {
  const { case: testCase } = input;
  const lines = [
    plainLine(`Subject: ${subject(input)}`),
    '',
    ...opening(input),
    '',
    ...clauses(input),
    'What happens, from the mount on:',
    '',
    ...input.timeline.flatMap((line) => wrapLine(`  ${plainLine(line)}`, WIDTH)),
    '',
    ...(input.consoleTail && input.consoleTail.length > 0
      ? ['Kernel log:', '', ...input.consoleTail.map((line) => `  ${plainLine(line)}`), '']
      : []),
    ...paragraph(
      'The attached repro.c shows it with nothing but a C library: it mounts, answers the requests as above, does the system calls ' +
        'and says what contradicts the rules. As root:',
    ),
    '',
    '  gcc -Wall -Wextra -O2 -pthread -o repro repro.c && ./repro',
    '',
    ...paragraph(
      `It exits with 0 when the kernel conforms, with 1 when it deviates, and with 2 when it can't be tried.${
        testCase.geometry.devices.length > 0
          ? ' It makes loop devices of its own; block devices given as arguments are used instead, and overwritten.'
          : ''
      }`,
    ),
    '',
    ...facts(input),
  ];
  return `${mailText(lines).trimEnd()}\n`;
}

const paragraph = (text: string): string[] => wrapLine(plainLine(text), WIDTH);

/** The deviation that the mail is about: the first, as the judges order them by what they show. */
const headline = ({ evidence }: MailInput): Deviation | undefined => evidence.deviations[0];

function subject(input: MailInput): string {
  const first = headline(input);
  if (!first) return `fuse-iomap: a case for ${about(input).join(', ') || 'accepted mappings'}`;
  return `fuse-iomap: ${callOf(input.case, first) ?? 'the kernel'} deviates from ${first.rule}`;
}

function callOf(testCase: Case, { step }: Deviation): string | undefined {
  const call = step === undefined ? undefined : testCase.workload[step]?.call;
  return call === undefined
    ? undefined
    : ({ seekData: 'SEEK_DATA', seekHole: 'SEEK_HOLE', fiemap: 'FIEMAP', fuseIoctl: 'an ioctl' }[call as string] ??
        `${call}()`);
}

/** Rules that the case is about, as far as it is known without having been run. */
function about({ case: testCase, evidence }: MailInput): string[] {
  const seen = evidence.deviations.map(({ rule }) => rule);
  return [
    ...new Set(
      seen.length > 0
        ? seen
        : predict(testCase, revisionWith(testCase.revision, evidence.uapiHeader?.numbers))
            .refusals.flat()
            .map(({ rule }) => rule),
    ),
  ];
}

function opening(input: MailInput): string[] {
  const {
    evidence: { deviations, kernel, reliability, unjudged = [] },
  } = input;
  const where = kernel ? `On Linux ${kernel.release}` : 'On a kernel with fuse-iomap';
  const first = headline(input);
  const because = [...new Set(unjudged.map(({ aspect, reason }) => `${aspectText[aspect]} (${reason})`))].join(', ');
  const rest = because === '' ? [] : ['', ...paragraph(`Not judged: ${because}.`)];
  if (!first)
    return [
      ...paragraph(
        `${where} this case does what the rules say${because === '' ? '' : ', as far as it was judged'}${times(reliability)}.`,
      ),
      ...rest,
    ];
  const call = callOf(input.case, first);
  return [
    ...paragraph(`${where} ${call ?? 'the kernel'} ${shortcoming[first.aspect]}${times(reliability)}:`),
    '',
    ...deviations.flatMap(({ expected, seen, aspect }) => [
      ...wrapLine(`  ${aspectText[aspect]}`, WIDTH),
      ...wrapLine(`    expected  ${plainLine(expected)}`, WIDTH),
      ...wrapLine(`    seen      ${plainLine(seen)}`, WIDTH),
    ]),
    ...rest,
  ];
}

/** What is wrong, for the first sentence. */
const shortcoming: Record<Deviation['aspect'], string> = {
  errno: 'does not end as the rules of fuse-iomap say',
  result: 'does not return what the rules of fuse-iomap say',
  'trace-event': 'does not report a bad mapping as the rules of fuse-iomap say',
  warn: 'does not warn about a bad mapping as the rules of fuse-iomap say',
  'bytes-read': 'returns bytes that the mappings do not lead to',
  'device-bytes': 'leaves bytes on a device that it should not',
  request: 'makes the kernel ask the server something else than it should',
  'kernel-log': 'makes the kernel complain',
  size: 'leaves a file of the wrong size',
};

const aspectText: Record<Deviation['aspect'], string> = {
  errno: 'errno',
  result: 'result of the system call',
  'trace-event': 'trace event fuse_iomap_bad_data',
  warn: 'WARN of debug_iomap',
  'bytes-read': 'bytes that were read',
  'device-bytes': 'bytes on the device',
  request: 'request to the server',
  'kernel-log': 'kernel log',
  size: 'file size',
};

const times = (reliability: { shown: number; of: number } | undefined): string =>
  reliability === undefined
    ? ''
    : reliability.of === 1
      ? ' (tried once)'
      : `, ${reliability.shown} times out of ${reliability.of}`;

function clauses(input: MailInput): string[] {
  const told = about(input).flatMap((rule) => {
    const clause = input.evidence.clauses.get(rule);
    return clause
      ? [
          ...wrapLine(
            `  ${rule}: violated when ${clause.clause}.${clause.errno ? ` A violation gives ${clause.errno}.` : ''}`,
            WIDTH,
          ),
          '',
        ]
      : [];
  });
  return told.length === 0 ? [] : ['The clause:', '', ...told];
}

function facts({ case: testCase, evidence: { kernel, uapiHeader } }: MailInput): string[] {
  const rows: [string, string][] = [
    ...(kernel
      ? [
          [
            'Kernel:',
            kernel.version.includes(kernel.release) ? kernel.version : `${kernel.release} ${kernel.version}`,
          ] as [string, string],
        ]
      : []),
    ...(kernel && kernel.config.length > 0 ? [['Config:', kernel.config.join(' ')] as [string, string]] : []),
    ...(kernel?.machine === undefined ? [] : [['Machine:', kernel.machine] as [string, string]]),
    [
      'Rules:',
      `fuse-iomap, revision ${testCase.revision}${uapiHeader ? `, with the numbers of ${uapiHeader.path}` : ''}`,
    ],
    ['Case:', caseHash(testCase).slice(0, 12)],
  ];
  return rows.flatMap(([name, value]) => wrapLine(`${name.padEnd(9)}${plainLine(value)}`, WIDTH));
}
