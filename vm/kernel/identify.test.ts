import { expect, test } from '@playwright/test';
import type { KernelFacts } from '../../model/channel.ts';
import { parseConfig } from './parse-config.ts';
import { describeIdentity, identifyByConfig, identifyKernel } from './identify.ts';

const complete: KernelFacts = {
  release: '7.3.4',
  version: 'Linux version 7.3.4',
  commandLine: '',
  fuse: true,
  enableIomap: true,
  debugIomap: false,
  badDataEvent: true,
  tainted: 0,
};
const without = (...names: (keyof KernelFacts)[]): KernelFacts =>
  Object.fromEntries(
    Object.entries(complete).filter(([name]) => !names.includes(name as keyof KernelFacts)),
  ) as unknown as KernelFacts;

test('should find nothing missing in a complete kernel', () => {
  expect(identifyKernel(complete)).toEqual({ kind: 'testable', missing: [] });
});

const rows: { what: string; facts: KernelFacts; config?: string; kind: string; says: RegExp }[] = [
  { what: 'no FUSE', facts: { ...complete, fuse: false }, kind: 'no-fuse', says: /CONFIG_FUSE_FS=y/ },
  {
    what: 'FUSE as a module that was not found',
    facts: { ...complete, fuse: false },
    config: 'CONFIG_FUSE_FS=m\n',
    kind: 'no-fuse',
    says: /--modules/,
  },
  {
    what: 'no fuse-iomap',
    facts: without('enableIomap', 'debugIomap'),
    config: 'CONFIG_FUSE_FS=m\n',
    kind: 'no-fuse-iomap',
    says: /CONFIG_FUSE_IOMAP is not set/,
  },
  {
    what: 'iomap switched off',
    facts: { ...complete, enableIomap: false },
    kind: 'iomap-off',
    says: /fuse\.enable_iomap=1/,
  },
  {
    what: 'the WARN but no trace event',
    facts: { ...complete, badDataEvent: false },
    kind: 'testable',
    says: /not to be judged: trace event \(there is no trace event/,
  },
  {
    what: 'no event tracing',
    facts: { ...complete, badDataEvent: false },
    config: 'CONFIG_PRINTK=y\n',
    kind: 'testable',
    says: /CONFIG_ENABLE_DEFAULT_TRACERS=y/,
  },
  {
    what: 'the trace event but no WARN',
    facts: without('debugIomap'),
    kind: 'testable',
    says: /not to be judged: WARN/,
  },
];
for (const { what, facts, config, kind, says } of rows) {
  test(`should recognise a kernel with ${what}`, () => {
    const identity = identifyKernel(facts, config === undefined ? undefined : parseConfig(config));
    expect(identity.kind).toBe(kind);
    expect(describeIdentity(identity)).toMatch(says);
  });
}

test('should believe what the running kernel says of its configuration before what lay beside the image', () => {
  const facts = { ...complete, badDataEvent: false, config: 'CONFIG_EVENT_TRACING=y\n' };
  expect(describeIdentity(identifyKernel(facts, parseConfig('CONFIG_PRINTK=y\n')))).not.toContain(
    'without event tracing',
  );
});

test('should refuse a kernel by the configuration that was found with it, and no kernel without one', () => {
  const image = { release: '6.1.0', configSource: '/boot/config-6.1.0' };
  expect(identifyByConfig({ ...image, config: parseConfig('CONFIG_FUSE_FS=y\n') })).toMatchObject({
    kind: 'no-fuse-iomap',
    reason: 'Linux 6.1.0 is built without fuse-iomap: CONFIG_FUSE_IOMAP is not set (/boot/config-6.1.0)',
    remedy: expect.stringContaining('CONFIG_FUSE_IOMAP=y') as unknown,
  });
  expect(identifyByConfig({ ...image, config: parseConfig('CONFIG_FUSE_IOMAP=y\n') })).toBeUndefined();
  expect(identifyByConfig({ ...image, config: undefined })).toBeUndefined();
});
