/**
 * Syscalls of a sequence in which a file grows again and again over blocks that hold old bytes behind EOF, and is
 * looked at: what becomes part of it, and what a mapping of its last page shows behind EOF.
 */
import fc from 'fast-check';
import type { Step } from '../model/case.ts';
import type { Act, Now } from './sequence-act.ts';
import { PAGE, pageCeil } from '../uapi/units.ts';

/** include/uapi/linux/falloc.h */
const KEEP_SIZE = 1,
  ZERO_RANGE = 0x10;

/** First byte of the page that EOF is in. */
const lastPage = ({ sizeBytes }: Now): bigint => (sizeBytes === 0n ? 0n : sizeBytes - 1n - ((sizeBytes - 1n) % PAGE));
const resize = (fd: number, sizeBytes: bigint): Step => ({ call: 'ftruncate', fd, sizeBytes });
const allocate = (fd: number, mode: number, offset: bigint, end: bigint): Step => ({
  call: 'fallocate',
  fd,
  mode,
  offset,
  lengthBytes: end - offset,
});
const store = (fd: number, offset: bigint, end: bigint, writer: number): Step => ({
  call: 'mmapWrite',
  fd,
  offset,
  lengthBytes: Number(end - offset),
  writer,
});
const write = (fd: number, offset: bigint, end: bigint, writer: number): Step => ({
  call: 'pwrite',
  fd,
  offset,
  lengthBytes: Number(end - offset),
  writer,
});

/** Makes the file `to` bytes large. `part`: bytes between that and EOF, or fewer. */
type Grow = (now: Now, to: bigint, part: bigint, writer: number) => readonly Step[];

const WAYS: readonly Grow[] = [
  ({ fd }, to) => [resize(fd, to)],
  ({ fd }, to, part, writer) => [write(fd, to - part, to, writer)],
  ({ fd, sizeBytes }, to, _, writer) => [write(fd, sizeBytes, to, writer)],
  ({ fd, sizeBytes }, to, part) => [allocate(fd, 0, sizeBytes > part ? sizeBytes - part : 0n, to)],
  ({ fd, sizeBytes }, to) => [allocate(fd, KEEP_SIZE, sizeBytes, to), resize(fd, to)],
  ({ fd }, to, part) => [allocate(fd, ZERO_RANGE, to - part, to)],
  ({ fd, sizeBytes }, to) => [allocate(fd, ZERO_RANGE | KEEP_SIZE, sizeBytes, to), resize(fd, to)],
  ({ fd, sizeBytes }, to, _, writer) => [
    ...(sizeBytes === 0n ? [] : [store(fd, sizeBytes - 1n, pageCeil(sizeBytes), writer)]),
    resize(fd, to),
  ],
];

/** `blockSize`, `most`: bytes of a block, and of the largest file. */
export function growingAct({ blockSize, most }: { blockSize: bigint; most: bigint }): fc.Arbitrary<Act> {
  const by = fc.oneof(fc.bigInt({ min: 1n, max: blockSize }), fc.bigInt({ min: 1n, max: 3n * PAGE }));
  const grow = fc
    .record({ way: fc.constantFrom(...WAYS), by, part: fc.bigInt({ min: 1n, max: 2n * PAGE }), writer: fc.nat(7) })
    .map(({ way, by: more, part, writer }): Act => (now) => {
      const to = now.sizeBytes + more;
      // What is full is emptied.
      return to > most ? [resize(now.fd, more)] : way(now, to, part < more ? part : more, writer);
    });
  const look = fc.constantFrom<Act>(
    (now) => ({ call: 'mmapRead', fd: now.fd, offset: lastPage(now), lengthBytes: Number(PAGE) }),
    (now) => ({ call: 'mmapRead', fd: now.fd, offset: lastPage(now), lengthBytes: Number(PAGE) }),
    ({ fd, sizeBytes }) => ({ call: 'pread', fd, offset: 0n, lengthBytes: Number(sizeBytes) + 1000 }),
    (now) => ({ call: 'pread', fd: now.fd, offset: lastPage(now), lengthBytes: Number(PAGE) }),
  );
  const settle = fc.constantFrom<Act>(
    ({ fd }) => ({ call: 'fsync', fd }),
    ({ fd }) => [
      { call: 'fsync', fd },
      { call: 'fadvise', fd, offset: 0n, lengthBytes: 0, advice: 'dontneed' },
    ],
    'reopen',
  );
  const shrink = by.map(
    (less): Act =>
      ({ fd, sizeBytes }) =>
        resize(fd, sizeBytes > less ? sizeBytes - less : 0n),
  );
  return fc.oneof(
    { weight: 6, arbitrary: grow },
    { weight: 6, arbitrary: look },
    { weight: 2, arbitrary: settle },
    { weight: 1, arbitrary: shrink },
  );
}
