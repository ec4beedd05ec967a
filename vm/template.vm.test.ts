import { expect, test } from '@playwright/test';
import { execInGuest } from './exec.ts';
import { Template } from './template.ts';
import { testSpec } from './testing/spec.ts';
import type { Vm } from './vm.ts';

async function shell(vm: Vm, command: string): Promise<string> {
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

test('should clone guests in the state that was prepared, apart from each other', async () => {
  const template = await Template.create(await testSpec(), async (vm) => {
    await shell(vm, 'echo prepared > /tmp/state');
  });
  const clones: Vm[] = [];
  try {
    const [a, b] = await Promise.all([template.clone(), template.clone()]);
    clones.push(a, b);
    expect(await shell(a, 'echo a >> /tmp/state; cat /tmp/state')).toBe('prepared\na');
    expect(await shell(b, 'cat /tmp/state')).toBe('prepared');
    await a.close();
    const c = await template.clone();
    clones.push(c);
    expect(await shell(c, 'cat /tmp/state')).toBe('prepared');
  } finally {
    await Promise.all(clones.map((vm) => vm.close()));
    template.close();
  }
});
