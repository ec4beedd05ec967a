import { expect, test } from '@playwright/test';
import { lacking } from './config.ts';
import { parseConfig, parseFragment } from './parse-config.ts';
import { testableFragment } from './fragments.ts';

test('should find a kernel with our fragment fit for both machines', () => {
  const config = parseConfig(testableFragment());
  expect(lacking(config, 'microvm')).toEqual([]);
  expect(lacking(config, 'q35')).toEqual([]);
});

test('should refuse microvm, not q35, to a kernel with virtio-mmio as a module', () => {
  const config = parseConfig(testableFragment().replace('CONFIG_VIRTIO_MMIO=y', 'CONFIG_VIRTIO_MMIO=m'));
  expect(lacking(config, 'microvm')).toEqual(['CONFIG_VIRTIO_MMIO']);
  expect(lacking(config, 'q35')).toEqual([]);
});

test('should name what keeps a kernel from either machine', () => {
  const config = parseConfig(
    testableFragment().replace('CONFIG_SERIAL_8250_CONSOLE=y', '# CONFIG_SERIAL_8250_CONSOLE is not set'),
  );
  expect(lacking(config, 'microvm')).toEqual(['CONFIG_SERIAL_8250_CONSOLE']);
  expect(lacking(config, 'q35')).toEqual(['CONFIG_SERIAL_8250_CONSOLE']);
});

test('should read both ways in which a fragment says no', () => {
  expect([...parseFragment('CONFIG_A=n\n# CONFIG_B is not set\nCONFIG_C="x y"\n# a comment\n')]).toEqual([
    ['A', 'n'],
    ['B', 'n'],
    ['C', '"x y"'],
  ]);
});
