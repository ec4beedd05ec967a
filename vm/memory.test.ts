import { expect, test } from '@playwright/test';
import { parseConfig } from './kernel/parse-config.ts';
import { leastMemoryMib } from './vm.ts';

test("should ask for room for the archive, for its files in half of what is left, and for KASAN's shadow", () => {
  const initramfsBytes = 112 << 20;
  expect(leastMemoryMib(initramfsBytes, undefined)).toBe(368);
  expect(leastMemoryMib(initramfsBytes, parseConfig('CONFIG_KASAN=y\n'))).toBe(458);
  // The defaults of both flavours leave room for devices and files.
  expect(leastMemoryMib(initramfsBytes, undefined)).toBeLessThan(512);
  expect(leastMemoryMib(initramfsBytes, parseConfig('CONFIG_KASAN=y\n'))).toBeLessThan(1024);
});
