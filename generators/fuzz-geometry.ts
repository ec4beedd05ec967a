/**
 * Mount geometries of a campaign. A mount costs more than a hundred cases, so a stretch of cases shares a few of them;
 * every geometry of the tables below comes up in some stretch.
 */
import type { Geometry } from '../model/case.ts';
import { pickIndex } from './seed.ts';
import { DEVICE_SIZE, defaultDevices } from './setting.ts';

type DeviceSpec = Geometry['devices'][number];

/** What cases of one mount have in common. Sizes in bytes. */
export interface FuzzGeometry {
  blockSize: bigint;
  /** Undefined: the kernel's default, 2^63-1. */
  maxBytes?: bigint;
  /** Devices that are opened for reading and writing come first. */
  devices: readonly DeviceSpec[];
  mount: Geometry['mount'];
  /** The WARN costs a case as much as everything else together. */
  debugIomap: boolean;
}

/** What a case may need of its mount. */
export type GeometryNeed = 'any' | 'restricted-devices' | 'small-maxbytes';

const BLOCK_SIZES = [4096n, 512n, 1024n, 2048n];
/** Aligned to every block size, to some, to sectors, and to nothing; below and above 2^31 and 2^32. */
const SMALL_MAX_BYTES = [
  1n << 20n,
  (1n << 20n) + 4096n,
  (1n << 20n) + 512n,
  (1n << 20n) + 1n,
  1n << 31n,
  1n << 32n,
  (1n << 32n) + 4096n,
  1n << 40n,
];
const [rw, ro, wo] = (['rw', 'ro', 'wo'] as const).map((access) => (sizeBytes: number): DeviceSpec => ({
  sizeBytes,
  access,
}));
const PLAIN_TABLES: readonly (readonly DeviceSpec[])[] = [
  defaultDevices,
  [rw!(DEVICE_SIZE)],
  [
    rw!(DEVICE_SIZE),
    rw!(DEVICE_SIZE / 16),
    rw!(DEVICE_SIZE + 512),
    rw!(DEVICE_SIZE),
    rw!(DEVICE_SIZE / 2),
    rw!(DEVICE_SIZE),
  ],
];
const RESTRICTED_TABLES: readonly (readonly DeviceSpec[])[] = [
  [rw!(DEVICE_SIZE), ro!(DEVICE_SIZE), wo!(DEVICE_SIZE)],
  [rw!(DEVICE_SIZE), rw!(DEVICE_SIZE / 2), wo!(DEVICE_SIZE / 2), ro!(DEVICE_SIZE / 2), rw!(DEVICE_SIZE)].sort(
    (a, b) => Number(b.access === 'rw') - Number(a.access === 'rw'),
  ),
];

/** Cases in a row that share geometries. */
const STRETCH = 2048;
const MEMBERS = 4;

/**
 * The geometries of stretch `stretch`: an ordinary one, one with restricted devices, one with a small maxbytes, and one
 * more.
 */
export function geometriesOf(seed: number, stretch: number): readonly FuzzGeometry[] {
  return Array.from({ length: MEMBERS }, (_, member) => {
    const choose = <T>(what: number, values: readonly T[]): T =>
      values[pickIndex(values.length, seed, stretch, member, what)]!;
    const small = member === 2 || (member === 3 && choose(0, [false, true, true]));
    const restricted = member === 1 || (member === 3 && choose(1, [false, true]));
    const maxBytes = small ? choose(2, SMALL_MAX_BYTES) : undefined;
    return {
      blockSize: member === 0 ? 4096n : choose(3, BLOCK_SIZES),
      ...(maxBytes !== undefined && { maxBytes }),
      devices: choose(4, restricted ? RESTRICTED_TABLES : PLAIN_TABLES),
      mount: choose(5, ['ordinary', 'ordinary', 'ordinary', 'syncInit'] as const),
      debugIomap: choose(6, [false, false, true]),
    };
  });
}

/** The geometry of case `index`: one of its stretch's that has what the case needs. */
export function geometryAt(seed: number, index: number, need: GeometryNeed): FuzzGeometry {
  const members = geometriesOf(seed, Math.floor(index / STRETCH)).filter(
    (geometry) =>
      (need !== 'restricted-devices' || geometry.devices.some(({ access }) => access !== 'rw')) &&
      (need !== 'small-maxbytes' || geometry.maxBytes !== undefined),
  );
  return members[pickIndex(members.length, seed, index, 7)]!;
}
