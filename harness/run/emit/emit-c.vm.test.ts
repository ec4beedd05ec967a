/** The emitted programs against the harness: both see the same of every sample, in the same guest. */
import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judge } from '../../../oracles/judge.ts';
import { execInGuest } from '../../../vm/exec.ts';
import { agentFiles } from '../../../vm/guest-files.ts';
import type { GuestFile } from '../../../vm/initramfs/files.ts';
import { noProgress } from '../../../vm/kernel/progress.ts';
import { selectKernel } from '../../../vm/kernel/select.ts';
import { Vm } from '../../../vm/vm.ts';
import type { Case } from '../../model/case.ts';
import type { Observation } from '../../model/observation.ts';
import { NULL_ADDR } from '../../uapi/revision.ts';
import { unpackObservation } from '../unpack.ts';
import { emitC } from './emit-c.ts';
import { predict } from './predict.ts';
import type { Findings } from './findings.ts';
import { begin, makeCase, mapped, mappings, openDirect, overwrite, sampleCases } from './testing/samples.ts';

const read = { call: 'pread', fd: 0, offset: 0n, lengthBytes: 4096 } as const;
/** Cases whose rules are those of an earlier revision: the kernel deviates from them. */
const deviating: Readonly<Record<string, Case>> = {
  'accepted by r2, refused by r3': makeCase([openDirect, read], [begin(mappings(mapped(), overwrite({ flags: ['NEW'] })))], { revision: 'r2', debugIomap: true }),
  'refused by r1, accepted by r3': makeCase([openDirect, { call: 'seekHole', fd: 0, offset: 0n }], [begin(mappings(mapped({ type: 'DELALLOC', dev: 0, addr: NULL_ADDR }), mapped()))], { revision: 'r1' }),
};
const cases: Readonly<Record<string, Case>> = { ...sampleCases, ...deviating };
const names = Object.keys(cases);
/** With these every section is emitted that a case can need. */
const findings: Findings = {
  clauses: new Map(),
  deviations: (['trace-event', 'warn', 'bytes-read', 'device-bytes', 'request', 'kernel-log'] as const).map((aspect) => ({ rule: 'map/type-known', aspect, expected: '', seen: '' })),
};
let directory: string;
let vm: Vm;
let id = 0;

test.beforeAll(async () => {
  test.setTimeout(600_000);
  directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-emit-c-vm-'));
  const files = names.map((name, index): GuestFile => {
    const program = compile(emitC(cases[name]!, findings), `repro${index}`);
    return { path: `/repro/${index}`, content: { kind: 'file', source: program }, executable: true };
  });
  const kernel = await selectKernel(process.env['IOMAPFUZZ_KERNEL'] === undefined ? {} : { kernel: process.env['IOMAPFUZZ_KERNEL'] }, noProgress);
  vm = await Vm.boot({ kernel, files: [...agentFiles(), ...files], memoryMib: 640, bootTimeoutMs: 120_000 });
});
test.afterAll(async () => {
  await vm?.close();
  rmSync(directory, { recursive: true });
});

/** Statically, since the guest has no C library of its own. */
function compile(text: string, name: string): string {
  const source = join(directory, `${name}.c`);
  writeFileSync(source, text);
  const { stderr, status } = spawnSync('gcc', ['-Wall', '-Wextra', '-O2', '-static', '-pthread', '-o', join(directory, name), source], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return join(directory, name);
}

async function observe(value: Case): Promise<Observation> {
  vm.send({ kind: 'run-cases', id: ++id, cases: [{ index: 0, case: value }] });
  let observation: Observation | undefined;
  for (;;) {
    const message = await vm.receive(60_000);
    if (message.kind === 'case-done') observation = unpackObservation(message.observation, value.revision);
    else if (message.kind === 'case-failed' || message.kind === 'error') throw new Error(message.reason);
    else if (message.kind === 'cases-done') return observation!;
  }
}

async function runProgram(index: number): Promise<{ code: number; text: string }> {
  let text = '';
  const code = await execInGuest(vm, { argv: [`/repro/${index}`], timeoutMs: 120_000, onOutput: (_, bytes) => { text += Buffer.from(bytes).toString(); } });
  return { code, text };
}

/** Results of the syscalls that the program printed, mount(2) first: a number, or `errno N`. */
const resultsIn = (text: string): string[] => [...text.matchAll(/^ {2}= (?:-1, (errno \d+)|(-?\d+))/gm)].map((match) => match[1] ?? match[2]!);

for (const [index, name] of names.entries()) {
  test(`should see what the harness sees: ${name}`, async () => {
    const value = cases[name]!;
    const seen = await observe(value);
    const { code, text } = await runProgram(index);
    const [mounted, ...steps] = resultsIn(text);
    expect(mounted, text).toBe(seen.mount.errno === 0 ? '0' : `errno ${seen.mount.errno}`);
    expect(steps.map((result, n) => (value.workload[n]!.call === 'open' && !result.startsWith('errno') ? '0' : result)), text)
      .toEqual(seen.steps.map(({ ret, errno }) => (errno === 0 ? String(ret) : `errno ${errno}`)));
    const begins = (list: RegExpMatchArray[]): string[] => list.map((match) => `${match[1]} ${match[2]} ${match[3]}`);
    const hex = (of: unknown): string => `0x${(of as bigint | number).toString(16)}`;
    expect(begins([...text.matchAll(/-> IOMAP_BEGIN .* opflags (0x[0-9a-f]+)[A-Z_ ]* pos (0x[0-9a-f]+) count (0x[0-9a-f]+)/g)]), text)
      .toEqual(seen.transcript.filter(({ name: request }) => request === 'IOMAP_BEGIN').map(({ request }) => `${hex(request['opflags'])} ${hex(request['pos'])} ${hex(request['count'])}`));
    const verdict = judge(value, seen);
    const prediction = predict(value);
    expect(verdict.kind === 'deviates', JSON.stringify(verdict)).toBe(name in deviating);
    if (prediction.unspecified === undefined) expect(code, `${JSON.stringify(verdict)}\n${text}`).toBe(verdict.kind === 'deviates' ? 1 : 0);
    else expect(code, text).not.toBe(2);
  });
}
