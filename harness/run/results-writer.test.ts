import { expect, test } from '@playwright/test';
import { chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { ResultsWriter } from './results-writer.ts';

test.beforeEach(({}, info) => { mkdirSync(info.outputDir, { recursive: true }); });

test('should not follow a symbolic link in place of the results directory', ({}, info) => {
  mkdirSync(info.outputPath('elsewhere'));
  symlinkSync(info.outputPath('elsewhere'), info.outputPath('out'));
  expect(() => new ResultsWriter(info.outputPath('out'))).toThrow(/results directory .*out is a symbolic link, and is not followed: .* give another by --out/);
  expect(() => new ResultsWriter(`${info.outputPath('out')}/`)).toThrow(/is a symbolic link/);
});

test('should refuse a results directory of somebody else', ({}, info) => {
  test.skip(process.getuid?.() !== 0, 'only root can give a directory away');
  mkdirSync(info.outputPath('out'));
  chownSync(info.outputPath('out'), 65534, 65534);
  expect(() => new ResultsWriter(info.outputPath('out'))).toThrow(/belongs to another user \(uid 65534\): give another by --out/);
});

test('should not write through a link that somebody put into the directory', ({}, info) => {
  const out = info.outputPath('out');
  mkdirSync(out);
  writeFileSync(info.outputPath('victim'), 'precious');
  symlinkSync(info.outputPath('victim'), `${out}/console.log`);
  expect(() => new ResultsWriter(out)).toThrow(/ELOOP/);
  expect(readFileSync(info.outputPath('victim'), 'utf8')).toBe('precious');
  expect(existsSync(`${out}/summary.json`)).toBe(false);
});
