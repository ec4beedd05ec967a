import { expect, test } from '@playwright/test';
import { dependenciesOf, loadOrder } from './modules.ts';

const modules: Record<string, string[]> = {
  virtio: [],
  virtio_ring: [],
  virtio_pci_legacy_dev: [],
  fuse: [],
  virtio_pci: ['virtio_ring', 'virtio', 'virtio_pci_legacy_dev'],
  virtio_console: ['virtio_ring', 'virtio'],
  a: ['b'],
  b: ['a'],
};
const dependencies = (name: string): string[] | undefined => modules[name];

test('should load what a module depends on before the module, and nothing twice', () => {
  expect(loadOrder(['virtio_pci', 'virtio_console'], dependencies)).toEqual([
    'virtio_ring',
    'virtio',
    'virtio_pci_legacy_dev',
    'virtio_pci',
    'virtio_console',
  ]);
});

test('should pass over what is not a module of this kernel', () => {
  expect(loadOrder(['brd', 'fuse'], dependencies)).toEqual(['fuse']);
});

test('should not go round in circles', () => {
  expect(loadOrder(['a'], dependencies)).toEqual(['b', 'a']);
});

test("should read a module's own list of dependencies", () => {
  expect(dependenciesOf(Buffer.from('ELF\0license=GPL\0depends=virtio,virtio-ring\0retpoline=Y\0'))).toEqual([
    'virtio',
    'virtio_ring',
  ]);
  expect(dependenciesOf(Buffer.from('ELF\0license=GPL\0depends=\0retpoline=Y\0'))).toEqual([]);
});
