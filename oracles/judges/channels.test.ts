import { expect, test } from '@playwright/test';
import { revisions } from '../../uapi/revision.ts';
import { channelsOf, saysThatChannelLacks } from './channels.ts';

const complete = { badDataEvent: true, debugIomap: false };

test('should not judge by a WARN where the kernel has no log, and judge by it where it has one', () => {
  const silent = channelsOf(revisions.r3, { ...complete, config: 'CONFIG_FUSE_IOMAP=y\n# CONFIG_PRINTK is not set\n' });
  expect(silent.warn.judged).toBe(false);
  expect(silent.traceEvent.judged).toBe(true);
  expect(silent.unjudged.map(({ aspect }) => aspect)).toEqual(['warn', 'kernel-log']);
  expect(silent.unjudged.every(({ reason }) => saysThatChannelLacks(reason))).toBe(true);
  const speaking = channelsOf(revisions.r3, { ...complete, config: 'CONFIG_FUSE_IOMAP=y\nCONFIG_PRINTK=y\n' });
  expect(speaking).toMatchObject({ warn: { judged: true }, traceEvent: { judged: true }, unjudged: [] });
  expect(channelsOf(revisions.r3, complete).unjudged).toEqual([]);
});

test('should name a channel that the kernel lacks', () => {
  expect(channelsOf(revisions.r3, { badDataEvent: false, debugIomap: true }).unjudged).toMatchObject([
    { aspect: 'trace-event' },
  ]);
  expect(channelsOf(revisions.r3, { badDataEvent: true }).unjudged).toMatchObject([{ aspect: 'warn' }]);
});
