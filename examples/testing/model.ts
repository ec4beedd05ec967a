/**
 * A program for the guest: does random syscalls to two files of the directory it is started in, and to two buffers in
 * memory, and compares. Its arguments: seed, seconds. Prints how much it did, or the shortest counterexample that
 * fast-check finds, with its seed.
 */
import fc from 'fast-check';
import { loadNative } from '../../harness/native/index.ts';
import { spawnSync } from 'node:child_process';

const native = loadNative('/iomapfuzz/iomapfuzz.node');
const block = 4096;
const largest = 48 * block;
const O_RDWR = 2,
  O_CREAT = 0o100,
  O_DIRECT = 0o40000;
const KEEP_SIZE = 1,
  PUNCH_HOLE = 2,
  ZERO_RANGE = 0x10;
const directory = process.cwd();
const pathOf = (file: number): string => `${directory}/model-${file}`;

const position = fc.oneof(
  fc.nat(largest - 1),
  fc.nat(47).map((n) => n * block),
  fc.nat(47).map((n) => n * block + 4095),
);
const length = fc.oneof(
  fc.integer({ min: 1, max: 3 * block }),
  fc.integer({ min: 1, max: 8 }).map((n) => n * block),
);
const file = fc.nat(1);
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constantFrom('write', 'direct', 'mmap', 'punch', 'zero', 'allocate', 'extend'),
      file,
      at: position,
      length,
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('copy'), file, at: position, length, from: position }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constantFrom('truncate', 'fsync', 'drop', 'check', 'checkDirect', 'sync'),
      file,
      at: position,
      length,
    }),
  },
);

interface State {
  fds: number[];
  directFds: number[];
  content: Buffer[];
  serial: number;
}
/** Room for one block more than any file has. */
const scratch = native.alignedBuffer(largest + 10 * block, block)!;

function must(ret: number | bigint, what: string): void {
  if (ret < 0) throw new Error(`${what} failed with errno ${-Number(ret)}`);
}
const grow = (buffer: Buffer, size: number): Buffer =>
  size <= buffer.length ? buffer : Buffer.concat([buffer, Buffer.alloc(size - buffer.length)]);
const fill = (count: number, serial: number): Buffer => Buffer.alloc(count, Buffer.from(`${serial}.`));

function compare({ fds, directFds, content }: State, file: number, direct: boolean): void {
  const expected = content[file]!;
  const got = native.preadv2((direct ? directFds : fds)[file]!, scratch, 0, scratch.length, 0n, 0);
  if (got !== expected.length) throw new Error(`file ${file} has ${got} bytes, not ${expected.length}`);
  if (scratch.compare(expected, 0, expected.length, 0, expected.length) === 0) return;
  const at = expected.findIndex((byte, n) => scratch[n] !== byte);
  throw new Error(
    `${direct ? 'direct' : 'buffered'} read: byte ${at} of file ${file} (block ${Math.floor(at / block)}) is ${JSON.stringify(scratch.toString('latin1', at, at + 8))}, not ${JSON.stringify(expected.toString('latin1', at, at + 8))}`,
  );
}

const put = (state: State, file: number, at: number, bytes: Uint8Array): void => {
  state.content[file] = grow(state.content[file]!, at + bytes.length);
  state.content[file].set(bytes, at);
};

type Step = { op: string; file: number; at: number; length: number; from?: number };
const steps: Record<string, (state: State, step: Step) => void> = {
  write(state, { file, at, length }) {
    const bytes = fill(length, ++state.serial);
    const ret = native.pwritev2(state.fds[file]!, bytes, 0, length, BigInt(at), 0);
    if (ret !== length) throw new Error(`write returned ${ret}`);
    put(state, file, at, bytes);
  },
  direct(state, { file, at, length }) {
    const offset = Math.floor(at / block) * block,
      count = Math.ceil(length / block) * block;
    scratch.set(fill(count, ++state.serial));
    const ret = native.pwritev2(state.directFds[file]!, scratch, 0, count, BigInt(offset), 0);
    if (ret !== count) throw new Error(`direct write returned ${ret}`);
    put(state, file, offset, Buffer.from(scratch.subarray(0, count)));
  },
  mmap(state, { file, at, length }) {
    const count = Math.min(length, state.content[file]!.length - at);
    if (count <= 0) return;
    const bytes = fill(count, ++state.serial);
    const ret = native.mmapCopy(state.fds[file]!, bytes, 0, count, BigInt(at), true, false);
    if (ret !== count) throw new Error(`mmap write returned ${ret} of ${count}`);
    put(state, file, at, bytes);
  },
  punch(state, { file, at, length }) {
    must(native.fallocate(state.fds[file]!, PUNCH_HOLE | KEEP_SIZE, BigInt(at), BigInt(length)), 'punch');
    state.content[file]!.fill(
      0,
      Math.min(at, state.content[file]!.length),
      Math.min(at + length, state.content[file]!.length),
    );
  },
  zero(state, { file, at, length }) {
    must(native.fallocate(state.fds[file]!, ZERO_RANGE, BigInt(at), BigInt(length)), 'zero range');
    put(state, file, at, Buffer.alloc(length));
  },
  allocate(state, { file, at, length }) {
    must(native.fallocate(state.fds[file]!, KEEP_SIZE, BigInt(at), BigInt(length)), 'fallocate');
  },
  extend(state, { file, at, length }) {
    must(native.fallocate(state.fds[file]!, 0, BigInt(at), BigInt(length)), 'fallocate');
    state.content[file] = grow(state.content[file]!, at + length);
  },
  truncate(state, { file, at }) {
    must(native.ftruncate(state.fds[file]!, BigInt(at)), 'truncate');
    state.content[file] = grow(Buffer.from(state.content[file]!.subarray(0, at)), at);
  },
  copy(state, { file, at, length, from }) {
    const source = 1 - file;
    const bytes = Buffer.from(state.content[source]!.subarray(from!, from! + length));
    // Nothing is copied from behind the end, and the target does not grow.
    if (bytes.length === 0) return;
    for (let done = 0; done < bytes.length;) {
      const ret = native.copyFileRange(
        state.fds[source]!,
        BigInt(from! + done),
        state.fds[file]!,
        BigInt(at + done),
        bytes.length - done,
      );
      must(ret, 'copy_file_range');
      if (ret === 0) throw new Error(`copy_file_range copied ${done} of ${bytes.length}`);
      done += ret;
    }
    put(state, file, at, bytes);
  },
  fsync(state, { file }) {
    must(native.fsync(state.fds[file]!), 'fsync');
  },
  sync(state, { file }) {
    must(native.syncfs(state.fds[file]!), 'syncfs');
  },
  drop(state, { file }) {
    must(native.fsync(state.fds[file]!), 'fsync');
    spawnSync('sh', ['-c', 'echo 3 > /proc/sys/vm/drop_caches']);
  },
  check(state, { file }) {
    compare(state, file, false);
  },
  checkDirect(state, { file }) {
    compare(state, file, true);
  },
};

function run(operations: readonly Step[]): void {
  const open = (flags: number): number[] =>
    [0, 1].map((file) => native.open(pathOf(file), O_RDWR | O_CREAT | flags, 0o644));
  const state: State = {
    fds: open(0),
    directFds: open(O_DIRECT),
    content: [Buffer.alloc(0), Buffer.alloc(0)],
    serial: 0,
  };
  try {
    for (const fd of state.fds) must(native.ftruncate(fd, 0n), 'truncate to nothing');
    for (const step of operations) steps[step.op]!(state, step);
    for (const direct of [false, true]) for (const file of [0, 1]) compare(state, file, direct);
  } finally {
    for (const fd of [...state.fds, ...state.directFds]) native.close(fd);
  }
}

let runs = 0,
  done = 0;
const [seed, seconds] = process.argv.slice(2).map(Number);
const result = fc.check(
  fc.property(fc.array(operation, { minLength: 1, maxLength: 30 }), (operations) => {
    runs++;
    done += operations.length;
    run(operations);
  }),
  { seed: seed!, numRuns: 1_000_000, interruptAfterTimeLimit: seconds! * 1000, markInterruptAsFailure: false },
);
if (result.failed) {
  console.log(`${await fc.asyncDefaultReportMessage(result)}\n${String(result.errorInstance)}`);
  process.exitCode = 1;
} else {
  console.log(`${runs} sequences, ${done} operations`);
}
