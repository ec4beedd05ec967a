/** `iomapfuzz serve` as a user runs it, for tests. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../files/repository-root.ts';

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

const kernel = process.env['IOMAPFUZZ_KERNEL'] === undefined ? [] : ['--kernel', process.env['IOMAPFUZZ_KERNEL']];

/** `script`: a path in the repository, or the text of a script. */
export function runServe(
  script: string,
  argv: string[],
  { input = '', options = [] }: { input?: string; options?: string[] } = {},
): Promise<Ran> {
  const scratch = mkdtempSync(join(tmpdir(), 'iomapfuzz-serve-test-'));
  let path = join(repositoryRoot(), script);
  if (script.includes('\n')) {
    path = join(scratch, 'script.ts');
    writeFileSync(path, script);
  }
  return new Promise((resolve) => {
    const child = spawn(join(repositoryRoot(), 'iomapfuzz'), [
      'serve',
      ...kernel,
      ...options,
      path,
      ...(argv.length > 0 ? ['--', ...argv] : []),
    ]);
    const ran: Ran = { code: null, stdout: '', stderr: '' };
    child.stdout.on('data', (bytes: Buffer) => {
      ran.stdout += bytes;
    });
    child.stderr.on('data', (bytes: Buffer) => {
      ran.stderr += bytes;
    });
    child.on('close', (code) => {
      rmSync(scratch, { recursive: true });
      resolve({ ...ran, code });
    });
    child.stdin.end(input);
  });
}

export const shell = (command: string): string[] => ['sh', '-c', command];

/** A shell's command: fails when the guest's kernel log has more than the words of mounting. */
export const kernelIsHealthy =
  'if dmesg | grep -E "WARNING|BUG|Oops|Assertion failed|Bad mapping|possible circular|blocked for more"; then exit 99; fi';
