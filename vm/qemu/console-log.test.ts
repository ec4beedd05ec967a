import { expect, test } from '@playwright/test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Console } from './console.ts';
import { openConsoleLog } from './console-log.ts';

let directory: string;
test.beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-console-log-'));
});
test.afterAll(() => {
  rmSync(directory, { recursive: true });
});

test('should hold every guest, whole lines of each, under a header that names it', () => {
  const file = join(directory, 'console.log');
  const [first, second] = [
    new Console(openConsoleLog(file, 'microvm, tcg')),
    new Console(openConsoleLog(file, 'microvm, tcg, from a template')),
  ];
  const say = (guest: Console, text: string): void => {
    guest.write(Buffer.from(text));
  };
  say(first, '[ 0.1] one\n[ 0.2] tw');
  say(second, '[ 0.1] three\n');
  say(first, 'o\n');
  say(first, '[ 0.3] last words');
  first.end();
  second.end();
  expect(readFileSync(file, 'utf8').split('\n')).toEqual([
    '==> guest 1: microvm, tcg <==',
    '[ 0.1] one',
    '==> guest 2: microvm, tcg, from a template <==',
    '[ 0.1] three',
    '==> guest 1: microvm, tcg <==',
    '[ 0.2] two',
    '[ 0.3] last words',
    '',
  ]);
});

test('should keep no line that never ends', () => {
  const file = join(directory, 'endless.log');
  const log = openConsoleLog(file, 'q35, tcg');
  for (let blocks = 0; blocks < 3; blocks++) log.write(Buffer.alloc(1 << 16, 'x'));
  expect(readFileSync(file).length).toBeGreaterThan(1 << 16);
});

test('should not fill the disk with what one guest prints, nor lose what the next one does', () => {
  const file = join(directory, 'flood.log');
  const [flood, next] = [openConsoleLog(file, 'microvm, tcg', 1000), openConsoleLog(file, 'microvm, tcg', 1000)];
  for (let lines = 0; lines < 1000; lines++) flood.write(Buffer.from('[ 1.0] a line of a flood\n'));
  next.write(Buffer.from('[ 0.1] one\n'));
  const text = readFileSync(file, 'utf8');
  expect(text.length).toBeLessThan(1300);
  expect(text).toContain('guest 1 printed more than 1000 bytes: the rest is left out');
  expect(text).toContain('[ 0.1] one\n');
});

test('should say which file cannot be opened', () => {
  expect(() => openConsoleLog(join(directory, 'no such directory', 'console.log'), 'microvm, tcg')).toThrow(
    'no such directory',
  );
});
