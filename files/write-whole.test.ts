import { expect, test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { writeWhole } from './write-whole.ts';

test.beforeEach(({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
});

test('should write a new file, replace an old one, and leave nothing else behind', ({}, info) => {
  const file = info.outputPath('report.json');
  for (const text of ['one', 'two']) {
    writeWhole(file, text);
    expect(readFileSync(file, 'utf8')).toBe(text);
  }
  expect(readdirSync(info.outputDir)).toEqual(['report.json']);
});

test('should write through a link, and leave it a link', ({}, info) => {
  const [target, link] = [info.outputPath('target'), info.outputPath('link')];
  writeFileSync(target, 'old');
  symlinkSync('target', link);
  writeWhole(link, 'new');
  expect(readFileSync(target, 'utf8')).toBe('new');
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
});

test('should not follow what somebody has put where its unfinished file might be', ({}, info) => {
  const [victim, file] = [info.outputPath('victim'), info.outputPath('report.json')];
  writeFileSync(victim, 'precious');
  symlinkSync('victim', `${file}.new`);
  writeWhole(file, 'text');
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  expect(lstatSync(file).isFile()).toBe(true);
});

test('should leave a pipe alone, and everything as it was when it cannot write', ({}, info) => {
  const pipe = info.outputPath('pipe');
  execFileSync('mkfifo', [pipe]);
  expect(() => {
    writeWhole(pipe, 'text');
  }).toThrow('it is no regular file but a pipe');
  expect(() => {
    writeWhole(info.outputPath('nowhere/report.json'), 'text');
  }).toThrow(/ENOENT/);
  // The name of its unfinished file is longer than a name may be.
  const long = info.outputPath('a'.repeat(240));
  writeFileSync(long, 'old');
  expect(() => {
    writeWhole(long, 'new');
  }).toThrow(/ENAMETOOLONG/);
  expect(readFileSync(long, 'utf8')).toBe('old');
  expect(readdirSync(info.outputDir).sort()).toEqual(['a'.repeat(240), 'pipe']);
});
