/**
 * The emitted programs against the harness: both see the same, in the same guest, of every sample and of a cell of each
 * path of the plan.
 */
import { expect, test } from '@playwright/test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judge } from '../oracles/judge.ts';
import { agentFiles } from '../vm/guest-files.ts';
import { noProgress } from '../vm/kernel/progress.ts';
import { selectKernel } from '../vm/kernel/select.ts';
import { Vm } from '../vm/vm.ts';
import type { Case } from '../model/case.ts';
import { revisions, NULL_ADDR } from '../uapi/revision.ts';
import { casesOf, conformancePlan, type PlanCell } from '../plan/plan.ts';
import {
  compilePrograms,
  differences,
  observe,
  runProgram,
  type EmittedProgram,
} from '../harness/run/testing/agreement.ts';
import type { Evidence } from './evidence.ts';
import { begin, makeCase, mapped, mappings, openDirect, overwrite, sampleCases } from './testing/samples.ts';

const read = { call: 'pread', fd: 0, offset: 0n, lengthBytes: 4096 } as const;
/** Cases whose rules are those of an earlier revision: the kernel deviates from them. */
const deviating: Readonly<Record<string, Case>> = {
  'accepted by r2, refused by r3': makeCase(
    [openDirect, read],
    [begin(mappings(mapped(), overwrite({ flags: ['NEW'] })))],
    { revision: 'r2', debugIomap: true },
  ),
  'refused by r1, accepted by r3': makeCase(
    [openDirect, { call: 'seekHole', fd: 0, offset: 0n }],
    [begin(mappings(mapped({ type: 'DELALLOC', dev: 0, addr: NULL_ADDR }), mapped()))],
    { revision: 'r1' },
  ),
};

/**
 * From each path of the plan one cell, now of this rule, now of that, now on this side of its border, now on the other.
 * Syscalls that are served without a mapping are left out: an emitted server has no names to make and no directory to
 * list.
 */
function ofThePlan(): [string, Case][] {
  const byPath = new Map<string, PlanCell[]>();
  for (const cell of conformancePlan(revisions.r3))
    if (cell.impossible === undefined) byPath.set(cell.path, [...(byPath.get(cell.path) ?? []), cell]);
  return [...byPath.values()]
    .map((cells, n): [string, Case] => {
      const cell = cells[(n * 7) % cells.length]!;
      return [cell.id, casesOf(cell, { seed: 1, runs: 1 })[0]!.case];
    })
    .filter(([, { workload }]) => workload.every(({ call }) => call !== 'ordinary'));
}

const cases = new Map([...Object.entries(sampleCases), ...Object.entries(deviating), ...ofThePlan()]);
/** As `repro CASE --emit c` without replays. */
const nothingSeen: Evidence = { clauses: new Map(), deviations: [] };
/** With these every section is emitted that a case can need. */
const everythingSeen: Evidence = {
  clauses: new Map(),
  deviations: (['trace-event', 'warn', 'bytes-read', 'device-bytes', 'request', 'kernel-log'] as const).map(
    (aspect) => ({ rule: 'map/type-known', aspect, expected: '', seen: '' }),
  ),
};
let directory: string;
let programs: EmittedProgram[];
let vm: Vm;

test.beforeAll(async () => {
  test.setTimeout(900_000);
  directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-emit-c-vm-'));
  programs = await compilePrograms(
    cases,
    (name) => (name in sampleCases || name in deviating ? everythingSeen : nothingSeen),
    directory,
  );
  const kernel = await selectKernel(
    process.env['IOMAPFUZZ_KERNEL'] === undefined ? {} : { kernel: process.env['IOMAPFUZZ_KERNEL'] },
    noProgress,
  );
  vm = await Vm.boot({
    kernel,
    files: [...agentFiles(), ...programs.map(({ file }) => file)],
    memoryMib: 768,
    bootTimeoutMs: 120_000,
  });
});
test.afterAll(async () => {
  await vm?.close();
  rmSync(directory, { recursive: true });
});

for (const [index, name] of [...cases.keys()].entries()) {
  test(`should see what the harness sees: ${name}`, async () => {
    const program = programs[index]!;
    const seen = await observe(vm, program.case);
    const out = await runProgram(vm, program);
    expect(differences(program.case, seen, out), out.text).toEqual([]);
    // The programs are about what the kernel does, not about what it cannot be asked.
    expect(judge(program.case, seen).kind === 'deviates', out.text).toBe(name in deviating);
  });
}
