/** Buffered reads of a device behind the file system's back. */
import { Unspecified } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import type { StepOf, World } from './world.ts';
import { min } from '../../uapi/units.ts';

export function deviceRead(world: World, step: StepOf<'deviceRead'>): StepExpectation {
  const content = world.contents[step.device];
  const device = world.case.geometry.devices[step.device];
  if (!content || !device) throw new Unspecified(`the case has no device ${step.device}`);
  const sizeBytes = BigInt(device.sizeBytes);
  const end = min(step.offset + BigInt(step.lengthBytes), sizeBytes);
  if (end <= step.offset) return { kind: 'succeeds', rule: 'device/read', ret: 0n, data: [], behind: [] };
  const data = world.devicePages[step.device]!.read(content, step.offset, end, sizeBytes);
  return { kind: 'succeeds', rule: 'device/read', ret: end - step.offset, data, behind: [] };
}
