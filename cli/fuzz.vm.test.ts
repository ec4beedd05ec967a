import { expect, test } from '@playwright/test';
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import type { CaseRecord } from '../model/results.ts';

/** Runs iomapfuzz; `interruptWith`: sends SIGINT once as soon as the results directory holds a case. */
function iomapfuzz(args: readonly string[], interruptWith?: string): Promise<{ code: number | null; stdout: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(repositoryRoot(), 'dist/iomapfuzz.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let stdout = '';
    child.stdout.on('data', (bytes: Buffer) => {
      stdout += bytes.toString();
    });
    const watch =
      interruptWith === undefined
        ? undefined
        : setInterval(() => {
            if (!statSync(join(interruptWith, 'cases.jsonl'), { throwIfNoEntry: false })?.size) return;
            clearInterval(watch);
            child.kill('SIGINT');
          }, 20);
    child.on('close', (code) => {
      clearInterval(watch);
      resolve({ code, stdout });
    });
  });
}

const recordsOf = (directory: string): CaseRecord[] =>
  readFileSync(join(directory, 'cases.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as CaseRecord);
const hashes = (records: readonly CaseRecord[]): Map<number, string> =>
  new Map([...records].sort((a, b) => a.n - b.n).map(({ n, hash }) => [n, hash]));

test('should keep what finished at ^C, go on where it says, and end up with the cases of an undivided campaign run in two guests', async ({}, info) => {
  test.setTimeout(600_000);
  const at = (name: string): string => info.outputPath(name);
  const whole = await iomapfuzz(['fuzz', '--seed', '11', '--runs', '1500', '--jobs', '2', '--out', at('whole')]);
  expect(whole.code).toBe(0);
  const hashOf = ({ stdout }: { stdout: string }): string | undefined =>
    /sha256 of their hashes: (\w+)/.exec(stdout)?.[1];
  expect(hashOf(whole)).toMatch(/^\w{64}$/);
  expect(hashOf(await iomapfuzz(['fuzz', '--seed', '11', '--runs', '1500', '--dry-run']))).toBe(hashOf(whole));
  const first = await iomapfuzz(['fuzz', '--seed', '11', '--runs', '1500', '--out', at('first')], at('first'));
  expect(first.code).toBe(3);
  const resume = /to go on: iomapfuzz (.*)/.exec(first.stdout);
  expect(resume, first.stdout).not.toBeNull();
  const rest = await iomapfuzz([...resume![1]!.split(' '), '--out', at('rest')]);
  expect(rest.code).toBe(0);
  const [one, two] = [recordsOf(at('first')), recordsOf(at('rest'))];
  expect(one.length).toBeGreaterThan(0);
  expect(one.length).toBeLessThan(1500);
  expect([...hashes([...one, ...two])]).toEqual([...hashes(recordsOf(at('whole')))]);
  expect(hashes([...one, ...two]).size).toBe(1500);
});
