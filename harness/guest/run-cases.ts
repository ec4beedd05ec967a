/** Executes cases and reports an observation of each. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Case, Step } from '../model/case.ts';
import type { GuestMessage, HostMessage } from '../model/channel.ts';
import type { ByteRun } from '../model/bytes.ts';
import type { PackedObservation } from '../model/exchange-record.ts';
import type { KernelEvent } from '../model/observation.ts';
import { OPCODES } from '../uapi/fuse-operations.ts';
import { inHeader, writeIn } from '../uapi/fuse-structs.ts';
import { glance } from './cases/exchange-log.ts';
import { loadNative, type Native } from '../native/index.ts';
import { revisions } from '../uapi/revision.ts';
import { KernelEvents } from './cases/kernel-events.ts';
import type { ServerCase } from './cases/messages.ts';
import { ServerHandle } from './cases/server-handle.ts';
import { Session } from './cases/session.ts';
import { inoOf, nodeidOf } from './cases/shared.ts';
import { Workload } from './cases/workload.ts';

type Send = (...messages: GuestMessage[]) => void;
type RunCases = Extract<HostMessage, { kind: 'run-cases' }>;
interface Numbered { index: number; case: Case; serial: number }
interface Unverified { item: Numbered; observation: PackedObservation }

const O_RDWR = 2;
/** So many read-only cases share one comparison of the devices; if it finds a change they are run again one by one. */
const mostUnverified = 64;
const ENOSYS = 38;

const plainFlags: readonly (string | bigint)[] = ['BLOCKSIZE', 'MAXBYTES', 'CACHE_MAXBYTES'];
/** CONFIG answers that no kernel refuses; with any other the mount itself is the experiment. */
function plainConfig(config: Case['geometry']['config']): boolean {
  if (!config) return true;
  if (config.kind === 'error') return config.errno === ENOSYS;
  const { kind: _, flags = [], blockSizeBytes = 4096, maxBytes = 1n, cacheMaxBytes: _cache, ...others } = config;
  return flags.every((flag) => plainFlags.includes(flag)) && Object.values(others).every((value) => value === undefined) && [512, 1024, 2048, 4096].includes(blockSizeBytes) && maxBytes > 0n;
}
/** Answers that the kernel remembers for the connection, and steps that change its device table, need a mount of their own. */
const needsOwnMount = ({ script, workload, geometry }: Case): boolean =>
  !plainConfig(geometry.config) || workload.some(({ call }) => call === 'fuseIoctl')
  || script.some(({ on, reply }) => on === 'IOMAP_CONFIG' || on === 'SYNCFS' || on === 'SHUTDOWN_FS' || reply.kind === 'error' && reply.errno === ENOSYS
    || reply.kind === 'raw' && reply.error === -ENOSYS || reply.kind === 'die' || reply.kind === 'abort' || on === 'DESTROY');
/** Without OPEN the kernel sends neither RELEASE nor FLUSH: two or three requests less for a case. */
const needsOpens = ({ script, geometry }: Case): boolean =>
  geometry.files.some(({ directIo }) => directIo) || script.some(({ on }) => on === 'OPEN' || on === 'RELEASE' || on === 'FLUSH');
const sessionKey = (value: Case): string => {
  const { files: _files, ...geometry } = value.geometry;
  return JSON.stringify([value.revision, needsOpens(value), geometry], (_, v: unknown) => typeof v === 'bigint' ? `${v}n` : v);
};

const readOnly: ReadonlySet<Step['call']> = new Set(['open', 'close', 'pread', 'seekData', 'seekHole', 'fiemap', 'fstat'] as const);
/** Only direct reads and reports ask while their syscall waits; readahead, for one, asks in its own time. */
const isQuiet = (value: Case): boolean => !mayWrite(value) && !needsOpens(value)
  && value.workload.every((step) => step.call !== 'open' || step.flags.includes('direct') || !value.workload.some(({ call }) => call === 'pread'));
const mayWrite = ({ workload }: Case): boolean => workload.some((step) => !readOnly.has(step.call) || step.call === 'open' && step.flags.includes('trunc'));

/** A write-type operation, or something that only follows one, although the workload did not write. */
function wrote(log: Buffer, value: Case): boolean {
  const { opFlags, opcodes } = revisions[value.revision];
  const writing = (opFlags.WRITE | opFlags.ZERO | opFlags.UNSHARE | opFlags.WRITEBACK) >>> 0;
  for (const { opcode, opflags } of glance(log)) {
    if (opcode === OPCODES.WRITE || opcode === OPCODES.FALLOCATE || opcode === opcodes.IOMAP_IOEND) return true;
    if ((opcode === opcodes.IOMAP_BEGIN || opcode === opcodes.IOMAP_END) && (opflags & writing) !== 0) return true;
  }
  return false;
}

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
  #session: Session | undefined;
  #sessionKey = '';
  #serial = 0;
  #debug: boolean | undefined;

  constructor(native: Native, server: ServerHandle) {
    this.#native = native;
    this.#server = server;
    this.#events = new KernelEvents(native);
    setParameter('enable_iomap', true);
  }

  run({ id, cases }: RunCases, sendNow: Send): void {
    // A write to the port costs as much as a case: results travel with the announcement of the next case.
    const waiting: GuestMessage[] = [];
    const send: Send = (...messages) => {
      waiting.push(...messages);
      const { kind } = messages.at(-1)!;
      if (kind === 'case-begins' || kind === 'cases-done') sendNow(...waiting.splice(0));
    };
    // Mounting costs more than a hundred cases: those of one geometry run together, in their order.
    const groups = new Map<string, Numbered[]>();
    for (const { index, case: value } of cases) {
      const numbered = { index, case: value, serial: this.#serial++ };
      const key = needsOwnMount(value) ? `own ${numbered.serial}` : sessionKey(value);
      const group = groups.get(key);
      if (group) group.push(numbered);
      else groups.set(key, [numbered]);
    }
    for (const [key, group] of groups) {
      if (key.startsWith('own ')) this.#runOwn(id, group[0]!, send);
      else this.#runShared(id, key, group, send);
    }
    send({ kind: 'cases-done', id });
  }

  #runShared(id: number, key: string, group: Numbered[], send: Send): void {
    let announced = false;
    const unverified: Unverified[] = [];
    const verify = (): void => {
      const dirty = unverified.length > 0 && this.#session !== undefined && this.#session.devices.changes().length > 0;
      for (const { item, observation } of unverified.splice(0)) {
        send({ kind: 'case-done', id, index: item.index, observation: dirty ? this.#again(item) : observation });
      }
    };
    for (const item of group) {
      try {
        if (mayWrite(item.case)) verify();
        send({ kind: 'case-begins', id, index: item.index });
        if (this.#sessionKey !== key) {
          this.#closeSession();
          this.#session = Session.open(this.#native, this.#server, item.case, needsOpens(item.case));
          this.#sessionKey = key;
          announced = false;
          // INIT and CONFIG are no case's.
          this.#session.exchanges(false);
        }
        if (!announced) this.#session!.announce(group.map(serverCase));
        announced = true;
        const observation = this.#execute(item, this.#session!);
        if (mayWrite(item.case)) {
          observation.deviceChanges = this.#session!.devices.changes();
          send({ kind: 'case-done', id, index: item.index, observation });
        } else if (wrote(Buffer.from(observation.transcript), item.case)) {
          unverified.push({ item, observation });
          verify();
        } else {
          unverified.push({ item, observation });
          if (unverified.length >= mostUnverified) verify();
        }
      } catch (error) {
        verify();
        this.#fail(id, item, error, send);
      }
    }
    verify();
  }

  #runOwn(id: number, item: Numbered, send: Send): void {
    send({ kind: 'case-begins', id, index: item.index });
    try {
      this.#closeSession();
      const events = this.#settle(item.case);
      this.#session = Session.open(this.#native, this.#server, item.case, needsOpens(item.case), serverCase(item));
      const observation = this.#execute(item, this.#session, events);
      observation.deviceChanges = this.#session.devices.changes();
      const session = this.#session;
      const unmountErrno = this.#closeSession();
      if (unmountErrno !== undefined) observation.unmountErrno = unmountErrno;
      // Unmounting speaks too: SYNCFS, DESTROY, and whatever the kernel complains about.
      this.#addLog(observation, session.lastExchanges());
      observation.events.push(...this.#events.drain());
      send({ kind: 'case-done', id, index: item.index, observation });
    } catch (error) {
      this.#fail(id, item, error, send);
    }
  }

  /** Once more, alone: the devices were found changed after a stretch of cases, and this says by which. */
  #again(item: Numbered): PackedObservation {
    const again = { ...item, serial: this.#serial++ };
    this.#session!.announce([serverCase(again)]);
    const observation = this.#execute(again, this.#session!);
    observation.deviceChanges = this.#session!.devices.changes();
    return observation;
  }

  #settle(value: Case): KernelEvent[] {
    if (this.#debug !== value.debugIomap) setParameter('debug_iomap', value.debugIomap);
    this.#debug = value.debugIomap;
    // What came after the last case was reported is nobody's.
    return this.#events.drain().filter(({ kind }) => kind === 'bug' || kind === 'warning' || kind === 'assertion');
  }

  #execute({ case: value, serial }: Numbered, session: Session, before?: KernelEvent[]): PackedObservation {
    const early = before ?? this.#settle(value);
    const files = value.geometry.files.length;
    const nodeids = Array.from({ length: files }, (_, index) => nodeidOf(serial, index));
    const observation: PackedObservation = {
      mount: session.mount, steps: [], transcript: new Uint8Array(0), written: [], stepBounds: [], events: early, deviceChanges: [], nodeids,
      inodes: nodeids.map(inoOf),
    };
    if (session.mount.errno === 0) {
      let unmounted: number | undefined;
      const control = { ...session.control, unmountedFd: () => unmounted ??= this.#native.open('/dev/fuse', O_RDWR, 0) };
      const workload = new Workload(this.#native, control, session.paths(serial, files));
      try {
        observation.stepBounds.push(session.begun);
        for (const step of value.workload) {
          observation.steps.push(workload.run(step));
          observation.stepBounds.push(session.begun);
        }
      } finally {
        workload.end();
        if (unmounted !== undefined && unmounted >= 0) this.#native.close(unmounted);
      }
    }
    this.#addLog(observation, session.exchanges(isQuiet(value)));
    const events = this.#events.drain();
    if (events.length > 0) observation.events = [...early, ...events];
    return observation;
  }

  #addLog(observation: PackedObservation, log: Buffer): void {
    if (log.length === 0) return;
    observation.transcript = observation.transcript.length === 0 ? log : Buffer.concat([observation.transcript, log]);
    for (const { seq, opcode, request } of glance(log)) {
      if (opcode !== OPCODES.WRITE) continue;
      const at = inHeader.size + writeIn.size;
      observation.written.push({ seq, data: this.#native.decodeRuns(request, at, request.length - at) as ByteRun[] });
    }
  }

  #closeSession(): number | undefined {
    const session = this.#session;
    this.#session = undefined;
    this.#sessionKey = '';
    return session?.close();
  }

  #fail(id: number, { index }: Numbered, error: unknown, send: Send): void {
    let reason = error instanceof Error ? error.message : String(error);
    try {
      this.#closeSession();
    } catch (second) {
      reason += `; ${second instanceof Error ? second.message : String(second)}`;
    }
    send({ kind: 'case-failed', id, index, reason });
  }
}

const serverCase = ({ serial, case: { geometry, script } }: Numbered): ServerCase => ({ serial, files: geometry.files, script });

let runner: Promise<Runner> | undefined;

/** Handler of `run-cases`. The addon and the server's thread lie beside the agent's bundle; both are loaded at the first case. */
export async function runCases(message: RunCases, send: Send): Promise<void> {
  runner ??= startRunner();
  (await runner).run(message, send);
}

async function startRunner(): Promise<Runner> {
  const folder = dirname(process.argv[1]!);
  const addon = join(folder, 'iomapfuzz.node');
  return new Runner(loadNative(addon), await ServerHandle.start(join(folder, 'server-thread.cjs'), addon));
}
