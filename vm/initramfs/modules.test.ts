import { expect, test } from '@playwright/test';
import { loadOrder } from './modules.ts';

// As depmod writes it: the last dependency is the first to be loaded.
const modulesDep = `kernel/drivers/virtio/virtio.ko:
kernel/drivers/virtio/virtio_ring.ko:
kernel/drivers/virtio/virtio_pci_legacy_dev.ko:
kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_pci_legacy_dev.ko kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/char/virtio_console.ko.xz: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/fs/fuse/fuse.ko:
kernel/drivers/block/un-related.ko:
`;

test('should load what a module depends on before the module, and nothing twice', () => {
  expect(loadOrder(modulesDep, ['virtio_pci', 'virtio_console']).map((path) => path.split('/').at(-1))).toEqual(
    ['virtio_ring.ko', 'virtio.ko', 'virtio_pci_legacy_dev.ko', 'virtio_pci.ko', 'virtio_console.ko.xz']);
});

test('should pass over what is not a module of this kernel', () => {
  expect(loadOrder(modulesDep, ['brd', 'fuse'])).toEqual(['kernel/fs/fuse/fuse.ko']);
});

test('should take - and _ in module names for the same', () => {
  expect(loadOrder(modulesDep, ['un_related'])).toHaveLength(1);
});
