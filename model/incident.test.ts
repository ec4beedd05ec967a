import { expect, test } from '@playwright/test';
import { incidentDeviation } from './incident.ts';

test('should name the rule that a case would contradict by the same', () => {
  const ruleOf = (reason: string): string => incidentDeviation({ reason }).rule;
  expect(ruleOf('WARNING: fs/fuse/inode.c:1785 at fuse_fill_super_common: planted: at a mount')).toBe('kernel/warning');
  expect(ruleOf('Assertion failed: map->length, file fs/fuse/file_iomap.c')).toBe('kernel/assertion');
  expect(
    ruleOf(
      'the kernel hangs: the unmount waits for ever in fuse_iomap_evict_inode, called by evict; the last request was DESTROY, which was answered',
    ),
  ).toBe('kernel/hang');
  for (const crash of [
    'the kernel panicked: between',
    'the kernel locked up in hang_spin: its processor is busy',
    'BUG: KASAN: slab-use-after-free in iomap_iter',
  ])
    expect(ruleOf(crash)).toBe('kernel/healthy');
});
