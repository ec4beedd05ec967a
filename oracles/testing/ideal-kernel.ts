/**
 * A kernel that follows the rules, for tests of the judges and of the plan: runs a case against a scripted server and
 * says what would have been observed. It shares the model with the judges, so it shows that the judges compare
 * completely, not that the model is right: that is what the hand-made observations of the tests are for.
 */
import type { ByteRun } from '../../model/bytes.ts';
import type { Case } from '../../model/case.ts';
import type { KernelEvent, Observation, StepResult } from '../../model/observation.ts';
import { revisions, type Revision } from '../../uapi/revision.ts';
import { sameSource, type Content, type Segment } from '../kernel/content.ts';
import type { Expectation, StepExpectation } from '../kernel/expectation.ts';
import type { PageCache } from '../kernel/page-cache.ts';
import { ScriptedServer } from '../kernel/scripted-server.ts';
import { simulate } from '../kernel/simulate.ts';
import type { BeginTable } from '../rules/first-violation.ts';
import { errnos } from '../../uapi/errno.ts';

export interface IdealKernelOptions {
  /** Default: the revision that the case names. */
  revision?: Revision;
  /**
   * Where the rules leave a choice, which one is taken: indices in order, 0 where the list ends. Default: 0 throughout.
   */
  choices?: readonly number[];
  /** Rules of a kernel that is not ideal. Default: the revision's. */
  table?: BeginTable;
  /** Page caches of a kernel that is not ideal. Default: those that the rules ask for. */
  pageCache?: () => PageCache;
}

const FIRST_INO = 100n;

/** What would be observed of the case. Throws when the model finds the case unspecified. */
export function runIdeal(testCase: Case, options: IdealKernelOptions = {}): Observation {
  const { table, pageCache, revision = revisions[testCase.revision] } = options;
  const devices = testCase.geometry.devices.map((_, index) => index + 1);
  const inodes = testCase.geometry.files.map((_, index) => FIRST_INO + BigInt(index));
  const server = new ScriptedServer(testCase, devices, options.choices, revision);
  const mount = { errno: 0, minor: revision.minor, flags: 1n << BigInt(revision.initBit), devices };
  const expectation = simulate({
    case: testCase,
    revision,
    mount,
    inodes,
    driver: server,
    ...(table && { table }),
    ...(pageCache && { pageCache }),
  });
  if (expectation.unspecified !== undefined) throw new Error(`unspecified: ${expectation.unspecified}`);
  return {
    mount: {
      ...mount,
      errno: expectation.mount.errno ?? 0,
      devices: expectation.devices.map((errno, index) => (errno === 0 ? devices[index]! : -errno)),
    },
    steps: expectation.steps.map((step, index) => resultOf(step, testCase, index)),
    transcript: server.transcript,
    events: eventsOf(testCase, expectation, revision),
    deviceChanges: expectation.contents.flatMap((content, device) => changesOf(content, device)),
    inodes,
  };
}

function resultOf(step: StepExpectation, testCase: Case, index: number): StepResult {
  if (step.kind === 'fails') return { ret: -1n, errno: step.errnos?.[0] ?? errnos.EIO };
  if (step.kind === 'any') return { ret: 0n, errno: 0 };
  const call = testCase.workload[index];
  const asked = call?.call === 'pread' || call?.call === 'mmapRead' ? call.lengthBytes : 0;
  const ret = step.ret ?? 3n;
  return {
    ret,
    errno: 0,
    ...(step.data && {
      data: runsOf(step.data),
      tail: asked > Number(ret) ? [{ lengthBytes: asked - Number(ret), source: { kind: 'poison' } }] : [],
    }),
    ...(step.fiemap && { fiemap: [...step.fiemap] }),
    ...(step.fiemapMapped !== undefined && { fiemapMapped: step.fiemapMapped }),
    ...(step.sizeBytes !== undefined && { sizeBytes: step.sizeBytes }),
    ...(step.times && { times: [...step.times] }),
    ...(step.outBytes && { out: step.outBytes }),
    ...(step.outFlags && { out: outOf(step.outFlags.set) }),
  };
}

function outOf(flags: bigint): Uint8Array {
  const out = Buffer.alloc(16);
  out.writeBigUInt64LE(flags);
  return out;
}

const runsOf = (segments: readonly Segment[]): ByteRun[] =>
  segments.map((segment) => ({ lengthBytes: Number(segment.end - segment.start), source: segment.sources[0]! }));

function eventsOf(testCase: Case, expectation: Expectation, { badDataEvent }: Revision): KernelEvent[] {
  const reports = expectation.refusals
    .filter((refusal) => refusal.viaBadData)
    .flatMap((refusal, index) =>
      (refusal.conditions ?? ['a condition']).map((condition) => ({
        func: refusal.func ?? 'fuse_iomap',
        condition,
        line: 100 + index,
      })),
    );
  return reports.flatMap((report): KernelEvent[] => [
    ...(testCase.debugIomap ? [{ kind: 'bad-mapping-warn' as const, ...report }] : []),
    ...(badDataEvent ? [{ kind: 'bad-data' as const, ...report }] : []),
  ]);
}

function changesOf(content: Content, device: number): Observation['deviceChanges'] {
  return content.touched().flatMap((segment) => {
    const source = segment.sources[0]!;
    if (sameSource(source, content.base(segment.start))) return [];
    return [
      { device, offsetBytes: segment.start, content: [{ lengthBytes: Number(segment.end - segment.start), source }] },
    ];
  });
}
