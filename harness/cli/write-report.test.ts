import { expect, test } from '@playwright/test';
import { execFileSync, spawn } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { writeReport } from './write-report.ts';

test.beforeEach(({}, info) => { mkdirSync(info.outputDir, { recursive: true }); });

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
  reader.stdout.on('data', (bytes: Buffer) => { read += bytes.toString(); });
  const ended = new Promise((resolve) => { reader.on('close', resolve); });
  writeReport(pipe, 'text', '--out');
  await ended;
  expect(read).toBe('text');
  expect(lstatSync(pipe).isFIFO()).toBe(true);
});

test('should name the option when the file cannot be written', ({}, info) => {
  expect(() => writeReport(info.outputPath('nowhere/report.json'), 'text', '--out')).toThrow(/can't write .*nowhere.*give another --out/);
});
