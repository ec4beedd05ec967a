import { expect, test } from '@playwright/test';
import { execFileSync, spawn } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { writeWhole } from './write-whole.ts';

test.beforeEach(({}, info) => { mkdirSync(info.outputDir, { recursive: true }); });

test('should write a new file, replace an old one, and leave nothing else behind', ({}, info) => {
  const file = info.outputPath('report.json');
  for (const text of ['one', 'two']) {
    writeWhole(file, text, '--out');
    expect(readFileSync(file, 'utf8')).toBe(text);
  }
  expect(readdirSync(info.outputDir)).toEqual(['report.json']);
});

test('should write through a link, and leave it a link', ({}, info) => {
  const [target, link] = [info.outputPath('target'), info.outputPath('link')];
  writeFileSync(target, 'old');
  symlinkSync('target', link);
  writeWhole(link, 'new', '--out');
  expect(readFileSync(target, 'utf8')).toBe('new');
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
});

test('should not follow what somebody has put where its unfinished file might be', ({}, info) => {
  const [victim, file] = [info.outputPath('victim'), info.outputPath('report.json')];
  writeFileSync(victim, 'precious');
  symlinkSync('victim', `${file}.new`);
  writeWhole(file, 'text', '--out');
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  expect(lstatSync(file).isFile()).toBe(true);
});

test('should write into a pipe, which stays one', async ({}, info) => {
  const pipe = info.outputPath('pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
  let read = '';
  reader.stdout.on('data', (bytes: Buffer) => { read += bytes.toString(); });
  const ended = new Promise((resolve) => { reader.on('close', resolve); });
  writeWhole(pipe, 'text', '--out');
  await ended;
  expect(read).toBe('text');
  expect(lstatSync(pipe).isFIFO()).toBe(true);
});

test('should name the option when the file cannot be written', ({}, info) => {
  expect(() => writeWhole(info.outputPath('nowhere/report.json'), 'text', '--out')).toThrow(/can't write .*nowhere.*give another --out/);
});
