import { expect, test } from '@playwright/test';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execInGuest } from './exec.ts';
import { readKernelImage } from './kernel/image.ts';
import { VmError, type VmFailure } from './qemu/failure.ts';
import { repositoryRoot } from '../files/repository-root.ts';
import { processesThatName } from './testing/processes.ts';
import { testKernel, testSpec, withAgent } from './testing/spec.ts';
import { Vm, type VmSpec } from './vm.ts';

async function failureOf(promise: Promise<unknown>): Promise<VmFailure & { tail: readonly string[] }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof VmError) return { ...error.failure, tail: error.consoleTail };
    throw error;
  }
  throw new Error('the VM was not lost');
}

async function withVm<T>(spec: VmSpec, job: (vm: Vm) => Promise<T>): Promise<T> {
  const vm = await Vm.boot(spec);
  try {
    return await job(vm);
  } finally {
    await vm.close();
  }
}

async function output(vm: Vm, ...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' };
  const code = await execInGuest(vm, {
    argv,
    timeoutMs: 120_000,
    onOutput: (stream, bytes) => {
      text[stream] += Buffer.from(bytes).toString();
    },
  });
  return { code, ...text };
}

test('should run commands in a guest and tell their output, errors and exit codes apart', async () => {
  await withVm(await testSpec(), async (vm) => {
    expect(await output(vm, 'sh', '-c', 'echo out; echo err >&2; exit 7')).toEqual({
      code: 7,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    expect(await output(vm, 'node', '-p', '1n << 64n')).toEqual({
      code: 0,
      stdout: '18446744073709551616n\n',
      stderr: '',
    });
    expect((await output(vm, 'no-such-program')).code).toBe(127);
    expect((await output(vm, 'sh', '-c', 'kill -9 $$')).code).toBe(137);
    // More than a frame and a pipe hold.
    expect((await output(vm, 'sh', '-c', 'yes | head -c 5000000')).stdout).toHaveLength(5_000_000);
    expect(vm.facts.release).toContain('7.');
    expect(vm.consoleTail().join('\n')).toContain('Run /init as init process');
  });
});

test('should say that a kernel panicked while it booted, and show its log', async () => {
  const spec = await testSpec();
  const failure = await failureOf(Vm.boot({ ...spec, kernelArguments: ['rdinit=/nowhere', 'init=/nowhere'] }));
  expect(failure).toMatchObject({
    kind: 'boot-panicked',
    headline: expect.stringContaining('Kernel panic') as unknown,
  });
  expect(failure.tail.length).toBeGreaterThan(3);
});

test('should say that an image whose kernel is damaged did not boot', async ({}, info) => {
  const kernel = await testKernel();
  const image = readFileSync(kernel.path);
  // Behind setup code and decompressor: the compressed kernel.
  image.fill(0x55, Math.floor(image.length / 2), Math.floor(image.length / 2) + 4096);
  const path = info.outputPath('bzImage');
  writeFileSync(path, image);
  const failure = await failureOf(
    Vm.boot({
      ...(await testSpec()),
      kernel: { ...readKernelImage(path), config: kernel.config },
      bootTimeoutMs: 30_000,
    }),
  );
  expect(['no-console', 'boot-panicked']).toContain(failure.kind);
});

test("should say that the guest's init failed when its agent ends before it is ready", async () => {
  const failure = await failureOf(Vm.boot(withAgent(await testSpec(), 'process.exit(9)')));
  expect(failure).toMatchObject({ kind: 'init-failed', code: 'agent-ended', message: 'exit code 9' });
});

test('should say that the agent ended, and with what words, after it was ready', async () => {
  await withVm(
    withAgent(await testSpec(), 'hello(); setTimeout(() => { throw new Error("agent in trouble"); }, 500)'),
    async (vm) => {
      const failure = await failureOf(vm.receive(60_000));
      expect(failure.kind).toBe('agent-ended');
      expect(failure.tail.join('\n')).toContain('agent in trouble');
    },
  );
});

test('should say that a guest hangs, not one that is slow', async () => {
  await withVm(
    withAgent(
      await testSpec(),
      'hello(); setTimeout(() => { fs.writeSync(port, frame({ kind: "pong", id: 1 })); for (;;); }, 1000)',
    ),
    async (vm) => {
      expect(await vm.receive(60_000)).toEqual({ kind: 'pong', id: 1 });
      expect(await failureOf(vm.receive(1500))).toMatchObject({ kind: 'hung', deadlineMs: 1500 });
    },
  );
});

test('should say that a guest sent garbage, before or after it was ready', async () => {
  const spec = await testSpec();
  expect(
    await failureOf(
      Vm.boot(withAgent(spec, 'fs.writeSync(port, "[    1.0] some kernel log"); setInterval(() => {}, 1000)')),
    ),
  ).toMatchObject({ kind: 'garbage' });
  await withVm(
    withAgent(
      spec,
      'hello(); const f = frame({ kind: "pong", id: 1 }); f.fill(0xee, 4); fs.writeSync(port, f); setInterval(() => {}, 1000)',
    ),
    async (vm) => {
      expect(await failureOf(vm.receive(60_000))).toMatchObject({ kind: 'garbage' });
    },
  );
});

test('should refuse an agent that speaks another protocol', async () => {
  const failure = await failureOf(Vm.boot(withAgent(await testSpec(), 'hello(999); setInterval(() => {}, 1000)')));
  expect(failure).toMatchObject({ kind: 'garbage', detail: expect.stringContaining('protocol 999') as unknown });
});

test('should say that the kernel panicked under a running agent, and give the messages it sent before', async () => {
  const spec = await testSpec();
  // PID 1 ends: "Attempted to kill init!"
  const init = {
    path: '/init',
    executable: true,
    content: {
      kind: 'bytes' as const,
      bytes: Buffer.from(
        readFileSync(join(repositoryRoot(), 'vm/initramfs/init.sh'), 'utf8')
          .replace(
            /^node .*$/m,
            'node /iomapfuzz/agent.cjs "$port" &\nuntil [ -e /said ]; do sleep 0.1; done; sleep 1; exit 3',
          )
          .replace(/^fail "agent.*$/m, ''),
      ),
    },
  };
  const withOwnInit = {
    ...withAgent(
      spec,
      'hello(); fs.writeSync(port, frame({ kind: "pong", id: 5 })); fs.writeFileSync("/said", ""); setInterval(() => {}, 1000)',
    ),
  };
  await withVm({ ...withOwnInit, files: [...withOwnInit.files, init] }, async (vm) => {
    expect(await vm.receive(60_000)).toEqual({ kind: 'pong', id: 5 });
    expect(await failureOf(vm.receive(120_000))).toMatchObject({
      kind: 'panicked',
      headline: expect.stringContaining('Attempted to kill init') as unknown,
    });
  });
});

test('should say that a guest reset itself, which no panic explains', async () => {
  await withVm(await testSpec(), async (vm) => {
    vm.send({ kind: 'exec', id: 1, argv: ['busybox', 'reboot', '-f'] });
    expect(await failureOf(vm.receive(60_000))).toMatchObject({ kind: 'reset' });
  });
});

test('should say that the VM died when QEMU ends', async () => {
  await withVm(await testSpec(), async (vm) => {
    const failure = failureOf(vm.receive(60_000));
    await vm.qmp.execute('quit').catch(() => {
      /* it may be quicker than its answer */
    });
    expect(await failure).toMatchObject({ kind: 'died', exit: 'exit code 0' });
  });
});

test('should leave neither QEMU nor files behind when its process is killed', async () => {
  const { path } = await testKernel();
  // A place of its own: other runs on the machine come and go.
  const scratch = mkdtempSync(join(tmpdir(), 'killed-'));
  const child = spawn(
    process.execPath,
    [
      join(repositoryRoot(), 'dist/iomapfuzz.mjs'),
      'vm',
      'run',
      '--kernel',
      path,
      '--',
      'sh',
      '-c',
      'echo up; sleep 1000',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TMPDIR: scratch } },
  );
  await new Promise<void>((resolve) => {
    child.stdout.once('data', () => {
      resolve();
    });
  });
  const files = (): string[] => readdirSync(scratch);
  const qemus = (): string[] => processesThatName(scratch);
  expect(files().length).toBeGreaterThan(0);
  expect(qemus().length).toBeGreaterThan(0);
  child.kill('SIGKILL');
  await expect.poll(qemus, { timeout: 120_000 }).toEqual([]);
  await expect.poll(files, { timeout: 120_000 }).toEqual([]);
  rmSync(scratch, { recursive: true });
});
