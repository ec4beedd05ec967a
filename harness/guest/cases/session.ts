/** One mounted file system, with its devices and connection: what cases of equal geometry share. */
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { makeDirectory } from '../../../files/make-directory.ts';
import type { Case } from '../../../model/case.ts';
import type { MountResult } from '../../../model/observation.ts';
import { fileName, firstCaseNode, inoOffset, nodesPerCase } from '../../../model/nodes.ts';
import type { Native, TableOptions } from '../../native/index.ts';
import { backingMap } from '../../../uapi/iomap.ts';
import { revisionWith, type Numbers } from '../../../uapi/numbers.ts';
import type { Revision } from '../../../uapi/revision.ts';
import type { ControlPlane } from './control-step.ts';
import type { DeviceSet } from './devices.ts';
import { takeLog } from './exchange-log.ts';
import type { ServerCase, SessionStart } from './messages.ts';
import { cookieOf } from '../../../server/mapping.ts';
import type { ServerHandle } from './server-handle.ts';
import { STATE, WORD, barrierName, mountPoint } from './shared.ts';

const { errno } = constants;
/** What no request has. */
const noOpcode = 0xffff_ffff;
const O_RDWR = 2,
  O_CLOEXEC = 0o2000000,
  MNT_DETACH = 2,
  MS_NOSUID = 2,
  MS_NODEV = 4;
/** INIT is answered within milliseconds; a kernel that has not sent it by then never will. */
const initDeadlineMs = 20_000;
const endDeadlineMs = 20_000;
const regularPath = '/tmp/iomapfuzz/regular';

/**
 * Registers the devices in order; results, ids or -errno, go to the shared words. The connection may use iomap only
 * when the kernel has digested the answers to INIT and CONFIG, which it does in its own time; it sends no other request
 * before, so a lookup waits for that.
 */
function registerDevices(
  native: Native,
  { fd, devices }: SessionStart,
  { ioctls, backingTypes }: Revision,
  words: Int32Array,
): void {
  if (devices.length === 0) return;
  const ready = native.open(`${mountPoint}/${barrierName}`, 0, 0);
  if (ready >= 0) native.close(ready);
  const request = ioctls.BACKING_OPEN;
  devices.forEach((device, index) => {
    words[WORD.devices + index] =
      request === undefined || device < 0
        ? -errno.EOPNOTSUPP
        : native.ioctl(fd, request, backingMap.encode({ fd: device, flags: backingTypes.IOMAP ?? 0 }));
  });
}

/** Another process with the same files, before any of the mount is among them: its end would have to flush those. */
function holding(native: Native): number {
  const pid = native.forkHolder();
  if (pid < 0) throw new Error(`the guest cannot start a process that holds /dev/fuse: errno ${-pid}`);
  return pid;
}

const revisionOf = ({ revision, numbers }: SessionStart): Revision => revisionWith(revision, numbers);

export interface SessionOptions {
  opens: boolean;
  /** The case that has the mount for itself. */
  own?: ServerCase;
  /** Of the kernel; absent: those of the case's revision. */
  numbers?: Numbers | undefined;
}

export class Session {
  readonly mount: MountResult;
  readonly devices: DeviceSet;
  readonly #native: Native;
  readonly #server: ServerHandle;
  readonly #start: SessionStart;
  readonly #revision: Revision;
  #lost: { seq: number; exchanges: number } | undefined;

  private constructor(
    native: Native,
    server: ServerHandle,
    start: SessionStart,
    devices: DeviceSet,
    mount: MountResult,
  ) {
    this.#native = native;
    this.#server = server;
    this.#start = start;
    this.devices = devices;
    this.mount = mount;
    this.#revision = revisionOf(start);
  }

  /**
   * Mounts, with the geometry's devices. What the kernel refuses is in `mount`; what the guest cannot do at all is
   * thrown.
   */
  static open(
    native: Native,
    server: ServerHandle,
    devices: DeviceSet,
    { revision, geometry }: Case,
    { opens, own, numbers }: SessionOptions,
  ): Session {
    makeDirectory(mountPoint);
    writeFileSync(regularPath, 'a regular file\n');
    const { files: _files, ...shared } = geometry;
    const { words } = server;
    const fd = native.open('/dev/fuse', O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
      throw new Error(
        `/dev/fuse cannot be opened: errno ${-fd}${fd === -errno.ENOENT ? ' (the kernel has no CONFIG_FUSE_FS)' : ''}`,
      );
    const start: SessionStart = {
      kind: 'session',
      fd,
      revision,
      ...(numbers && { numbers }),
      geometry: shared,
      opens,
      devices: shared.devices.map(({ access }, index) => devices.open(index, access)),
      ...(own ? { own } : {}),
    };
    if (own?.script.some(({ reply }) => reply.kind === 'kill')) start.holder = holding(native);
    const thread = words[WORD.thread]!;
    words.fill(0);
    words[WORD.thread] = thread;
    words[WORD.state] = STATE.starting;
    const syncInit = revisionOf(start).ioctls.SYNC_INIT;
    const early =
      shared.mount === 'syncInit' ? (syncInit === undefined ? -errno.ENOTTY : native.ioctl(fd, syncInit, 0)) : 0;
    server.post(start);
    const ret =
      early < 0
        ? early
        : native.mount(
            'iomapfuzz',
            mountPoint,
            'fuse',
            MS_NOSUID | MS_NODEV,
            `fd=${fd},rootmode=40000,user_id=0,group_id=0,allow_other`,
          );
    if (ret < 0) Atomics.store(words, WORD.abandoned, 1);
    const state = ret < 0 ? Atomics.load(words, WORD.state) : server.leave(STATE.starting, initDeadlineMs);
    if (state === STATE.failed) throw new Error(`the server failed: ${server.failure()}`);
    if (state === undefined) throw new Error('the kernel mounted the file system but sent no INIT');
    const mounted: MountResult = { errno: ret < 0 ? -ret : 0, devices: [] };
    if (Atomics.load(words, WORD.initMinor) !== 0) {
      mounted.minor = words[WORD.initMinor]!;
      mounted.flags = BigInt(words[WORD.initFlags]! >>> 0) | (BigInt(words[WORD.initFlags2]! >>> 0) << 32n);
      if (ret >= 0) registerDevices(native, start, revisionOf(start), words);
      mounted.devices = shared.devices.map((_, index) => words[WORD.devices + index]!);
    }
    return new Session(native, server, start, devices, mounted);
  }

  get control(): Omit<ControlPlane, 'unmountedFd' | 'nodeids'> {
    return {
      revision: this.#revision,
      mountedFd: this.#died ? -1 : this.#start.fd,
      devices: this.devices,
      deviceFds: this.#start.devices,
      cookies: this.mount.devices,
      regularPath,
    };
  }

  /** The server closed /dev/fuse. */
  get #died(): boolean {
    return Atomics.load(this.#server.words, WORD.died) === 1;
  }

  /** What table cases of this mount have in common. */
  tableOptions(): Omit<TableOptions, 'traceFd' | 'kmsgFd'> {
    const { opcodes, mappingTypes } = this.#revision;
    const u32s = (values: readonly number[]): Buffer => {
      const out = Buffer.alloc(values.length * 4);
      values.forEach((value, index) => {
        out.writeInt32LE(value | 0, index * 4);
      });
      return out;
    };
    return {
      firstNodeid: firstCaseNode,
      nodesPerCase,
      inoOffset,
      mountPoint,
      fuseFd: this.#start.fd,
      opBegin: opcodes.IOMAP_BEGIN ?? noOpcode,
      opEnd: opcodes.IOMAP_END ?? noOpcode,
      opIoend: opcodes.IOMAP_IOEND ?? noOpcode,
      typeHole: mappingTypes.HOLE ?? 0,
      typePureOverwrite: mappingTypes.PURE_OVERWRITE ?? 0,
      cookies: u32s(this.mount.devices.map((_, device) => cookieOf(this.mount.devices, device))),
      deviceFds: u32s(this.devices.checkFds),
    };
  }

  /** Sequence number that follows the one of the newest request. */
  get begun(): number {
    return Atomics.load(this.#server.words, WORD.begun);
  }

  /** Requests that the next case may make. */
  limit(most: number): void {
    this.#server.words[WORD.most] = most;
  }

  /** The request that was one too many, and its sequence number; the connection is cut then. */
  get endless(): { opcode: number; seq: number } | undefined {
    const { words } = this.#server;
    return words[WORD.endless] === 0 ? undefined : { opcode: words[WORD.endless]! - 1, seq: words[WORD.endlessAt]! };
  }

  paths(serial: number, files: number): string[] {
    return Array.from({ length: files }, (_, index) => `${mountPoint}/${fileName(serial, index)}`);
  }

  announce(cases: ServerCase[]): void {
    this.#server.post({ kind: 'cases', cases });
  }

  /**
   * The log since the last call, when the server has answered what the kernel asked so far. `quiet`: the case can have
   * left nothing behind that the kernel asks in its own time, so that nothing needs to be pushed through.
   */
  exchanges(quiet: boolean): Buffer {
    if (!quiet || !this.#settled()) this.#barrier();
    return this.lastExchanges();
  }

  /** What came after that, until the connection ended; for a closed session. */
  lastExchanges(): Buffer {
    const { words, log } = this.#server;
    const fresh = Atomics.load(words, WORD.consumed) === 0;
    const lost = words[WORD.lost]!;
    const at = words[WORD.lostAt]!;
    const taken = takeLog(words, log);
    this.#lost = fresh && lost > 0 ? { seq: at, exchanges: lost } : undefined;
    return taken;
  }

  /** The first exchange that found no room in the log that was taken last, and how many did not. */
  get lost(): { seq: number; exchanges: number } | undefined {
    return this.#lost;
  }

  /**
   * Unmounts. Returns the errno of umount(2), also when the mount could then be detached; undefined: there was no
   * mount. Throws Error when the server's thread does not come back.
   */
  close(): number | undefined {
    const native = this.#native;
    const unmounted = this.mount.errno === 0 ? native.umount2(mountPoint, 0) : undefined;
    if (unmounted !== undefined && unmounted < 0) native.umount2(mountPoint, MNT_DETACH);
    Atomics.store(this.#server.words, WORD.abandoned, 1);
    for (
      let state: number | undefined = Atomics.load(this.#server.words, WORD.state);
      state !== STATE.idle && state !== STATE.failed;
    ) {
      state = this.#server.leave(state, endDeadlineMs);
      if (state === undefined) throw new Error('the file system was unmounted but its connection did not end');
    }
    const failure = this.#server.failure();
    // Whether the case came to kill it or not.
    if (this.#start.holder !== undefined) native.killHolder(this.#start.holder);
    if (failure === undefined && !this.#died) native.close(this.#start.fd);
    for (const fd of this.#start.devices) if (fd >= 0) native.close(fd);
    if (failure !== undefined) throw new Error(`the server failed: ${failure}`);
    return unmounted === undefined ? undefined : Math.abs(unmounted);
  }

  /** Requests are answered in order by one thread: when this lookup is answered, so is everything before it. */
  #barrier(): void {
    if (this.mount.errno !== 0) return;
    const fd = this.#native.open(`${mountPoint}/${barrierName}`, 0, 0);
    if (fd === -errno.ENOENT) return;
    if (fd >= 0) this.#native.close(fd);
    // The connection refuses lookups (CONFIG failed, or it was aborted). What the server took up is still worth waiting
    // for.
    this.#settled();
  }

  /** Waits until the server has answered and logged what it has taken up. False: it is still busy after a second. */
  #settled(): boolean {
    const { words } = this.#server;
    for (let tries = 0; tries < 100; tries++) {
      const handled = Atomics.load(words, WORD.handled);
      if (handled === Atomics.load(words, WORD.taken)) return true;
      Atomics.wait(words, WORD.handled, handled, 10);
    }
    return false;
  }
}
