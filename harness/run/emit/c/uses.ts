/** What of the reproducer a case needs: every section asks here, so that nothing is emitted that is not used. */
import type { Case, ScriptLine, Step } from '../../../model/case.ts';
import { canonicalJson } from '../../../model/hash.ts';
import { RWF } from '../../../model/syscall-flags.ts';
import { jsonSafe } from '../../../model/results.ts';
import type { Deviation } from '../../../model/verdict.ts';
import { revisions, type Revision } from '../../../uapi/revision.ts';
import type { Segment } from '../../../../oracles/kernel/content.ts';
import type { StepExpectation } from '../../../../oracles/kernel/expectation.ts';
import type { Prediction } from '../predict.ts';

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
  config: boolean;
  /** Bytes are made or described. */
  bytes: boolean;
  /** Bytes are compared with what the rules say. */
  comparesBytes: boolean;
  comparesDevices: boolean;
  /** Refusals must be reported by the kernel, or one was that should not have been. */
  trace: boolean;
  /** Requests are compared with those that the kernel has to make. */
  comparesRequests: boolean;
}

export function usesOf(of: Case, prediction: Prediction, deviations: readonly Deviation[]): Uses {
  const revision = revisions[of.revision];
  const calls = new Set(of.workload.map(({ call }) => call));
  const reads = calls.has('pread') || calls.has('mmapRead') || calls.has('deviceRead'), writes = calls.has('pwrite') || calls.has('mmapWrite');
  const iomap = of.geometry.initIomap ?? true;
  const devices = of.geometry.devices.length > 0;
  const begin = iomap && (reads || writes || calls.has('notify') || calls.has('seekData') || calls.has('seekHole') || calls.has('fiemap')
    || calls.has('ftruncate') || calls.has('fallocate') || calls.has('fsync') || of.script.some(({ on }) => on === 'IOMAP_BEGIN'));
  const ordinaryBegin = begin && !of.script.some((line) => line.on === 'IOMAP_BEGIN' && isUnconditional(line, of));
  const opens = of.geometry.files.some(({ directIo }) => directIo) || of.script.some(({ on }) => on === 'OPEN');
  const comparesBytes = prediction.steps.some((outcomes) => comparableBytes(outcomes) !== undefined);
  const changes = writes || ['ftruncate', 'fallocate', 'fsync'].some((call) => calls.has(call as Step['call']));
  const comparesDevices = devices && prediction.contents !== undefined && (changes || deviations.some(({ aspect }) => aspect === 'device-bytes'));
  return {
    iomap, devices, calls, reads, writes, registers: devices && revision.ioctls.BACKING_OPEN !== undefined && !mustFailToMount(prediction), opens, ordinaryBegin, comparesBytes, comparesDevices,
    ordinary: ordinaryRequests(calls, opens, of, revision, begin),
    mappings: begin && (ordinaryBegin || of.script.some(({ reply }) => reply.kind === 'mappings') || of.workload.some((step) => step.call === 'notify' && step.notification.kind === 'upsert')),
    raw: of.script.some(({ reply }) => reply.kind === 'raw'),
    config: iomap && revision.opcodes.IOMAP_CONFIG !== undefined,
    bytes: devices || reads || writes,
    trace: iomap && revision.badDataEvent && (prediction.refusals.some((list) => list.length > 0) || deviations.some(({ aspect }) => aspect === 'trace-event')),
    comparesRequests: begin && prediction.requests.length > 0 && deviations.some(({ aspect }) => aspect === 'request'),
  };
}

/** Its writes, or it itself, are made durable before they return. */
const writesThrough = (step: Step): boolean =>
  (step.call === 'open' && (step.flags.includes('sync') || step.flags.includes('dsync'))) || (step.call === 'pwrite' && ((step.rwf ?? 0) & (RWF.SYNC | RWF.DSYNC)) !== 0);

/** The line answers every request of its opcode. */
const isUnconditional = (line: ScriptLine, of: Case): boolean =>
  line.times === undefined && !line.opflagsSet && !line.opflagsClear && !line.posFrom && line.posTo === undefined && (line.file === undefined || of.geometry.files.length === 1);

function ordinaryRequests(calls: ReadonlySet<Step['call']>, opens: boolean, of: Case, revision: Revision, begin: boolean): Set<string> {
  const requests = new Set(['LOOKUP', 'GETATTR', 'SYNCFS', 'DESTROY']);
  const when = (condition: boolean, ...names: string[]): void => { if (condition) for (const name of names) requests.add(name); };
  when(opens, 'OPEN', 'RELEASE');
  const maps = calls.has('mmapRead') || calls.has('mmapWrite');
  when(calls.has('pread') || maps || of.workload.some((step) => step.call === 'notify' && step.notification.kind === 'store'), 'READ');
  when(calls.has('pwrite') || maps, 'WRITE');
  when(calls.has('pwrite') || maps || calls.has('ftruncate') || calls.has('fallocate') || calls.has('fsync')
    || of.workload.some((step) => step.call === 'open' && step.flags.includes('trunc')), 'SETATTR');
  when(calls.has('fsync') || maps || of.workload.some(writesThrough) || of.geometry.files.some(({ attrFlags }) => attrFlags.includes('SYNC')), 'FSYNC');
  when(calls.has('fallocate'), 'FALLOCATE');
  when(calls.has('seekData') || calls.has('seekHole'), 'LSEEK');
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
  return successes.every(({ ret, data }) => ret === first.ret && text(data) === text(first.data)) ? first.data : undefined;
}

/** No syscall of the case can be made. */
export const mustFailToMount = ({ mount }: Program['prediction']): boolean => mount.length > 0 && mount.every(({ errno: value }) => value !== 0);
