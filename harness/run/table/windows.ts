/** Where on its devices a table case can have written if the kernel does what it shall. */
import type { Case, Step } from '../../../model/case.ts';
import type { MappingSpec } from '../../../model/mapping.ts';
import type { Notification } from '../../../model/notification.ts';
import { RWF } from '../../../model/syscall-flags.ts';
import type { DeviceWindow } from '../../../model/table-case.ts';

/** The kernel may touch what surrounds a write in its block or page. */
const marginBytes = 4096n;
const sectorPage = 4096n;

/** Bytes [start, end) of any file. */
interface Stretch {
  start: bigint;
  end: bigint;
}

/** Changes elsewhere are found at the end of the batch, and then its cases are run one by one. */
export function windowsOf({ geometry: { devices, files }, script, workload }: Case): DeviceWindow[] {
  const stretches = stretchesOf(
    workload,
    files.map(({ sizeBytes }) => sizeBytes),
  );
  if (stretches.length === 0) return [];
  const windows: DeviceWindow[] = [];
  const add = (device: number, from: bigint, to: bigint): void => {
    const size = BigInt(devices[device]?.sizeBytes ?? 0);
    const start = (clip(from - marginBytes, size) / sectorPage) * sectorPage;
    const end = clip(((clip(to + marginBytes, size) + sectorPage - 1n) / sectorPage) * sectorPage, size);
    if (end > start) windows.push({ device, start, end });
  };
  const halves: MappingSpec[] = [
    ...script.flatMap(({ reply, before = [] }) => [
      ...(reply.kind === 'mappings' ? [reply.read, reply.write] : []),
      ...before.flatMap(pushed),
    ]),
    ...workload.flatMap((step) => (step.call === 'notify' ? pushed(step.notification) : [])),
  ];
  for (const { dev, addr, offset, length } of halves) {
    if (typeof dev === 'number') continue;
    for (const stretch of stretches) {
      const start = stretch.start > offset ? stretch.start : offset;
      const end = stretch.end < offset + length ? stretch.end : offset + length;
      if (end > start) add(dev.device, addr + start - offset, addr + end - offset);
    }
  }
  return mergeWindows(windows);
}

const pushed = (notification: Notification): MappingSpec[] =>
  notification.kind === 'upsert' ? [notification.read, notification.write] : [];

/**
 * What direct writes within a file's size change is where they are. Whatever else changes a file may also zero between
 * there and EOF, old and new.
 */
function stretchesOf(workload: readonly Step[], sizes: readonly bigint[]): Stretch[] {
  const writes = workload.flatMap((step): Stretch[] => {
    switch (step.call) {
      case 'pwrite':
      case 'mmapWrite':
        return [{ start: step.offset, end: step.offset + BigInt(step.lengthBytes) }];
      case 'ftruncate':
        return [{ start: step.sizeBytes, end: step.sizeBytes }];
      case 'fallocate':
        return [{ start: step.offset, end: step.offset + step.lengthBytes }];
      default:
        return [];
    }
  });
  if (writes.length === 0) return [];
  const plain = workload.every((step) =>
    step.call === 'open'
      ? step.flags.includes('direct') && !step.flags.includes('append') && !step.flags.includes('trunc')
      : step.call === 'pwrite'
        ? ((step.rwf ?? 0) & RWF.APPEND) === 0 && sizes.every((size) => step.offset >= 0n && step.offset <= size)
        : !['mmapWrite', 'ftruncate', 'fallocate'].includes(step.call),
  );
  if (plain) return writes;
  const appended = writes.reduce((sum, { start, end }) => sum + end - start, 0n);
  const starts = [...writes.map(({ start }) => start), ...sizes];
  const ends = [...writes.map(({ end }) => end), ...sizes.map((size) => size + appended)];
  return [{ start: least(starts) - marginBytes, end: -least(ends.map((end) => -end)) + marginBytes }];
}

const least = (values: readonly bigint[]): bigint => values.reduce((a, b) => (a < b ? a : b));

const clip = (value: bigint, size: bigint): bigint => (value < 0n ? 0n : value > size ? size : value);

function mergeWindows(windows: readonly DeviceWindow[]): DeviceWindow[] {
  const out: DeviceWindow[] = [];
  for (const next of [...windows].sort(
    (a, b) => a.device - b.device || (a.start < b.start ? -1 : a.start > b.start ? 1 : 0),
  )) {
    const last = out.at(-1);
    if (last?.device === next.device && next.start <= last.end) last.end = next.end > last.end ? next.end : last.end;
    else out.push({ ...next });
  }
  return out;
}
