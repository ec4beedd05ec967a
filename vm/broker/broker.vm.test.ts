import { expect, test } from '@playwright/test';
import { fork } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { serialize } from 'node:v8';
import { join } from 'node:path';
import { build } from 'esbuild';
import { execInGuest } from '../exec.ts';
import { repositoryRoot } from '../../files/repository-root.ts';
import { testSpec } from '../testing/spec.ts';
import type { VmHandle } from '../vm.ts';
import { LeasedVm } from './client.ts';
import { brokerVariable } from './protocol.ts';
import { startBroker, type Broker } from './start.ts';

let broker: Broker;
let runsBroker: string | undefined;

test.beforeAll(async () => {
  runsBroker = process.env[brokerVariable];
  broker = await startBroker();
});
test.afterAll(async () => {
  await broker.close();
  if (runsBroker !== undefined) process.env[brokerVariable] = runsBroker;
});

async function shell(vm: VmHandle, command: string): Promise<string> {
  let text = '';
  await execInGuest(vm, {
    argv: ['sh', '-c', command],
    timeoutMs: 60_000,
    onOutput: (_, bytes) => {
      text += Buffer.from(bytes).toString();
    },
  });
  return text.trim();
}

test('should lease a healthy guest again, and never a poisoned one', async () => {
  const spec = await testSpec();
  const first = await LeasedVm.lease(broker.path, spec);
  await shell(first, 'echo used > /tmp/mark');
  await first.release('healthy');
  const second = await LeasedVm.lease(broker.path, spec);
  expect(await shell(second, 'cat /tmp/mark')).toBe('used');
  await second.release('poisoned');
  const third = await LeasedVm.lease(broker.path, spec);
  expect(await shell(third, 'ls /tmp')).toBe('');
  await third.release('healthy');
});

test('should survive a lessee that is killed, and take its guest away', async ({}, info) => {
  const spec = await testSpec();
  // A process of its own, as a worker is: it leases a guest, marks it, and is killed with the lease in its hands.
  const bundle = join(repositoryRoot(), 'dist/test-lessee.mjs');
  await build({
    entryPoints: [join(repositoryRoot(), 'vm/testing/lessee.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outfile: bundle,
    logLevel: 'error',
  });
  const specFile = info.outputPath('spec');
  writeFileSync(specFile, serialize(spec));
  const lessee = fork(bundle, [broker.path, specFile]);
  await new Promise<void>((resolve) => {
    lessee.once('message', () => {
      resolve();
    });
  });
  lessee.kill('SIGKILL');
  const next = await LeasedVm.lease(broker.path, spec);
  expect(await shell(next, 'ls /tmp')).toBe('');
  await next.release('healthy');
  expect(readFileSync(`/proc/${String(broker.pid)}/cmdline`, 'utf8')).toContain('broker.mjs');
});

test('should pass on why a guest was lost, with its console', async () => {
  const vm = await LeasedVm.lease(broker.path, await testSpec());
  vm.send({ kind: 'poweroff', id: 1 });
  const error = await vm.receive(60_000).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(vm.lossOf(error)).toMatchObject({
    blame: 'kernel',
    reason: expect.stringContaining('reset itself') as unknown,
  });
  expect(vm.consoleTail().join('\n')).toContain('reboot: Restarting system');
  await vm.release('healthy');
});

test('should say why no guest can be had', async () => {
  const spec = await testSpec();
  await expect(
    LeasedVm.lease(broker.path, { ...spec, kernelArguments: ['rdinit=/nowhere', 'init=/nowhere'] }),
  ).rejects.toThrow(/panicked while it booted/);
});
