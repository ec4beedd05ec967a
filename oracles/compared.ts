/** What is compared when a case is judged, in words: a verdict that says "conforms" says also what it rests on. */
import type { Case } from '../model/case.ts';
import type { Observation } from '../model/observation.ts';
import { errnoName } from '../uapi/errno.ts';
import { expectationOf, type JudgeOptions } from './judge.ts';
import { describeSource, type Segment } from './kernel/content.ts';
import type { ExpectedRefusal, StepExpectation } from './kernel/expectation.ts';

/** So many stretches of bytes are named; more are counted. */
const MAX_RANGES = 8;

/** One line for each thing: the mount, each syscall of the workload, requests, reports, devices, the kernel log. */
export function compared(testCase: Case, seen: Observation, options: JudgeOptions = {}): string[] {
  const { expectation, unjudged } = expectationOf(testCase, seen, options);
  const { mount, steps, refusals, contents, unspecified } = expectation;
  return [
    mount.errno === undefined
      ? 'mount(2): anything'
      : `mount(2): ${mount.errno === 0 ? 'success' : errnoName(mount.errno)} (${mount.rule})`,
    ...steps.map((step, index) => `${testCase.workload[index]?.call ?? 'step'}: ${stepText(step)} (${step.rule})`),
    ...(unspecified === undefined ? [] : [`the spec says no more from here on: ${unspecified}`]),
    `requests, each with all its fields and in this order: ${requestNames(seen) || 'none'}`,
    ...(refusals.length === 0 ? ['reports of bad data: none'] : refusals.map(refusalText)),
    ...contents.flatMap((content, device) => bytesLine(`device ${device}`, content.touched(), 'unchanged')),
    'kernel log: no warning, no failed assertion, no bug',
    ...unjudged.map(({ aspect, reason }) => `not compared: ${aspect}: ${reason}`),
  ];
}

function stepText(step: StepExpectation): string {
  if (step.kind === 'any') return 'any result';
  if (step.kind === 'fails') return `fails with ${step.errnos?.map(errnoName).join(' or ') ?? 'any errno'}`;
  const { ret, data, fiemap, fiemapMapped, sizeBytes, times, outBytes, outFlags } = step;
  return [
    `succeeds${ret === undefined ? '' : ` with ${ret}`}`,
    ...(data ? bytesLine('bytes', data, 'none') : []),
    ...(fiemap ? [`${fiemap.length} extents, field by field`] : []),
    ...(fiemapMapped === undefined ? [] : [`${fiemapMapped} extents counted`]),
    ...(sizeBytes === undefined ? [] : [`size ${sizeBytes}`]),
    ...(times ? [`times ${times.join(' ')}`] : []),
    ...(outBytes ? [`${outBytes.length} bytes out`] : []),
    ...(outFlags ? ['flags and padding out'] : []),
  ].join('; ');
}

const refusalText = ({ rule, viaBadData, conditions }: ExpectedRefusal): string =>
  `report of bad data by ${rule}: ${viaBadData ? (conditions?.join(', ') ?? 'one, of whatever text') : 'none'}`;

/** Requests about mappings and data; those that the VFS sends when it pleases are compared wherever they stand. */
const requestNames = ({ transcript }: Observation): string =>
  [...transcript]
    .sort((a, b) => a.seq - b.seq)
    .filter(({ name }) => !EVERYDAY.has(name))
    .map(({ name }) => name)
    .join(', ');

const EVERYDAY: ReadonlySet<string> = new Set([
  'INIT',
  'LOOKUP',
  'GETATTR',
  'OPEN',
  'FLUSH',
  'RELEASE',
  'FORGET',
  'GETXATTR',
  'IOMAP_CONFIG',
  'DESTROY',
]);

function bytesLine(what: string, segments: readonly Segment[], rest: string): string[] {
  if (segments.length === 0) return [`${what}: ${rest}`];
  const ranges = segments
    .slice(0, MAX_RANGES)
    .map(
      ({ start, end, sources }) =>
        `[0x${start.toString(16)}, 0x${end.toString(16)}) ${[...new Set(sources.map(describeSource))].join(' or ')}`,
    );
  return [
    `${what}: ${ranges.join(', ')}${segments.length > MAX_RANGES ? ` and ${segments.length - MAX_RANGES} more ranges` : ''}${rest === 'unchanged' ? '; all else unchanged' : ''}`,
  ];
}
