import { expect, test } from '@playwright/test';
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { makeDirectory } from './make-directory.ts';

test.beforeEach(({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
});

test('should make a directory with the parents that it lacks, and take one that is there, also through a link', ({}, info) => {
  const path = info.outputPath('a/b/c');
  for (let time = 0; time < 2; time += 1) {
    makeDirectory(path);
    expect(statSync(path).isDirectory()).toBe(true);
  }
  symlinkSync('a', info.outputPath('link'));
  makeDirectory(info.outputPath('link/b/d'));
  expect(statSync(info.outputPath('a/b/d')).isDirectory()).toBe(true);
});

test('should say what is in the way', ({}, info) => {
  writeFileSync(info.outputPath('file'), '');
  symlinkSync('nowhere', info.outputPath('dangling'));
  for (const name of ['file', 'file/below/it', 'dangling', 'dangling/below']) {
    expect(() => {
      makeDirectory(info.outputPath(name));
    }, name).toThrow(new RegExp(`EEXIST: .*/${name.split('/')[0]!} is there and is no directory`));
  }
  expect(() => {
    makeDirectory(info.outputPath('a'.repeat(300)));
  }).toThrow(expect.objectContaining({ name: 'DirectoryError', code: 'ENAMETOOLONG' }));
});

test('should not try for ever where no directory can be made', () => {
  for (const path of ['/proc/x', '/proc/x/y/z', '/proc/self/fd/99/x']) {
    expect(() => {
      makeDirectory(path);
    }, path).toThrow(/ENOENT: the file system of \/proc.* takes no new directories/);
  }
});
