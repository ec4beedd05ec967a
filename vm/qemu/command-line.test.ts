import { expect, test } from '@playwright/test';
import { qemuArguments, type QemuSpec } from './command-line.ts';

const spec: QemuSpec = {
  machine: 'microvm',
  accelerator: 'tcg',
  memoryMib: 512,
  kernel: 'k',
  initramfs: 'i',
  sockets: { console: 'c', port: 'p', qmp: 'q' },
};
const sandboxOf = (qemuSpec: QemuSpec): string | undefined =>
  qemuArguments(qemuSpec)[qemuArguments(qemuSpec).indexOf('-sandbox') + 1];

test('should deny QEMU everything that its guest does not need: children too, unless its devices are saved or loaded by one', () => {
  expect(sandboxOf({ ...spec, sandboxed: true })).toBe(
    'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
  );
  expect(sandboxOf({ ...spec, sandboxed: true, memoryFile: { path: 'm', shared: false } })).toBe(
    'on,obsolete=deny,elevateprivileges=deny,spawn=allow,resourcecontrol=deny',
  );
});

test('should leave the sandbox out where it does not work', () => {
  expect(qemuArguments(spec)).not.toContain('-sandbox');
});
