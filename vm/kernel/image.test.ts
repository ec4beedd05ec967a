import { expect, test } from '@playwright/test';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { UsageError } from '../../model/errors.ts';
import { bzImage } from '../testing/stand-in-kernel.ts';
import { readKernelImage } from './image.ts';

function write(directory: string, name: string, bytes: Uint8Array | string): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

const vmlinux = (config: string): Buffer =>
  Buffer.concat([
    Buffer.alloc(100),
    Buffer.from('IKCFG_ST'),
    gzipSync(config),
    Buffer.from('IKCFG_ED'),
    Buffer.alloc(100),
  ]);

test('should read version and configuration out of an image', ({}, info) => {
  const path = write(info.outputDir, 'bzImage', bzImage(gzipSync(vmlinux('CONFIG_FUSE_FS=m\n'))));
  const image = readKernelImage(path);
  expect(image.release).toBe('7.3.4');
  expect(image.config?.get('FUSE_FS')).toBe('m');
  expect(image.configSource).toContain('IKCONFIG');
});

test('should find the configuration beside an image that has none, where Debian, a built tree, and our cache put it', ({}, info) => {
  const plain = bzImage(gzipSync(Buffer.alloc(10)));
  const debian = info.outputPath('debian');
  write(debian, 'config-7.3.4', 'CONFIG_A=y\n');
  expect(readKernelImage(write(debian, 'vmlinuz-7.3.4', plain)).config?.get('A')).toBe('y');
  const built = info.outputPath('tree');
  write(built, '.config', 'CONFIG_B=y\n');
  expect(readKernelImage(write(join(built, 'arch/x86/boot'), 'bzImage', plain)).config?.get('B')).toBe('y');
  expect(readKernelImage(write(info.outputPath('alone'), 'bzImage', plain)).config).toBeUndefined();
});

test("should find modules beside a kernel of Debian's layout", ({}, info) => {
  const root = info.outputPath('root');
  write(join(root, 'lib/modules/7.3.4'), 'modules.order', '');
  const path = write(join(root, 'boot'), 'vmlinuz-7.3.4', bzImage(Buffer.alloc(8)));
  expect(readKernelImage(path).modulesDirectory).toBe(join(root, 'lib/modules/7.3.4'));
  expect(() => readKernelImage(path, { modulesDirectory: info.outputPath('nowhere') })).toThrow(
    /there is no such directory/,
  );
});

const good = bzImage(randomBytes(100_000));
for (const [what, bytes, message] of [
  ['an ELF vmlinux', Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(10_000)]), /give the bzImage/],
  ['a text file', Buffer.from('not a kernel'), /no Linux\/x86 boot header/],
  ['an empty file', Buffer.alloc(0), /no Linux\/x86 boot header/],
  ['an image that is cut off', good.subarray(0, good.length - 4200), /it is cut off/],
] as const) {
  test(`should refuse ${what} and say why`, ({}, info) => {
    const path = write(info.outputDir, 'image', bytes);
    expect(() => readKernelImage(path)).toThrow(UsageError);
    expect(() => readKernelImage(path)).toThrow(message);
  });
}

test('should take the whole image whose head it refused', ({}, info) => {
  expect(readKernelImage(write(info.outputDir, 'image', good)).release).toBe('7.3.4');
});
