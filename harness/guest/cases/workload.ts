/** The workload: one function per kind of step, each a syscall and its result as the observation wants it. */
import { waitsForThaw } from '../../../model/case-traits.ts';
import type { Step } from '../../../model/case.ts';
import { OWNER_KINDS, POISON_BYTE, splitRuns } from '../../../model/bytes.ts';
import type { FiemapExtent, KernelEvent, StepResult } from '../../../model/observation.ts';
import {
  FADVICE,
  FIEMAP_BYTES,
  FIEMAP_EXTENT_BYTES,
  OPEN_FLAGS,
  SEEK_DATA,
  SEEK_HOLE,
} from '../../../model/syscall-flags.ts';
import type { Native } from '../../native/index.ts';
import { FICLONERANGE, FIDEDUPERANGE, cloneRange, dedupeRange, dedupeStatusAt } from './clone-ranges.ts';
import { controlStep, type ControlPlane } from './control-step.ts';
import { abortConnection } from './control-fs.ts';
import { notifyStep } from './notify-step.ts';
import { mountPoint } from './shared.ts';
import { superblockStep, thawForGood } from './superblock-step.ts';
import { swapon } from './swap-step.ts';

/** _IOWR('f', 11, struct fiemap). */
const FS_IOC_FIEMAP = 0xc020660b;
/** _IOR(0x15, 0, struct fsuuid2): the length, then 16 bytes. */
const FS_IOC_GETFSUUID = 0x80111500,
  UUID_BYTES = 17;
/** A larger buffer than this would take the guest's memory. */
const mostBytes = 64 << 20;
const pageBytes = 4096;

class StepError extends Error {}

/** The step and those behind it cannot be run, by what the case did before. */
export class FrozenError extends Error {}

export class Workload {
  readonly #native: Native;
  readonly #control: ControlPlane;
  readonly #paths: readonly string[];
  readonly #fds: number[] = [];
  /** By which the file system was frozen; -1: it is not. */
  #frozenBy = -1;
  readonly #swapFiles = new Set<string>();
  #staysFrozen = false;
  static #buffer: Buffer | undefined;
  readonly #stat = new BigUint64Array(3);

  /** `paths`: of the case's files. */
  constructor(native: Native, control: ControlPlane, paths: readonly string[]) {
    this.#native = native;
    this.#control = control;
    this.#paths = paths;
  }

  /** Throws StepError when the guest cannot do the step at all, FrozenError when nobody could. */
  run(step: Step): StepResult {
    const native = this.#native;
    if (this.#frozenBy >= 0 && waitsForThaw.has(step.call))
      throw new FrozenError(`${step.call} would wait for ever: the case has frozen the file system`);
    switch (step.call) {
      case 'open': {
        const fd = native.open(
          this.#path(step.file),
          step.flags.reduce<number>((sum, flag) => sum | OPEN_FLAGS[flag], 0),
          0o644,
        );
        this.#fds.push(fd);
        return result(fd < 0 ? fd : 0);
      }
      case 'close': {
        const fd = this.#fd(step.fd);
        if (fd === this.#frozenBy) this.#thaw();
        const ret = native.close(fd);
        this.#fds[step.fd] = -1;
        return result(ret);
      }
      case 'pread':
        return this.#read(this.#fd(step.fd), step.lengthBytes, step.offset, step.rwf ?? 0);
      case 'pwrite': {
        const buffer = this.#room(step.lengthBytes);
        native.fillPattern(
          buffer,
          0,
          step.lengthBytes,
          OWNER_KINDS.writer,
          step.writer,
          BigInt.asUintN(64, step.offset),
        );
        return result(native.pwritev2(this.#fd(step.fd), buffer, 0, step.lengthBytes, step.offset, step.rwf ?? 0));
      }
      case 'mmapRead':
        return this.#mmapRead(this.#fd(step.fd), step.lengthBytes, step.offset);
      case 'mmapWrite': {
        const buffer = this.#room(step.lengthBytes);
        native.fillPattern(
          buffer,
          0,
          step.lengthBytes,
          OWNER_KINDS.writer,
          step.writer,
          BigInt.asUintN(64, step.offset),
        );
        return result(
          native.mmapCopy(this.#fd(step.fd), buffer, 0, step.lengthBytes, step.offset, true, step.msync ?? false),
        );
      }
      case 'seekData':
        return result64(native.lseek(this.#fd(step.fd), step.offset, SEEK_DATA));
      case 'seekHole':
        return result64(native.lseek(this.#fd(step.fd), step.offset, SEEK_HOLE));
      case 'fiemap':
        return this.#fiemap(this.#fd(step.fd), step.start, step.lengthBytes, step.flags, step.extents);
      case 'fsync':
        return result(native.fsync(this.#fd(step.fd)));
      case 'ftruncate':
        return result(native.ftruncate(this.#fd(step.fd), step.sizeBytes));
      case 'fallocate':
        return result(native.fallocate(this.#fd(step.fd), step.mode, step.offset, step.lengthBytes));
      case 'copyFileRange':
        return result(
          native.copyFileRange(this.#fd(step.from), step.fromOffset, this.#fd(step.fd), step.offset, step.lengthBytes),
        );
      case 'clone':
        return result(native.ioctl(this.#fd(step.fd), FICLONERANGE, cloneRange(this.#fd(step.from), step)));
      case 'dedupe': {
        const range = dedupeRange(this.#fd(step.fd), step);
        const ret = native.ioctl(this.#fd(step.from), FIDEDUPERANGE, range);
        const status = range.readInt32LE(dedupeStatusAt);
        return result(ret < 0 ? ret : Math.min(status, 0));
      }
      case 'fstat': {
        const ret = native.fstat(this.#fd(step.fd), this.#stat);
        return ret < 0
          ? result(ret)
          : { ...result(ret), sizeBytes: this.#stat[0]!, blksizeBytes: Number(this.#stat[1]) };
      }
      case 'readahead':
        return result(native.readahead(this.#fd(step.fd), step.offset, step.lengthBytes));
      case 'fadvise':
        return result(native.fadvise(this.#fd(step.fd), step.offset, step.lengthBytes, FADVICE[step.advice]));
      case 'setTimes':
        return setTimes(native, this.#fd(step.fd), step);
      case 'fsUuid': {
        const out = Buffer.alloc(UUID_BYTES);
        return { ...result(native.ioctl(this.#fd(step.fd), FS_IOC_GETFSUUID, out)), out };
      }
      case 'ordinary': {
        const path = this.#path(step.file);
        return result(native.ordinaryCall(step.syscall, path, `${path}.new`));
      }
      case 'freeze':
      case 'thaw':
      case 'syncfs':
      case 'shutdown': {
        const fd = this.#fd(step.fd);
        const ret = superblockStep(native, fd, step);
        if (ret >= 0 && step.call === 'freeze') this.#frozenBy = fd;
        if (ret >= 0 && step.call === 'thaw') this.#frozenBy = -1;
        return result(ret);
      }
      case 'swapon': {
        const path = this.#path(step.file);
        const ret = swapon(native, this.#control.devices, path, step.header);
        if (ret >= 0) this.#swapFiles.add(path);
        return result(ret);
      }
      case 'swapoff': {
        const path = this.#path(step.file);
        const ret = native.swapoff(path);
        if (ret >= 0) this.#swapFiles.delete(path);
        return result(ret);
      }
      case 'pageOut': {
        const buffer = this.#room(step.lengthBytes);
        native.fillPattern(buffer, 0, step.lengthBytes, OWNER_KINDS.writer, step.writer, 0n);
        const ret = native.pageOut(buffer, step.lengthBytes);
        return ret < 0 ? result(ret) : this.#copied(buffer, step.lengthBytes, step.lengthBytes);
      }
      case 'fuseIoctl':
        return controlStep(native, this.#control, step);
      case 'notify':
        return notifyStep(native, this.#control, step.notification);
      case 'deviceRead': {
        const fd = this.#control.devices.open(step.device, 'ro');
        if (fd < 0) throw new StepError(`device ${step.device} cannot be opened: errno ${-fd}`);
        try {
          return this.#read(fd, step.lengthBytes, step.offset, 0);
        } finally {
          native.close(fd);
        }
      }
    }
  }

  /**
   * Takes back what concerns more than the case, and closes what it left open. Returns what could not be taken back: it
   * is in the way of whatever comes next.
   */
  end(): KernelEvent | undefined {
    this.#thaw();
    for (const path of this.#swapFiles) this.#native.swapoff(path);
    this.#swapFiles.clear();
    for (const fd of this.#fds) if (fd >= 0) this.#native.close(fd);
    this.#fds.length = 0;
    const title = 'the file system stays frozen, although its server is gone';
    return this.#staysFrozen ? { kind: 'bug', title, text: title } : undefined;
  }

  #thaw(): void {
    if (this.#frozenBy >= 0)
      this.#staysFrozen ||= !thawForGood(this.#native, this.#frozenBy, () => {
        abortConnection(this.#native, mountPoint);
      });
    this.#frozenBy = -1;
  }

  #path(file: number): string {
    const path = this.#paths[file];
    if (path === undefined) throw new StepError(`step names file ${file}, the case has ${this.#paths.length}`);
    return path;
  }

  #fd(index: number): number {
    if (index >= this.#fds.length)
      throw new StepError(`step uses fd ${index}, the case has opened ${this.#fds.length}`);
    return this.#fds[index]!;
  }

  #read(fd: number, length: number, offset: bigint, rwf: number): StepResult {
    const native = this.#native;
    const buffer = this.#room(length);
    buffer.fill(POISON_BYTE, 0, length);
    return this.#copied(buffer, length, native.preadv2(fd, buffer, 0, length, offset, rwf));
  }

  #mmapRead(fd: number, length: number, offset: bigint): StepResult {
    const buffer = this.#room(length);
    buffer.fill(POISON_BYTE, 0, length);
    return this.#copied(buffer, length, this.#native.mmapCopy(fd, buffer, 0, length, offset, false, false));
  }

  #copied(buffer: Buffer, length: number, ret: number): StepResult {
    const native = this.#native;
    const got = Math.max(ret, 0);
    const out = result(ret);
    // Decoded as one: a few bytes behind the returned ones say nothing of themselves, but they may continue those.
    const [data, tail] = splitRuns(native.decodeRuns(buffer, 0, length), got);
    if (ret >= 0) out.data = data;
    if (got < length) out.tail = tail;
    return out;
  }

  #fiemap(fd: number, start: bigint, length: bigint, flags: number, extents: number): StepResult {
    const argument = Buffer.alloc(FIEMAP_BYTES + extents * FIEMAP_EXTENT_BYTES);
    argument.writeBigUInt64LE(start, 0);
    argument.writeBigUInt64LE(length, 8);
    argument.writeUInt32LE(flags, 16);
    argument.writeUInt32LE(extents, 24);
    const out = result(this.#native.ioctl(fd, FS_IOC_FIEMAP, argument));
    const mapped = argument.readUInt32LE(20);
    out.fiemapMapped = mapped;
    out.fiemap = Array.from({ length: Math.min(mapped, extents) }, (_, index): FiemapExtent => {
      const at = FIEMAP_BYTES + index * FIEMAP_EXTENT_BYTES;
      return {
        logical: argument.readBigUInt64LE(at),
        physical: argument.readBigUInt64LE(at + 8),
        length: argument.readBigUInt64LE(at + 16),
        flags: argument.readUInt32LE(at + 40),
      };
    });
    return out;
  }

  /** Page-aligned, for O_DIRECT; kept from step to step and from case to case. */
  #room(length: number): Buffer {
    if (length > mostBytes)
      throw new StepError(`a step of ${length} bytes is more than the guest can hold (${mostBytes})`);
    if (!Workload.#buffer || Workload.#buffer.length < length) {
      Workload.#buffer = this.#native.alignedBuffer(Math.max(length, 1 << 20), pageBytes);
      if (!Workload.#buffer) throw new StepError(`the guest has no memory for a step of ${length} bytes`);
    }
    return Workload.#buffer;
  }
}

function setTimes(native: Native, fd: number, { atime, mtime }: Extract<Step, { call: 'setTimes' }>): StepResult {
  const times = new BigInt64Array([atime.sec, BigInt(atime.nsec), mtime.sec, BigInt(mtime.nsec)]);
  const ret = native.setTimes(fd, times);
  if (ret < 0) return result(ret);
  const read = native.getTimes(fd, times);
  return read < 0 ? result(read) : { ...result(ret), times: [...times] };
}

const result = (ret: number): StepResult => (ret < 0 ? { ret: -1n, errno: -ret } : { ret: BigInt(ret), errno: 0 });
const result64 = (ret: bigint): StepResult => (ret < 0n ? { ret: -1n, errno: Number(-ret) } : { ret, errno: 0 });
