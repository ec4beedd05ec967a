/** Judges the set-up: mount(2), what INIT offered, and the registration of the case's devices. */
import type { Observation } from '../../model/observation.ts';
import type { Deviation } from '../deviation.ts';
import type { Revision } from '../../uapi/revision.ts';
import { errnoName } from '../../uapi/errno.ts';
import type { Expectation } from '../kernel/expectation.ts';
import { BACKING_ID_MAX } from '../rules/ioctls.ts';
import { errnoFacts } from '../kernel/errno-facts.ts';

export function judgeMount(seen: Observation, expectation: Expectation, revision: Revision): Deviation[] {
  const { mount } = seen;
  const deviations: Deviation[] = [];
  if (expectation.mount.errno !== undefined && mount.errno !== expectation.mount.errno) {
    const text = (errno: number) => (errno === 0 ? 'mount(2) succeeds' : `mount(2) fails with ${errnoName(errno)}`);
    return [
      {
        rule: expectation.mount.rule,
        aspect: 'errno',
        expected: text(expectation.mount.errno),
        seen: text(mount.errno),
        facts: errnoFacts([expectation.mount.errno], mount.errno, seen.transcript),
      },
    ];
  }
  if (mount.errno === 0 && mount.flags !== undefined && ((mount.flags >> BigInt(revision.initBit)) & 1n) === 0n) {
    deviations.push({
      rule: 'init/offers-iomap',
      aspect: 'request',
      expected: `INIT offers bit ${revision.initBit}`,
      seen: `flags 0x${mount.flags.toString(16)}`,
      facts: { request: 'INIT', differs: 'fields' },
    });
  }
  if (seen.unmountErrno !== undefined && seen.unmountErrno !== 0) {
    deviations.push({
      rule: 'unmount',
      aspect: 'errno',
      expected: 'umount(2) succeeds when everything is closed',
      seen: errnoName(seen.unmountErrno),
      facts: errnoFacts([0], seen.unmountErrno, seen.transcript),
    });
  }
  expectation.devices.forEach((errno, index) => {
    const result = mount.devices[index];
    const right = result !== undefined && (errno === 0 ? result >= 1 && result <= BACKING_ID_MAX : result === -errno);
    if (!right) {
      deviations.push({
        rule: 'backing-open/id',
        aspect: 'result',
        expected: errno === 0 ? `device ${index} gets an id from 1 to ${BACKING_ID_MAX}` : errnoName(errno),
        seen: result !== undefined && result < 0 ? errnoName(-result) : String(result),
        facts: errnoFacts([errno], result !== undefined && result < 0 ? -result : 0),
      });
    }
  });
  return deviations;
}
