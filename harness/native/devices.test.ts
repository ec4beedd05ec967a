import { expect, test } from '@playwright/test';
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadBuilt } from './built.ts';

const native = loadBuilt();
const size = 700 * 1024;

test('should report what differs from the initial content, restore it, and then report nothing', ({}, info) => {
  const path = join(tmpdir(), `iomapfuzz-device-${process.pid}-${info.workerIndex}`);
  const fd = openSync(path, 'w+');
  try {
    expect(native.writePattern(fd, 5, size)).toBe(0);
    const pristine = readFileSync(path);
    expect(native.compareAndRestore(fd, 5, size)).toEqual([]);
    const written = Buffer.alloc(1024);
    native.fillPattern(written, 0, 1024, 2, 7, 65536n);
    writeSync(fd, written, 0, 1024, 300 * 1024);
    writeSync(fd, Buffer.from([0xff]), 0, 1, 15);
    expect(native.compareAndRestore(fd, 5, size)).toEqual([
      { offsetBytes: 8n, content: [{ lengthBytes: 8, source: { kind: 'other', hex: '01000000000510ff' } }] },
      {
        offsetBytes: 307200n,
        content: [{ lengthBytes: 1024, source: { kind: 'writer', writer: 7, offsetBytes: 65536n } }],
      },
    ]);
    expect(native.compareAndRestore(fd, 5, size)).toEqual([]);
    expect(readFileSync(path).equals(pristine)).toBe(true);
  } finally {
    closeSync(fd);
    rmSync(path);
  }
});

test('should say which errno stopped a comparison', () => {
  expect(native.compareAndRestore(-1, 0, 4096)).toBe(-9);
});

test('should report SIGBUS behind the end of a mapped file as a short copy', ({}, info) => {
  const path = join(tmpdir(), `iomapfuzz-mmap-${process.pid}-${info.workerIndex}`);
  const fd = openSync(path, 'w+');
  try {
    writeSync(fd, Buffer.alloc(4096, 7));
    const buffer = Buffer.alloc(12288);
    expect(native.mmapCopy(fd, buffer, 0, 12288, 0n, false, false)).toBe(4096);
    expect(buffer[4095]).toBe(7);
    expect(native.mmapCopy(fd, buffer, 0, 4096, 0n, true, true)).toBe(4096);
  } finally {
    closeSync(fd);
    rmSync(path);
  }
});
