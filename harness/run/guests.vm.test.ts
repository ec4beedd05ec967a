import { expect, test } from '@playwright/test';
import { execInGuest } from '../../vm/exec.ts';
import { VmError } from '../../vm/qemu/failure.ts';
import { testSpec } from '../../vm/testing/spec.ts';
import type { VmHandle } from '../../vm/vm.ts';
import { LocalGuests } from './guests.ts';

/** Threads of the agent, which is the guest's only program of that name. */
async function threads(vm: VmHandle): Promise<number> {
  let text = '';
  await execInGuest(vm, {
    argv: [
      'sh',
      '-c',
      'for p in /proc/[0-9]*; do if grep -q agent.cjs $p/cmdline; then ls $p/task | wc -l; break; fi; done',
    ],
    timeoutMs: 60_000,
    onOutput: (_, bytes) => {
      text += Buffer.from(bytes).toString();
    },
  });
  return Number(text);
}

test('should give guests whose threads wait for the first case, also the first guest and one that replaces a guest that was lost', async () => {
  const guests = new LocalGuests(await testSpec());
  try {
    const first = await guests.lease();
    const before = await threads(first);
    first.send({ kind: 'warm-up', id: 1 });
    expect(await first.receive(60_000)).toEqual({ kind: 'pong', id: 1 });
    expect(before).toBeGreaterThan(0);
    expect(await threads(first)).toBe(before);
    await guests.release(first, 'poisoned');
    const second = await guests.lease();
    expect(await threads(second)).toBe(before);
    expect(second.environment.readyAfterMs).toBeLessThan(60_000);
    await guests.release(second, 'healthy');
  } finally {
    await guests.close();
  }
});

test('should notice that a guest is locked up which says nothing from its first moment on', async () => {
  test.setTimeout(200_000);
  const guests = new LocalGuests(await testSpec());
  try {
    const vm = await guests.lease();
    vm.send({ kind: 'exec', id: 1, argv: ['sh', '-c', 'kill -STOP $PPID'] });
    const error: unknown = await vm.receive(150_000).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(VmError);
    expect((error as VmError).failure).toMatchObject({ kind: 'locked-up', how: 'sleeps' });
    await guests.release(vm, 'poisoned');
  } finally {
    await guests.close();
  }
});
