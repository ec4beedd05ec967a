import { expect, test } from '@playwright/test';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InfrastructureError } from '../../model/errors.ts';
import { bringToPatches, copyTree, touchedFiles, type Patch } from './patches.ts';
import type { KernelSource } from './source.ts';

const change = (from: string, to: string): string => `Subject: [PATCH] change a

--- a/fs/a.c
+++ b/fs/a.c
@@ -1,3 +1,3 @@
 one
-${from}
+${to}
 three
`;
const create = `Subject: [PATCH] add b

--- /dev/null
+++ b/fs/new/b.c
@@ -0,0 +1 @@
+new
`;

async function tree(
  directory: string,
): Promise<{ source: KernelSource; work: string; patch: (name: string, text: string) => Patch }> {
  const pristine = join(directory, 'pristine');
  mkdirSync(join(pristine, 'fs'), { recursive: true });
  writeFileSync(join(pristine, 'fs/a.c'), 'one\ntwo\nthree\n');
  writeFileSync(join(pristine, 'fs/untouched.c'), 'same\n');
  for (const file of ['fs/a.c', 'fs/untouched.c']) utimesSync(join(pristine, file), 1000, 1000);
  const work = join(directory, 'work/src');
  await copyTree(pristine, work);
  return {
    source: { directory: pristine, identity: 'x', origin: 'a test tree', version: '7.3' },
    work,
    patch: (name, text) => {
      const path = join(directory, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      return { name, path, text, sha256: createHash('sha256').update(text).digest('hex') };
    },
  };
}

const read = (...parts: string[]): string => readFileSync(join(...parts), 'utf8');

test('should apply a series and leave the pristine source alone', async ({}, info) => {
  const { source, work, patch } = await tree(info.outputDir);
  bringToPatches(work, source, [
    patch('1.patch', change('two', '2')),
    patch('2.patch', change('2', 'TWO')),
    patch('3.patch', create),
  ]);
  expect(read(work, 'fs/a.c')).toBe('one\nTWO\nthree\n');
  expect(read(work, 'fs/new/b.c')).toBe('new\n');
  expect(read(source.directory, 'fs/a.c')).toBe('one\ntwo\nthree\n');
  expect(existsSync(join(source.directory, 'fs/new'))).toBe(false);
});

test('should touch only files that change when the series does, so that make rebuilds only those', async ({}, info) => {
  const { source, work, patch } = await tree(info.outputDir);
  bringToPatches(work, source, [patch('1.patch', change('two', '2')), patch('2.patch', create)]);
  utimesSync(join(work, 'fs/new/b.c'), 2000, 2000);
  bringToPatches(work, source, [patch('1.patch', change('two', 'zwei')), patch('2.patch', create)]);
  expect(read(work, 'fs/a.c')).toBe('one\nzwei\nthree\n');
  expect(statSync(join(work, 'fs/new/b.c')).mtimeMs).toBe(2_000_000);
  expect(statSync(join(work, 'fs/untouched.c')).mtimeMs).toBe(1_000_000);
});

test('should take back what a patch did that is no longer in the series, with a new time stamp', async ({}, info) => {
  const { source, work, patch } = await tree(info.outputDir);
  bringToPatches(work, source, [patch('1.patch', change('two', '2')), patch('2.patch', create)]);
  bringToPatches(work, source, []);
  expect(read(work, 'fs/a.c')).toBe('one\ntwo\nthree\n');
  expect(statSync(join(work, 'fs/a.c')).mtimeMs).toBeGreaterThan(1_000_000);
  expect(existsSync(join(work, 'fs/new/b.c'))).toBe(false);
});

test('should say which patch does not apply, and to what', async ({}, info) => {
  const { source, work, patch } = await tree(info.outputDir);
  const good = patch('1.patch', change('two', '2'));
  expect(() => {
    bringToPatches(work, source, [good, patch('2.patch', change('two', 'II'))]);
  }).toThrow(InfrastructureError);
  expect(() => {
    bringToPatches(work, source, [good, patch('2.patch', change('two', 'II'))]);
  }).toThrow(/2\.patch does not apply to a test tree \(Linux 7\.3\)[\s\S]*--source/);
});

test('should know the files that a series touches', () => {
  expect([...touchedFiles([{ text: change('a', 'b') }, { text: create }])].sort()).toEqual(['fs/a.c', 'fs/new/b.c']);
});
