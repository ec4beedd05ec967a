import { expect, test } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampleCases } from '../../oracles/testing/sample-cases.ts';
import type { Case } from '../../model/case.ts';
import type { GuestMessage } from '../../model/channel.ts';
import { caseHash } from '../../model/hash.ts';
import { consoleLines } from '../../model/kernel-log/line.ts';
import { kernelEvents } from '../../model/kernel-log/reader.ts';
import type { KernelEvent } from '../../model/observation.ts';
import { execute } from './execute.ts';
import { outsideCases } from './outside-cases.ts';
import { ScriptedGuests } from './testing/scripted-guests.ts';

const stack = (name: string): string => `Call Trace:\n <TASK>\n ${name}+0x25a/0x450\n vfs_write+0x285/0x390\n </TASK>`;
const ours: KernelEvent = {
  kind: 'warning',
  title: 'WARNING: fs/super.c:759 at generic_shutdown_super',
  text: stack('fuse_kill_sb_anon'),
};
const foreign: KernelEvent = {
  kind: 'warning',
  title: 'WARNING: drivers/clk/clk.c:12 at clk_enable',
  text: stack('clk_enable'),
};
const bug: KernelEvent = {
  kind: 'bug',
  title: 'BUG: KASAN: slab-use-after-free in clk_enable',
  text: stack('clk_enable'),
};
const boot = { where: 'before-cases', recent: [] } as const;

test('should make an incident of every bug, and of a warning that FUSE or iomap have to do with', () => {
  const found = outsideCases([ours, foreign, bug], boot);
  expect(found.map(({ reason, notice = false }) => [reason, notice])).toEqual([
    [(ours as { title: string }).title, false],
    [(foreign as { title: string }).title, true],
    [(bug as { title: string }).title, false],
  ]);
  expect(found[0]).toMatchObject({
    when: 'at boot, before the first case',
    log: ours.kind === 'warning' && ours.text.split('\n'),
    candidates: [],
  });
});

test('should tell them apart in the log of a kernel that booted with one of each', () => {
  const file = join(import.meta.dirname, '../../model/kernel-log/testdata/recorded-boot-warnings.log');
  const found = outsideCases(kernelEvents(consoleLines(readFileSync(file, 'latin1').split('\n'))), boot);
  expect(found.map(({ reason, notice = false }) => [/planted: (.*)/.exec(reason)?.[1], notice])).toEqual([
    ['nothing that is tested', true],
    ['at boot', false],
  ]);
});

test('should take a warning whose stack has no names for one that may concern what is tested', () => {
  const [found] = outsideCases(
    [{ kind: 'warning', title: 'WARNING: at', text: 'Call Trace:\n <TASK>\n 0xffffffff811aba2d\n </TASK>' }],
    boot,
  );
  expect(found).not.toHaveProperty('notice');
});

test('should show, and not judge, what is no fault of the kernel', () => {
  const found = outsideCases(
    [
      { kind: 'notice', title: 'out of memory', text: 'x' },
      { kind: 'channel-ended', channel: 'lockdep', title: 'BUG: MAX_LOCKDEP_KEYS too low', text: 'x' },
    ],
    boot,
  );
  expect(found.map(({ notice }) => notice)).toEqual([true, true]);
});

test('should say where it was, and which cases came before', () => {
  const place = { after: 'a'.repeat(64), before: 'b'.repeat(64), recent: ['a'.repeat(64)] };
  const at = (where: 'mount' | 'unmount' | 'between-cases') => outsideCases([ours], { where, ...place })[0]!;
  expect(at('between-cases')).toMatchObject({
    when: `between the cases ${'a'.repeat(12)} and ${'b'.repeat(12)}`,
    candidates: place.recent,
  });
  expect(at('unmount')).toMatchObject({
    when: `at the unmount after case ${'a'.repeat(12)}`,
    candidates: place.recent,
  });
  expect(at('mount')).toMatchObject({ when: `at the mount for case ${'b'.repeat(12)}`, candidates: [] });
});

const cases = sampleCases(2, 3).map((one) => one.of);

/** A guest that answers every case, and says something of the kernel before the first answer. */
const guests = (where: 'before-cases' | 'unmount', events: KernelEvent[]): ScriptedGuests =>
  new ScriptedGuests((guest, message) => {
    if (message.kind !== 'run-cases') return { messages: [] };
    const { id } = message;
    const said: GuestMessage[] = guest === 0 ? [{ kind: 'outside-cases', id, where, events }] : [];
    return {
      messages: [
        ...said,
        ...message.cases.flatMap(({ index }): GuestMessage[] => [
          { kind: 'case-begins', id, index },
          { kind: 'case-failed', id, index, reason: 'a test' },
        ]),
        { kind: 'cases-done', id },
      ],
    };
  });

async function run(source: ScriptedGuests, cases: readonly Case[]): Promise<number> {
  let outcomes = 0;
  for await (const { outcome } of execute(source, cases, { tables: false }))
    outcomes += outcome.kind === 'failed' ? 1 : 0;
  return outcomes;
}

test('should report it as of the run, not of a case, and use no guest any more whose kernel did that', async () => {
  const source = guests('unmount', [ours]);
  expect(await run(source, cases.slice(0, 2))).toBe(2);
  expect(source.incidents).toMatchObject([{ reason: (ours as { title: string }).title, when: 'at the last unmount' }]);
  expect(source.released).toEqual(['poisoned']);
  expect(source.incidents[0]!.candidates).not.toContain(caseHash(cases[0]!));
});

test('should keep a guest whose kernel complained at boot: another one would, too', async () => {
  const source = guests('before-cases', [ours]);
  expect(await run(source, cases.slice(0, 1))).toBe(1);
  expect(source.incidents).toHaveLength(1);
  expect(source.released).toEqual(['healthy']);
});
