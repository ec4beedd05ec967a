/** What of the reproducer a case needs: every section asks here, so that nothing is emitted that is not used. */
import type { Case, ScriptLine, Step } from '../../model/case.ts';
import { canonicalJson } from '../../model/hash.ts';
import { RWF } from '../../model/syscall-flags.ts';
import { jsonSafe } from '../../model/json-safe.ts';
import type { Deviation } from '../../model/verdict.ts';
import type { Revision } from '../../uapi/revision.ts';
import type { Segment } from '../../oracles/kernel/content.ts';
import type { StepExpectation } from '../../oracles/kernel/expectation.ts';
import { notificationsOf } from '../../model/case-traits.ts';
import type { Prediction } from '../../oracles/predict.ts';

/** A case on its way to C. */
export interface Program {
  readonly case: Case;
  readonly revision: Revision;
  readonly prediction: Prediction;
  readonly uses: Uses;
}

export interface Uses {
  /** The connection negotiates iomap. */
  iomap: boolean;
  devices: boolean;
  /** The server gives the devices to the kernel. */
  registers: boolean;
  calls: ReadonlySet<Step['call']>;
  /** The case's page buffer: bytes read, bytes written. */
  hasBuffer: boolean;
  /** By read or mmap. */
  reads: boolean;
  /** By write or mmap. */
  writes: boolean;
  /** Ordinary requests that the server answers with something else than ENOSYS. */
  ordinary: ReadonlySet<string>;
  /** OPEN is answered, so that the kernel sends OPEN, FLUSH and RELEASE. */
  opens: boolean;
  /** Some BEGIN may meet no line of the script. */
  ordinaryBegin: boolean;
  /** The script answers a request by mappings, or BEGIN is answered at all. */
  mappings: boolean;
  raw: boolean;
  /** The connection is aborted, by the script or to end a freeze. */
  aborts: boolean;
  config: boolean;
  /** Bytes are made or described. */
  bytes: boolean;
  /** The server's own bytes are made. */
  serverBytes: boolean;
  /** Bytes are compared with what the rules say. */
  comparesBytes: boolean;
  comparesDevices: boolean;
  /** The most origins that are right for one byte. */
  sources: number;
  /** Refusals must be reported by the kernel, or one was that should not have been. */
  trace: boolean;
  /** By the page cache: the kernel asks ahead of what is read, and may ask more than once. */
  readsAhead: boolean;
  /**
   * Something else than fsync or close may make the kernel write dirty pages, or it may go on writing them after a
   * failure.
   */
  flushesAtWill: boolean;
  /** Requests are compared with those that the kernel has to make. */
  comparesRequests: boolean;
}

export function usesOf(
  testCase: Case,
  revision: Revision,
  prediction: Prediction,
  deviations: readonly Deviation[],
): Uses {
  const calls = new Set(testCase.workload.map(({ call }) => call));
  const any = (of: readonly Step['call'][]): boolean => of.some((call) => calls.has(call));
  const reads = any(['pread', 'mmapRead', 'deviceRead', 'pageOut']),
    writes = any(['pwrite', 'mmapWrite', 'pageOut']);
  const notifications = notificationsOf(testCase);
  const iomap = testCase.geometry.initIomap ?? true;
  const devices = testCase.geometry.devices.length > 0;
  const begin =
    iomap &&
    (testCase.workload.some(({ call }) => !withoutMappings.has(call)) ||
      testCase.script.some(({ on }) => on === 'IOMAP_BEGIN'));
  const ordinaryBegin =
    begin && !testCase.script.some((line) => line.on === 'IOMAP_BEGIN' && isUnconditional(line, testCase));
  const opens =
    testCase.geometry.files.some(({ directIo }) => directIo) || testCase.script.some(({ on }) => on === 'OPEN');
  const comparesBytes = prediction.steps.some((outcomes) => comparableBytes(outcomes) !== undefined);
  const changes = any([
    'pwrite',
    'mmapWrite',
    'ftruncate',
    'fallocate',
    'fsync',
    'syncfs',
    'copyFileRange',
    'clone',
    'dedupe',
    'swapon',
    'pageOut',
    'freeze',
  ]);
  const comparesDevices =
    devices &&
    prediction.contents !== undefined &&
    (changes || deviations.some(({ aspect }) => aspect === 'device-bytes'));
  const ordinary = ordinaryRequests(calls, opens, testCase, revision, begin);
  const serverBytes = ordinary.has('READ') || notifications.some(({ kind }) => kind === 'store');
  return {
    iomap,
    devices,
    calls,
    reads,
    writes,
    hasBuffer: reads || writes,
    registers: devices && revision.ioctls.BACKING_OPEN !== undefined && !mustFailToMount(prediction),
    opens,
    ordinaryBegin,
    comparesBytes,
    comparesDevices,
    sources: Math.max(
      1,
      ...prediction.steps.flatMap((outcomes) =>
        (comparableBytes(outcomes) ?? []).map((segment) => segment.sources.length),
      ),
      ...(prediction.contents ?? []).flat().map((segment) => segment.sources.length),
    ),
    readsAhead:
      any(['pread', 'mmapRead', 'mmapWrite', 'copyFileRange', 'clone', 'dedupe', 'readahead', 'fadvise']) &&
      testCase.workload.some((step) => step.call === 'open' && !step.flags.includes('direct')),
    flushesAtWill:
      any([
        'ftruncate',
        'fallocate',
        'copyFileRange',
        'clone',
        'dedupe',
        'freeze',
        'syncfs',
        'swapon',
        'mmapWrite',
        'fadvise',
      ]) ||
      prediction.refusals.some((list) => list.length > 0) ||
      testCase.script.some(({ reply }) => reply.kind !== 'mappings' && reply.kind !== 'attributes'),
    ordinary,
    serverBytes,
    mappings:
      begin &&
      (ordinaryBegin ||
        testCase.script.some(({ reply }) => reply.kind === 'mappings') ||
        notifications.some(({ kind }) => kind === 'upsert')),
    aborts: calls.has('freeze') || testCase.script.some(({ reply }) => reply.kind === 'abort'),
    raw: testCase.script.some(({ reply }) => reply.kind === 'raw'),
    config: iomap && revision.opcodes.IOMAP_CONFIG !== undefined,
    bytes: devices || reads || writes || serverBytes,
    trace:
      iomap &&
      revision.badDataEvent &&
      (prediction.refusals.some((list) => list.length > 0) ||
        deviations.some(({ aspect }) => aspect === 'trace-event')),
    comparesRequests: begin && prediction.requests.length > 0 && deviations.some(({ aspect }) => aspect === 'request'),
  };
}

/** Steps that never make the kernel ask for a mapping. */
const withoutMappings: ReadonlySet<Step['call']> = new Set([
  'open',
  'close',
  'fstat',
  'fuseIoctl',
  'ordinary',
  'fsUuid',
  'setTimes',
] as const);

/** Its writes, or it itself, are made durable before they return. */
const writesThrough = (step: Step): boolean =>
  (step.call === 'open' && (step.flags.includes('sync') || step.flags.includes('dsync'))) ||
  (step.call === 'pwrite' && ((step.rwf ?? 0) & (RWF.SYNC | RWF.DSYNC)) !== 0);

/** The line answers every request of its opcode. */
const isUnconditional = (line: ScriptLine, testCase: Case): boolean =>
  line.times === undefined &&
  !line.opflagsSet &&
  !line.opflagsClear &&
  !line.posFrom &&
  line.posTo === undefined &&
  (line.file === undefined || testCase.geometry.files.length === 1);

/** What the server answers with something else than ENOSYS, and the steps that may lead to it. */
function ordinaryRequests(
  calls: ReadonlySet<Step['call']>,
  opens: boolean,
  testCase: Case,
  revision: Revision,
  begin: boolean,
): Set<string> {
  const requests = new Set(['LOOKUP', 'GETATTR', 'SYNCFS', 'DESTROY']);
  const when = (condition: boolean, ...names: string[]): void => {
    if (condition) for (const name of names) requests.add(name);
  };
  const any = (...names: Step['call'][]): boolean => names.some((name) => calls.has(name));
  const maps = any('mmapRead', 'mmapWrite'),
    copies = any('copyFileRange', 'clone', 'dedupe');
  const truncates = testCase.workload.some((step) => step.call === 'open' && step.flags.includes('trunc'));
  when(opens, 'OPEN', 'RELEASE', 'FLUSH');
  const changes = any('pwrite', 'ftruncate', 'fallocate', 'fsync') || maps || copies || truncates;
  // Zeroing a part of a block, or of inline data, reads what is around it.
  when(
    any('pread', 'swapon', 'readahead', 'fadvise') ||
      changes ||
      notificationsOf(testCase).some(({ kind }) => kind === 'store' || kind === 'retrieve'),
    'READ',
  );
  when(changes, 'WRITE');
  when(changes || any('syncfs', 'setTimes', 'ordinary'), 'SETATTR');
  when(
    any('fsync', 'syncfs', 'swapon', 'freeze') ||
      maps ||
      copies ||
      testCase.workload.some(writesThrough) ||
      testCase.geometry.files.some(({ attrFlags }) => attrFlags.includes('SYNC')),
    'FSYNC',
  );
  when(any('fallocate'), 'FALLOCATE');
  when(any('ordinary'), 'FSYNCDIR', 'RELEASEDIR');
  when(any('seekData', 'seekHole'), 'LSEEK');
  when(any('freeze') && revision.opcodes.FREEZE_FS !== undefined, 'FREEZE_FS', 'UNFREEZE_FS');
  when(any('shutdown') && revision.opcodes.SHUTDOWN_FS !== undefined, 'SHUTDOWN_FS');
  when(begin, 'IOMAP_BEGIN', 'IOMAP_END');
  when(begin && revision.opcodes.IOMAP_IOEND !== undefined, 'IOMAP_IOEND');
  return requests;
}

/** The bytes that a read has to return, where all readings in which it succeeds agree about them. */
export function comparableBytes(outcomes: readonly StepExpectation[]): readonly Segment[] | undefined {
  if (outcomes.some(({ kind }) => kind === 'any')) return undefined;
  const successes = outcomes.filter((outcome) => outcome.kind === 'succeeds');
  const [first] = successes;
  if (!first?.data || first.data.length === 0) return undefined;
  const text = (data: readonly Segment[] | undefined): string => canonicalJson(jsonSafe(data ?? []));
  return successes.every(({ ret, data }) => ret === first.ret && text(data) === text(first.data))
    ? first.data
    : undefined;
}

/** No syscall of the case can be made. */
export const mustFailToMount = ({ mount }: Program['prediction']): boolean =>
  mount.length > 0 && mount.every(({ errno: value }) => value !== 0);
