/** Executes cases and reports an observation of each. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Case } from '../../model/case.ts';
import { isQuiet, mayWrite, mostRequests, mountKey, needsOpens, needsOwnMount } from '../../model/case-traits.ts';
import type { GuestMessage, HostMessage, OutsideCases } from '../../model/channel.ts';
import type { LibertyCounts } from '../../model/liberties.ts';
import type { PackedObservation } from '../../model/exchange-record.ts';
import { inoOf, nodeidOf } from '../../model/nodes.ts';
import type { KernelEvent } from '../../model/observation.ts';
import { tableBatchHead, tableKernelLogs } from '../../model/table-result.ts';
import { OPCODES } from '../../uapi/fuse-operations.ts';
import { inHeader, writeIn } from '../../uapi/fuse-structs.ts';
import { beginningOf, glance } from './cases/exchange-log.ts';
import { loadNative, type Native } from '../native/index.ts';
import { revisionWith, type Numbers } from '../../uapi/numbers.ts';
import type { Revision } from '../../uapi/revision.ts';
import { withCoverage } from './cases/coverage.ts';
import { KernelEvents } from './cases/kernel-events.ts';
import { LibertyCounter } from './cases/liberties.ts';
import { DeviceSet } from './cases/devices.ts';
import type { ServerCase } from './cases/messages.ts';
import { ServerHandle } from './cases/server-handle.ts';
import { WORD } from './cases/shared.ts';
import type { PortAccess } from './port.ts';
import { Session } from './cases/session.ts';
import { FrozenError, Workload } from './cases/workload.ts';
import { Progress } from './watch/progress.ts';
import { WatchHandle } from './watch/watch-handle.ts';

type Send = (...messages: GuestMessage[]) => void;
type RunCases = Extract<HostMessage, { kind: 'run-cases' }>;
type RunTable = Extract<HostMessage, { kind: 'run-table' }>;
interface Numbered {
  index: number;
  case: Case;
  serial: number;
}
interface Unverified {
  item: Numbered;
  observation: PackedObservation;
}

const O_RDWR = 2;
/** So many read-only cases share one comparison of the devices; if it finds a change they are run again one by one. */
const mostUnverified = 64;
/** Requests that are kept of a kernel that asks without end. */
const keptOfEndless = 100;

/** A write-type operation, or something that only follows one, although the workload did not write. */
function wrote(log: Buffer, { opFlags, opcodes }: Revision): boolean {
  const writing = (opFlags.WRITE | opFlags.ZERO | opFlags.UNSHARE | opFlags.WRITEBACK) >>> 0;
  for (const { opcode, opflags } of glance(log)) {
    if (opcode === OPCODES.WRITE || opcode === OPCODES.FALLOCATE || opcode === opcodes.IOMAP_IOEND) return true;
    if ((opcode === opcodes.IOMAP_BEGIN || opcode === opcodes.IOMAP_END) && (opflags & writing) !== 0) return true;
  }
  return false;
}

/** Neither a report of a mapping nor a gap: it says something about the kernel whatever case it belongs to. */
const isOfLog = ({ kind }: KernelEvent): boolean =>
  kind !== 'bad-data' && kind !== 'bad-mapping-warn' && kind !== 'lost-events';

const modulePath = (parameter: string): string => `/sys/module/fuse/parameters/${parameter}`;
function setParameter(name: string, on: boolean): void {
  try {
    writeFileSync(modulePath(name), on ? 'Y' : 'N');
  } catch {
    // The kernel has no such switch; the facts say so.
  }
}

class Runner {
  readonly #native: Native;
  readonly #server: ServerHandle;
  readonly #events: KernelEvents;
  readonly #liberties = new LibertyCounter();
  #session: Session | undefined;
  /** Making and filling them is half of a mount's time: the next mount with equal ones has them too. */
  #devices: { key: string; set: DeviceSet } | undefined;
  #mountKey = '';
  #serial = 0;
  #debug: boolean | undefined;
  #coverage: boolean | undefined;
  /** Of the kernel, as the host knows them. */
  #numbers: Numbers | undefined;
  /** A case left something behind that is in the way of others: this guest runs no more of them. */
  #unfit = false;
  /** Tells the host what the kernel said while no case ran. */
  #tell: (where: OutsideCases) => void = () => undefined;
  /** What the kernel said before the first case was told. */
  #told = false;

  readonly #watch: WatchHandle | undefined;
  readonly #progress: Progress;

  /** `watch`: looks whether the kernel comes back. */
  constructor(native: Native, server: ServerHandle, watch?: WatchHandle) {
    this.#watch = watch;
    this.#progress = watch?.progress ?? new Progress();
    this.#native = native;
    this.#server = server;
    this.#events = new KernelEvents(native);
    setParameter('enable_iomap', true);
  }

  #begin({ id, hangs = [], numbers }: RunCases | RunTable, { revision }: Case): void {
    this.#progress.begin(id);
    // A mount speaks by the numbers that it began with.
    if (JSON.stringify(numbers) !== JSON.stringify(this.#numbers)) this.#mountKey = '';
    this.#numbers = numbers;
    this.#watch?.command({ revision, ...(numbers && { numbers }), hangs, server: this.#server.words[WORD.thread]! });
  }

  run(message: RunCases, sendNow: Send): void {
    const { id, cases, coverage } = message;
    if (cases[0]) this.#begin(message, cases[0].case);
    this.#coverage = coverage;
    // A write to the port costs as much as a case: results travel with the announcement of the next case.
    const waiting: GuestMessage[] = [];
    const send: Send = (...messages) => {
      waiting.push(...messages);
      const { kind } = messages.at(-1)!;
      if (kind !== 'case-begins' && kind !== 'cases-done') return;
      this.#progress.enter('idle');
      sendNow(...waiting.splice(0));
    };
    this.#listen(id, send);
    // Without cases: an end of what was.
    if (cases.length === 0 && this.#closeSession() !== undefined) this.#tell('unmount');
    // Mounting costs more than a hundred cases: those of one geometry run together, in their order.
    const groups = new Map<string, Numbered[]>();
    for (const { index, case: value } of cases) {
      const numbered = { index, case: value, serial: this.#serial++ };
      const key = needsOwnMount(value) ? `own ${numbered.serial}` : mountKey(value);
      const group = groups.get(key);
      if (group) group.push(numbered);
      else groups.set(key, [numbered]);
    }
    for (const [key, group] of groups) {
      if (this.#unfit) break;
      if (key.startsWith('own ')) this.#runOwn(id, group[0]!, send);
      else this.#runShared(id, key, group, send);
    }
    this.#tell('between-cases');
    send({ kind: 'cases-done', id, ...this.#libertiesTaken() });
  }

  #listen(id: number, send: Send): void {
    this.#tell = (where) => {
      const events = this.#events.drain().filter(isOfLog);
      if (events.length > 0) send({ kind: 'outside-cases', id, where, events });
    };
    this.#tell(this.#told ? 'between-cases' : 'before-cases');
    this.#told = true;
  }

  /** Runs table cases; the addon does it all, up to the comparison of the devices, which may void the batch. */
  runTable(message: RunTable, sendNow: Send): void {
    const { id, like, cases } = message;
    const send: Send = (...messages) => {
      this.#progress.enter('idle');
      sendNow(...messages);
    };
    // What was read of the kernel's log is said nowhere else, also when the batch tells nothing.
    const events: { index: number; events: KernelEvent[] }[] = [];
    const refuse = (reason: string): void => {
      send({ kind: 'table-refused', id, reason, events });
    };
    try {
      this.#listen(id, send);
      this.#begin(message, like);
      this.#mounted(mountKey(like), like);
      const session = this.#session!;
      if (session.mount.errno !== 0) {
        refuse('the kernel refuses this mount');
        return;
      }
      this.#settle(like);
      // A result of a table has no room for what is true of each case from here on.
      const ended = this.#events.ended;
      if (ended) {
        refuse('the kernel no longer checks its locks');
        return;
      }
      const options = { ...session.tableOptions(), ...this.#events.fds };
      const results: Uint8Array[] = [];
      const words = new Uint32Array(7);
      for (let from = 0; from < cases.length;) {
        this.#progress.enter('table');
        const result = this.#native.runTable(cases, from, this.#serial, options);
        for (const { index, kmsg } of tableKernelLogs(result)) events.push({ index, events: this.#events.ofLog(kmsg) });
        this.#native.progress(words);
        if (words[6] === 1) throw new Error('a case made the kernel ask without end, and its connection was cut');
        const { cases: count, resumeAt } = tableBatchHead(result);
        this.#serial += count;
        from = resumeAt;
        results.push(result);
      }
      this.#progress.enter('devices');
      const changed = session.devices.changes();
      this.#tell('between-cases');
      const stopped =
        this.#events.ended &&
        events.every((one) => one.events.every(({ kind }) => kind !== 'bug' && kind !== 'warning'));
      if (changed.length > 0) refuse('a device was changed where no case of the batch should');
      else if (stopped) refuse('the kernel stopped to check its locks');
      else send({ kind: 'table-done', id, mount: session.mount, results, events, ...this.#libertiesTaken() });
    } catch (error) {
      this.#closeSession();
      this.#discardDevices();
      refuse(error instanceof Error ? error.message : String(error));
    }
  }

  #libertiesTaken(): { liberties?: LibertyCounts } {
    const liberties = this.#liberties.take();
    return liberties ? { liberties } : {};
  }

  /** Mounts for cases like `value` unless the mount of the moment will do. True: it is a new one. */
  #mounted(key: string, value: Case, index?: number): boolean {
    if (this.#mountKey === key) return false;
    if (this.#closeSession() !== undefined) this.#tell('unmount');
    this.#progress.enter('mount', { index });
    this.#session = Session.open(this.#native, this.#server, this.#devicesOf(value), value, {
      opens: needsOpens(value),
      numbers: this.#numbers,
    });
    this.#mountKey = key;
    // INIT and CONFIG are no case's.
    this.#session.exchanges(false);
    this.#tell('mount');
    return true;
  }

  #runShared(id: number, key: string, group: Numbered[], send: Send): void {
    let announced = false;
    const unverified: Unverified[] = [];
    const verify = (): void => {
      const dirty = unverified.length > 0 && this.#session !== undefined && this.#session.devices.changes().length > 0;
      for (const { item, observation } of unverified.splice(0)) {
        send({
          kind: 'case-done',
          id,
          index: item.index,
          observation: dirty ? this.#again(item, observation.events) : observation,
        });
      }
    };
    for (const item of group) {
      let observation: PackedObservation | undefined;
      try {
        if (mayWrite(item.case)) verify();
        send({ kind: 'case-begins', id, index: item.index });
        if (this.#mounted(key, item.case, item.index)) announced = false;
        if (!announced) this.#session!.announce(group.map(serverCase));
        announced = true;
        this.#settle(item.case);
        observation = this.#execute(item, this.#session!);
        this.#progress.enter('devices', { index: item.index });
        if (mayWrite(item.case)) {
          observation.deviceChanges = this.#session!.devices.changes();
          send({ kind: 'case-done', id, index: item.index, observation });
        } else if (wrote(Buffer.from(observation.transcript), revisionWith(item.case.revision, this.#numbers))) {
          unverified.push({ item, observation });
          verify();
        } else {
          unverified.push({ item, observation });
          if (unverified.length >= mostUnverified) verify();
        }
        // Nobody answers on a connection that was cut.
        if (observation.endless ?? observation.cut?.why === 'count') {
          verify();
          this.#closeSession();
        }
      } catch (error) {
        verify();
        this.#fail(id, item, error, send, observation);
      }
    }
    verify();
  }

  #runOwn(id: number, item: Numbered, send: Send): void {
    send({ kind: 'case-begins', id, index: item.index });
    let observation: PackedObservation | undefined;
    try {
      if (this.#closeSession() !== undefined) this.#tell('unmount');
      this.#settle(item.case);
      this.#progress.enter('mount', { index: item.index });
      this.#session = Session.open(this.#native, this.#server, this.#devicesOf(item.case), item.case, {
        opens: needsOpens(item.case),
        own: serverCase(item),
        numbers: this.#numbers,
      });
      observation = this.#execute(item, this.#session);
      this.#progress.enter('devices', { index: item.index });
      observation.deviceChanges = this.#session.devices.changes();
      const session = this.#session;
      const unmountErrno = this.#closeSession(item.index);
      if (unmountErrno !== undefined) observation.unmountErrno = unmountErrno;
      // Unmounting speaks too: SYNCFS, DESTROY, and whatever the kernel complains about.
      this.#addLog(observation, session.lastExchanges());
      const { lost } = session;
      if (lost) observation.cut ??= { ...lost, why: 'room' };
      observation.events.push(...this.#events.drain());
      // An ioctl may have changed what a device is.
      if (item.case.workload.some(({ call }) => call === 'fuseIoctl')) this.#discardDevices();
      send({ kind: 'case-done', id, index: item.index, observation });
    } catch (error) {
      this.#fail(id, item, error, send, observation);
    }
  }

  /**
   * Once more, alone: the devices were found changed after a stretch of cases, and this says by which. `earlier`: what
   * the kernel said the first time.
   */
  #again(item: Numbered, earlier: readonly KernelEvent[]): PackedObservation {
    const again = { ...item, serial: this.#serial++ };
    this.#session!.announce([serverCase(again)]);
    this.#settle(again.case);
    const observation = this.#execute(again, this.#session!);
    observation.deviceChanges = this.#session!.devices.changes();
    // Reports of mappings are about the requests of that time, which nobody keeps; the rest is true whatever this time
    // shows.
    observation.events = [...earlier.filter(isOfLog), ...observation.events];
    return observation;
  }

  /** What the kernel says from here on is the case's. */
  #settle(value: Case): void {
    if (this.#debug !== value.debugIomap) setParameter('debug_iomap', value.debugIomap);
    this.#debug = value.debugIomap;
    this.#tell('between-cases');
  }

  #execute({ case: value, serial, index }: Numbered, session: Session): PackedObservation {
    const { ended } = this.#events;
    const files = value.geometry.files.length;
    const nodeids = Array.from({ length: files }, (_, index) => nodeidOf(serial, index));
    const observation: PackedObservation = {
      mount: session.mount,
      steps: [],
      transcript: new Uint8Array(0),
      written: [],
      stepBounds: [],
      events: ended ? [ended] : [],
      deviceChanges: [],
      nodeids,
      inodes: nodeids.map(inoOf),
    };
    const { most, certain } = mostRequests(value);
    session.limit(most);
    if (session.mount.errno === 0) {
      let unmounted: number | undefined;
      const control = {
        ...session.control,
        nodeids,
        unmountedFd: () => (unmounted ??= this.#native.open('/dev/fuse', O_RDWR, 0)),
      };
      const workload = new Workload(this.#native, control, session.paths(serial, files));
      try {
        const steps = (): void => {
          observation.stepBounds.push(session.begun);
          for (const [number, step] of value.workload.entries()) {
            this.#progress.enter('step', { index, step: number });
            try {
              observation.steps.push(workload.run(step));
            } catch (error) {
              if (!(error instanceof FrozenError)) throw error;
              observation.cut = { seq: session.begun, exchanges: 0, why: 'frozen' };
              break;
            }
            observation.stepBounds.push(session.begun);
          }
        };
        if (this.#coverage) {
          const { places, cut } = withCoverage(this.#native, steps);
          observation.coverage = places;
          if (cut) observation.coverageCut = true;
        } else steps();
      } finally {
        this.#progress.enter('close', { index });
        const complaint = workload.end();
        if (complaint) observation.events = [...observation.events, complaint];
        this.#unfit ||= complaint !== undefined;
        if (unmounted !== undefined && unmounted >= 0) this.#native.close(unmounted);
      }
    }
    this.#progress.enter('settle', { index });
    let log = session.exchanges(isQuiet(value));
    const { endless, lost } = session;
    if (observation.cut && (lost || endless))
      throw new Error('the case froze the file system, and not all of its requests were kept');
    if (lost) observation.cut = { ...lost, why: 'room' };
    if (endless) {
      const beginning = beginningOf(log, keptOfEndless);
      if (certain || beginning.same) {
        const step = observation.stepBounds.findIndex((bound) => endless.seq < bound) - 1;
        log = beginning.log;
        observation.endless = { opcode: endless.opcode, same: beginning.same, ...(step >= 0 && { step }) };
        delete observation.cut;
      } else observation.cut ??= { seq: endless.seq, exchanges: 1, why: 'count' };
    }
    this.#addLog(observation, log);
    const events = this.#events.drain();
    if (events.length > 0) observation.events = [...observation.events, ...events];
    return observation;
  }

  #addLog(observation: PackedObservation, log: Buffer): void {
    if (log.length === 0) return;
    observation.transcript = observation.transcript.length === 0 ? log : Buffer.concat([observation.transcript, log]);
    for (const { seq, opcode, request, cutBytes } of glance(log)) {
      const at = inHeader.size + writeIn.size;
      if (opcode !== OPCODES.WRITE || request.length < at) continue;
      const data = this.#native.decodeRuns(request, at, request.length - at);
      if (cutBytes > 0) data.push({ lengthBytes: cutBytes, source: { kind: 'unknown' } });
      observation.written.push({ seq, data });
    }
  }

  #devicesOf({ geometry: { devices } }: Case): DeviceSet {
    const key = JSON.stringify(devices);
    if (this.#devices?.key === key) this.#devices.set.renew();
    else {
      this.#discardDevices();
      this.#devices = { key, set: DeviceSet.make(this.#native, devices) };
    }
    return this.#devices.set;
  }

  #discardDevices(): void {
    const { set } = this.#devices ?? {};
    this.#devices = undefined;
    set?.remove();
  }

  /** `index`: the case that has the mount for itself. */
  #closeSession(index?: number): number | undefined {
    const session = this.#session;
    if (session) this.#progress.enter('unmount', { index });
    this.#session = undefined;
    this.#mountKey = '';
    return session?.close();
  }

  /** `observation`: what there is of it. */
  #fail(id: number, { index }: Numbered, error: unknown, send: Send, observation?: PackedObservation): void {
    let reason = error instanceof Error ? error.message : String(error);
    try {
      this.#closeSession();
    } catch (second) {
      reason += `; ${second instanceof Error ? second.message : String(second)}`;
    }
    this.#discardDevices();
    const events = observation?.events.filter(isOfLog) ?? [];
    if (events.length > 0) send({ kind: 'outside-cases', id, where: 'between-cases', events });
    send({ kind: 'case-failed', id, index, reason });
  }
}

const serverCase = ({ serial, case: { geometry, script } }: Numbered): ServerCase => ({
  serial,
  files: geometry.files,
  script,
});

let runner: Promise<Runner> | undefined;
let watchPort: PortAccess | undefined;

/** The port on which the thread that watches the kernel tells of it; without one nobody watches. */
export function watchThrough(port: PortAccess): void {
  watchPort = port;
}

/**
 * Handler of `run-cases`. The addon and the server's thread lie beside the agent's bundle; both are loaded at the first
 * case.
 */
export async function runCases(message: RunCases, send: Send): Promise<void> {
  runner ??= startRunner();
  (await runner).run(message, send);
}

/** Handler of `run-table`. */
export async function runTable(message: RunTable, send: Send): Promise<void> {
  runner ??= startRunner();
  (await runner).runTable(message, send);
}

/** Handler of `warm-up`. */
export async function warmUp({ id }: Extract<HostMessage, { kind: 'warm-up' }>, send: Send): Promise<void> {
  runner ??= startRunner();
  await runner;
  send({ kind: 'pong', id });
}

async function startRunner(): Promise<Runner> {
  const folder = dirname(process.argv[1]!);
  const addon = join(folder, 'iomapfuzz.node');
  const native = loadNative(addon);
  const [server, watch] = await Promise.all([
    ServerHandle.start(join(folder, 'server-thread.cjs'), addon),
    watchPort && WatchHandle.start(join(folder, 'watch-thread.cjs'), addon, watchPort),
  ]);
  return new Runner(native, server, watch);
}
