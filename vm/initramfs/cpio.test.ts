import { expect, test } from '@playwright/test';
import { execFileSync, spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeCpio } from './cpio.ts';

// The judge is GNU cpio, not our own reading of the format.
const hasCpio = spawnSync('cpio', ['--version']).status === 0;

test('should write an archive that cpio unpacks to the same files', ({}, info) => {
  test.skip(!hasCpio, 'GNU cpio is not installed (Debian package cpio)');
  const directory = info.outputPath('unpacked');
  mkdirSync(directory, { recursive: true });
  const source = info.outputPath('source');
  // Sizes around the padding to 4, and one beyond the copy buffer.
  const contents = [0, 1, 2, 3, 4, 5, 4095, (4 << 20) + 3].map((size) => Buffer.alloc(size, size % 251));
  writeFileSync(source, contents.at(-1)!);
  const archive = info.outputPath('archive');
  writeCpio(archive, [
    { kind: 'directory', path: 'etc' },
    ...contents.map((bytes, index) => ({
      kind: 'bytes' as const,
      path: `etc/file${String(index)}`,
      bytes,
      executable: index === 2,
    })),
    { kind: 'file', path: 'etc/copied', source },
    { kind: 'symlink', path: 'etc/link', target: 'file1' },
  ]);
  execFileSync('cpio', ['-i', '--quiet', '-F', archive], { cwd: directory });
  for (const [index, bytes] of contents.entries())
    expect(readFileSync(join(directory, `etc/file${String(index)}`)).equals(bytes)).toBe(true);
  expect(readFileSync(join(directory, 'etc/copied')).equals(contents.at(-1)!)).toBe(true);
  expect(readlinkSync(join(directory, 'etc/link'))).toBe('file1');
  expect(lstatSync(join(directory, 'etc/file2')).mode & 0o777).toBe(0o755);
  expect(lstatSync(join(directory, 'etc/file1')).mode & 0o777).toBe(0o644);
});

test('should list a console device as cpio sees it, without being root', ({}, info) => {
  test.skip(!hasCpio, 'GNU cpio is not installed (Debian package cpio)');
  const archive = info.outputPath('archive');
  writeCpio(archive, [
    { kind: 'directory', path: 'dev' },
    { kind: 'device', path: 'dev/console', major: 5, minor: 1 },
  ]);
  const listing = execFileSync('cpio', ['-tv', '--quiet', '-F', archive], { encoding: 'utf8' });
  expect(listing).toMatch(/^crw------- +1 root +root +5, +1 .* dev\/console$/m);
});
