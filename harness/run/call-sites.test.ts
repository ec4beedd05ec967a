import { expect, test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { callSites } from './call-sites.ts';

test('should find every call of a function, and calls of others not', ({}, info) => {
  const [source, program] = [info.outputPath('calls.c'), info.outputPath('calls')];
  writeFileSync(
    source,
    `
    __attribute__((noinline)) void wanted(void) { __asm__ volatile(""); }
    __attribute__((noinline)) void other(void) { __asm__ volatile(""); }
    __attribute__((noinline)) void twice(void) { wanted(); other(); wanted(); __asm__ volatile(""); }
    int main(void) { twice(); wanted(); other(); return 0; }`,
  );
  execFileSync('gcc', ['-O1', '-g', '-no-pie', '-fno-pie', '-o', program, source]);
  const sites = callSites(program, 'wanted');
  expect(sites).toHaveLength(3);
  const lines = execFileSync('addr2line', ['-f', '-e', program], {
    input: sites.map((site) => `0x${(site - 1n).toString(16)}`).join('\n'),
    encoding: 'utf8',
  });
  expect(lines.match(/^\w+$/gm)).toEqual(expect.arrayContaining(['twice', 'twice', 'main']));
  expect(callSites(program, 'nothing')).toEqual([]);
  expect(callSites(source, 'wanted')).toEqual([]);
});
