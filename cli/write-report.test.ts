import { expect, test } from '@playwright/test';
import { execFileSync, spawn } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { writeReport } from './write-report.ts';

test.beforeEach(({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
});

test('should replace a file whole and say where it is', ({}, info) => {
  const file = info.outputPath('report.json');
  writeFileSync(file, 'old');
  expect(writeReport(file, 'new', '--out')).toBe(file);
  expect(readFileSync(file, 'utf8')).toBe('new');
  expect(readdirSync(info.outputDir)).toEqual(['report.json']);
});

test('should write into a pipe, which stays one', async ({}, info) => {
  const pipe = info.outputPath('pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
  let read = '';
  reader.stdout.on('data', (bytes: Buffer) => {
    read += bytes.toString();
  });
  const ended = new Promise((resolve) => {
    reader.on('close', resolve);
  });
  writeReport(pipe, 'text', '--out');
  await ended;
  expect(read).toBe('text');
  expect(lstatSync(pipe).isFIFO()).toBe(true);
});

test('should name the option when the file cannot be written', ({}, info) => {
  expect(() => writeReport(info.outputPath('nowhere/report.json'), 'text', '--out')).toThrow(
    /can't write .*nowhere.*give another --out/,
  );
});

test('should say what is in the way, and name neither a system call nor the file that it would have renamed', ({}, info) => {
  const says = (path: string): string => {
    try {
      return writeReport(path, 'text', '--out');
    } catch (error) {
      return (error as Error).message;
    }
  };
  const nowhere = info.outputPath('nowhere');
  expect(says(`${nowhere}/a.html`)).toBe(
    `can't write ${nowhere}/a.html: its directory does not exist (ENOENT); make ${nowhere}; or give another --out`,
  );
  expect(says(info.outputDir)).toBe(
    `can't write ${info.outputDir}: it is a directory; name a file in it; or give another --out`,
  );
  const file = info.outputPath('file');
  expect(says(file)).toBe(file);
  expect(says(`${file}/a.html`)).toBe(
    `can't write ${file}/a.html: a part of its path is no directory (ENOTDIR); check the path; or give another --out`,
  );
  expect(readdirSync(info.outputDir)).toEqual(['file']);
});
