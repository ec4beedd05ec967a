/**
 * Cases in which notifications that are older than iomap arrive between the syscalls on a file, with any of their
 * fields on a border: STORE and RETRIEVE, which the page cache of a file that uses iomap is closed to, and INVAL_INODE,
 * which must lose nothing.
 */
import fc from 'fast-check';
import { CASE_SCHEMA, type Case, type Step } from '../model/case.ts';
import type { MappingSpec } from '../model/mapping.ts';
import type { Notification } from '../model/notification.ts';
import type { Revision } from '../uapi/revision.ts';
import { borderValue } from './border-value.ts';
import type { FuzzGeometry } from './fuzz-geometry.ts';
import { configOf, pureOverwrite, type PlannedCase } from './reply-case.ts';
import { LOFF_MAX } from '../uapi/units.ts';

export interface NotifiedFileConstraints {
  revision: Revision;
  geometry: FuzzGeometry;
  /** Most syscalls and notifications between the opens and the last look. Default: 8. */
  most?: number;
}

const U32_MAX = 0xffff_ffffn;
/** Bytes of data that a STORE of a case has at most. */
const MOST_STORED = 1n << 16n;
/** Where the file lies on device 0. */
const ADDR = 1n << 18n;
const MOST_BYTES = 10 * 4096;

type Node = Extract<Notification, { kind: 'store' }>['node'];

/** Node ids that no file of any case has, where checks of their width may go wrong; 1 would be the root directory. */
const UNKNOWN_NODES = [
  0n,
  2n,
  (1n << 31n) - 1n,
  1n << 31n,
  U32_MAX,
  1n << 32n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];
const anyNode: fc.Arbitrary<Node> = fc.oneof(
  { withCrossShrink: true },
  { weight: 4, arbitrary: fc.constant<Node>({ file: 0 }) },
  { weight: 1, arbitrary: fc.constantFrom(...UNKNOWN_NODES).map((nodeid): Node => ({ nodeid })) },
);

/** `sizeBytes`: of file 0, which uses iomap, and of file 1, which does not. */
function anyNotification(sizeBytes: bigint, blockSize: bigint): fc.Arbitrary<Notification> {
  const around = [blockSize, sizeBytes];
  const offset = borderValue({ around });
  const signed = fc.oneof(
    borderValue({ max: LOFF_MAX, around }),
    borderValue({ min: 1n, max: 1n << 63n, around }).map((value) => -value),
  );
  // Where the kernel takes it, it must lie in the file: what comes of more is ordinary FUSE.
  const inside = fc
    .tuple(fc.bigInt({ min: 0n, max: sizeBytes - 1n }), borderValue({ max: MOST_STORED, around }))
    .map(([from, length]) => ({
      offset: from,
      lengthBytes: Number(length < sizeBytes - from ? length : sizeBytes - from),
    }));
  return fc.oneof(
    fc.record({
      kind: fc.constant('store' as const),
      node: anyNode,
      offset,
      lengthBytes: borderValue({ max: MOST_STORED, around: [...around, MOST_STORED] }).map(Number),
    }),
    fc.record({
      kind: fc.constant('retrieve' as const),
      node: anyNode,
      offset,
      lengthBytes: borderValue({ max: U32_MAX, around }).map(Number),
    }),
    fc.record({ kind: fc.constant('invalInode' as const), node: anyNode, offset: signed, length: signed }),
    fc
      .tuple(fc.constantFrom('store' as const, 'retrieve' as const), inside)
      .map(([kind, range]) => ({ kind, node: { file: 1 }, ...range })),
  );
}

const show = (notification: Notification): string => {
  if (notification.kind !== 'store' && notification.kind !== 'retrieve' && notification.kind !== 'invalInode')
    return notification.kind;
  const length = notification.kind === 'invalInode' ? notification.length : notification.lengthBytes;
  const { node } = notification;
  return `${notification.kind} ${notification.offset} +${length} of ${'file' in node ? `file ${node.file}` : `node ${node.nodeid}`}`;
};

export function notifiedFile({ revision, geometry, most = 8 }: NotifiedFileConstraints): fc.Arbitrary<PlannedCase> {
  const { blockSize, maxBytes } = geometry;
  const config = configOf({ blockSize, ...(maxBytes !== undefined && { maxBytes }) });
  return fc.integer({ min: 1, max: MOST_BYTES }).chain((size) => {
    const sizeBytes = BigInt(size);
    const range = fc
      .tuple(fc.nat(size - 1), fc.constantFrom(1, 512, 4096, 3 * 4096))
      .map(([offset, length]) => ({ offset: BigInt(offset), lengthBytes: Math.min(length, size - offset) }));
    const act = fc.oneof(
      { withCrossShrink: true },
      {
        weight: 6,
        arbitrary: anyNotification(sizeBytes, blockSize).map((notification): Step => ({
          call: 'notify',
          notification,
        })),
      },
      { weight: 2, arbitrary: range.map((where): Step => ({ call: 'pread', fd: 0, ...where })) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(range, fc.nat(7))
          .map(([where, writer]): Step => ({ call: 'pwrite', fd: 0, ...where, writer })),
      },
      { weight: 1, arbitrary: range.map((where): Step => ({ call: 'mmapRead', fd: 0, ...where })) },
      { weight: 1, arbitrary: fc.constant<Step>({ call: 'fsync', fd: 0 }) },
    );
    return fc.array(act, { minLength: 1, maxLength: most }).map((acts): PlannedCase => {
      const length = ((sizeBytes + blockSize - 1n) / blockSize) * blockSize;
      const read: MappingSpec = { type: 'MAPPED', flags: [], dev: { device: 0 }, addr: ADDR, offset: 0n, length };
      const value: Case = {
        schema: CASE_SCHEMA,
        revision: revision.id,
        debugIomap: geometry.debugIomap,
        geometry: {
          mount: geometry.mount,
          ...(config && { config }),
          devices: [...geometry.devices],
          files: [
            { sizeBytes, attrFlags: ['IOMAP', 'EXCLUSIVE'] },
            { sizeBytes, attrFlags: [] },
          ],
        },
        script: [{ on: 'IOMAP_BEGIN', file: 0, reply: { kind: 'mappings', read, write: pureOverwrite(0n, length) } }],
        workload: [
          { call: 'open', file: 0, flags: ['rdwr'] },
          { call: 'open', file: 1, flags: ['rdonly'] },
          ...acts,
          { call: 'pread', fd: 0, offset: 0n, lengthBytes: size + 100 },
          { call: 'fstat', fd: 0 },
          { call: 'close', fd: 1 },
          { call: 'close', fd: 0 },
        ],
      };
      const notifications = acts.flatMap((step) => (step.call === 'notify' ? [show(step.notification)] : []));
      return {
        case: value,
        note: `${notifications.join(', ') || 'no notification'}; file of ${size} bytes, block size ${blockSize}`,
      };
    });
  });
}
