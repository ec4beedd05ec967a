import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from '../vm/host/tools.ts';
import { repositoryRoot } from '../files/repository-root.ts';
import { testKernel } from '../vm/testing/spec.ts';

function iomapfuzz(
  args: string[],
  env: Record<string, string> = {},
): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(repositoryRoot(), 'dist/iomapfuzz.mjs'), ...args],
    { encoding: 'utf8', env: { ...process.env, ...env } },
  );
  return { code: status, stdout, stderr };
}

/** A PATH with nothing on it but these. */
function pathOf(directory: string, ...programs: string[]): string {
  mkdirSync(directory, { recursive: true });
  for (const program of programs) symlinkSync(findTool(program)!, join(directory, program));
  return directory;
}

test('vm run should print what the command prints and exit as it does', async () => {
  const { path } = await testKernel();
  expect(iomapfuzz(['vm', 'run', '--kernel', path, '--', 'sh', '-c', 'echo out; echo err >&2; exit 9'])).toEqual({
    code: 9,
    stdout: 'out\n',
    stderr: 'err\n',
  });
});

test('vm run should end a command that takes too long, as an infrastructure failure', async () => {
  const { path } = await testKernel();
  const { code, stderr } = iomapfuzz(['vm', 'run', '--kernel', path, '--timeout', '2', '--', 'sleep', '1000']);
  expect(code).toBe(3);
  expect(stderr).toContain('no message within');
});

test('vm run should refuse what it cannot read or understand with exit code 2', ({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
  const text = info.outputPath('text');
  writeFileSync(text, 'not a kernel');
  for (const [args, message] of [
    [['vm', 'run', '--kernel', '/no/such/file', '--', 'true'], /cannot be read/],
    [['vm', 'run', '--kernel', text, '--', 'true'], /is it a bzImage/],
    [['vm', 'run', '--kernel', text, '--kdir', '/', '--', 'true'], /give one of them/],
    [['vm', 'run', '--kdir', info.outputDir, '--', 'true'], /neither a kernel tree/],
    [['vm', 'run', '--memory', 'much', '--', 'true'], /positive whole number/],
    [['vm', 'run'], /missing required argument/],
    [['kernel', 'build', '--source', text], /--source/],
  ] as const) {
    const { code, stderr } = iomapfuzz([...args]);
    expect({ args, code }).toEqual({ args, code: 2 });
    expect(stderr).toMatch(message);
  }
});

test('vm run should name QEMU where it is missing, and the package that has it', async ({}, info) => {
  const { path } = await testKernel();
  const { code, stderr } = iomapfuzz(['vm', 'run', '--kernel', path, '--', 'true'], {
    PATH: pathOf(info.outputPath('bin'), 'node', 'busybox', 'ldd', 'sh', 'bash'),
  });
  expect(code).toBe(3);
  expect(stderr).toContain('qemu-system-x86');
});

test('kernel build should name every missing tool and the packages that have them', ({}, info) => {
  const { code, stderr } = iomapfuzz(['kernel', 'build'], {
    PATH: pathOf(info.outputPath('bin'), 'node', 'sh', 'flock'),
  });
  expect(code).toBe(3);
  expect(stderr).toMatch(/missing: .*gcc.*flex.*bison/);
  expect(stderr).toMatch(/apt-get install .*gcc.*flex.*bison/);
});

test('doctor should boot a guest of a kernel it is given, and fail without QEMU', async ({}, info) => {
  const { path } = await testKernel();
  const well = iomapfuzz(['doctor', '--kernel', path]);
  expect(well.stdout).toMatch(/ok +guest +Linux .* was ready after/);
  expect(well.stdout).toMatch(/fuse-iomap/);
  expect([0, 3]).toContain(well.code);
  const ill = iomapfuzz(['doctor', '--kernel', path], {
    PATH: pathOf(info.outputPath('bin'), 'node', 'busybox', 'ldd', 'sh', 'bash'),
  });
  expect(ill.code).toBe(3);
  expect(ill.stdout).toMatch(/BAD +QEMU .*missing: qemu/);
  expect(ill.stdout).toContain('no guest was booted');
});

test('kernel config should print a fragment with what the uAPI under test needs', () => {
  const { code, stdout } = iomapfuzz(['kernel', 'config']);
  expect(code).toBe(0);
  for (const line of ['CONFIG_FUSE_IOMAP=y', 'CONFIG_VIRTIO_CONSOLE=y', 'CONFIG_SERIAL_8250_CONSOLE=y'])
    expect(stdout.split('\n')).toContain(line);
});
