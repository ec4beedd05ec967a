import { expect, test } from '@playwright/test';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { agentFiles } from '../guest-files.ts';
import { cacheDirectory } from '../paths.ts';
import { Vm } from '../vm.ts';
import { identifyKernel } from './identify.ts';
import { readKernelImage } from './image.ts';

/** Debian's kernel for virtual machines, unpacked and kept in the cache; undefined where apt cannot fetch it. */
function stockKernel(): string | undefined {
  const directory = cacheDirectory('stock-kernel');
  const find = (): string | undefined => {
    const boot = join(directory, 'boot');
    const name = spawnSync('ls', [boot], { encoding: 'utf8' })
      .stdout.split('\n')
      .find((file) => file.startsWith('vmlinuz-'));
    return name === undefined ? undefined : join(boot, name);
  };
  if (find() !== undefined) return find();
  const depends = spawnSync('apt-cache', ['depends', 'linux-image-cloud-amd64'], { encoding: 'utf8' }).stdout;
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) return undefined;
  const scratch = join(directory, 'download');
  mkdirSync(scratch, { recursive: true });
  if (spawnSync('apt-get', ['download', name], { cwd: scratch }).status !== 0) return undefined;
  const deb = readdirSync(scratch).find((file) => file.endsWith('.deb'))!;
  execFileSync('dpkg-deb', ['-x', join(scratch, deb), directory]);
  rmSync(scratch, { recursive: true });
  return find();
}

test("should boot Debian's cloud kernel, which has virtio and FUSE as modules, and see that it has no fuse-iomap", async () => {
  const path = stockKernel();
  test.skip(path === undefined, 'the package linux-image-cloud-amd64 cannot be fetched here');
  const kernel = readKernelImage(path!);
  const vm = await Vm.boot({ kernel, files: agentFiles(), memoryMib: 512, bootTimeoutMs: 240_000 });
  try {
    expect(vm.environment.machine).toBe('q35');
    expect(identifyKernel(vm.facts, kernel.config)).toMatchObject({
      kind: 'no-fuse-iomap',
      reason: expect.stringContaining('CONFIG_FUSE_IOMAP is not set') as unknown,
    });
  } finally {
    await vm.close();
  }
});

test('should say what is missing for the same kernel without its modules', async () => {
  const path = stockKernel();
  test.skip(path === undefined, 'the package linux-image-cloud-amd64 cannot be fetched here');
  const kernel = { ...readKernelImage(path!), modulesDirectory: undefined };
  await expect(Vm.boot({ kernel, files: agentFiles(), memoryMib: 512, bootTimeoutMs: 240_000 })).rejects.toThrow(
    /no virtio-serial port/,
  );
});
