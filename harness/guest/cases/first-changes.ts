/** How much is told of devices that changed in very many places. */
import { mostChanges, mostRunsOfChanges } from '../../../model/kept-bytes.ts';
import type { DeviceChange } from '../../../model/observation.ts';

/**
 * The first of them, and of each device that has more, bytes that were not kept, up to its end. `sizes`: of the
 * devices, in bytes.
 */
export function firstChanges(all: readonly DeviceChange[], sizes: readonly number[]): DeviceChange[] {
  const kept: DeviceChange[] = [];
  let runs = 0;
  const cut = new Set<number>();
  for (const change of all) {
    const { device, offsetBytes, content } = change;
    if (cut.has(device)) continue;
    if (kept.length < mostChanges && runs + content.length <= mostRunsOfChanges) {
      kept.push(change);
      runs += content.length;
      continue;
    }
    cut.add(device);
    kept.push({
      device,
      offsetBytes,
      content: [{ lengthBytes: sizes[device]! - Number(offsetBytes), source: { kind: 'unknown' } }],
    });
  }
  return kept;
}
