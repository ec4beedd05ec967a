/**
 * The emitted program of a case beside the harness, in the same guest: compiling, running, and comparing what both saw.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { judge } from '../../../oracles/judge.ts';
import { execInGuest } from '../../../vm/exec.ts';
import type { GuestFile } from '../../../vm/initramfs/files.ts';
import type { VmHandle } from '../../../vm/vm.ts';
import type { Case } from '../../../model/case.ts';
import type { Observation } from '../../../model/observation.ts';
import { unpackObservation } from '../unpack.ts';
import { emitC } from '../../../reproducers/emit-c.ts';
import type { Evidence } from '../../../reproducers/evidence.ts';
import { predict } from '../../../oracles/predict.ts';
import { geometry, makeCase, openDirect } from '../../../reproducers/testing/samples.ts';
import { revisionWith } from '../../../uapi/numbers.ts';

export interface EmittedProgram {
  name: string;
  case: Case;
  file: GuestFile;
}

/** Where the programs lie in the guest. */
const inGuest = '/repro';

/**
 * What gcc says to an emitted program; '' when it is content. The guest's C library is the host's, as Node's is
 * (vm/initramfs/files.ts).
 */
async function compile(text: string, path: string, flags: readonly string[]): Promise<string> {
  await writeFile(`${path}.c`, text);
  const gcc = spawn('gcc', ['-Wall', '-Wextra', ...flags, '-pthread', '-o', path, `${path}.c`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  gcc.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said += piece;
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    gcc.on('error', reject).on('close', resolve);
  });
  return status === 0 ? said : `${said}gcc ended with ${String(status)}\n`;
}

/** Compiles the programs, two at a time. Throws Error with what the compiler said about the first that is not clean. */
export async function compilePrograms(
  cases: ReadonlyMap<string, Case>,
  evidenceOf: (name: string) => Evidence,
  directory: string,
  flags: readonly string[] = ['-O1'],
): Promise<EmittedProgram[]> {
  const programs: EmittedProgram[] = [];
  const left = [...cases].map(([name, testCase], index) => ({ name, of: testCase, index }));
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) {
      const { name, of: testCase, index } = next;
      const source = join(directory, `repro${index}`);
      const said = await compile(emitC(testCase, evidenceOf(name)), source, flags);
      if (said !== '') throw new Error(`${name}: ${said}`);
      programs[index] = {
        name,
        case: testCase,
        file: { path: `${inGuest}/${index}`, content: { kind: 'file', source }, executable: true },
      };
    }
  };
  await Promise.all([work(), work()]);
  return programs;
}

let id = 0;

/** Without a device: when it has run, the harness has none in use. */
const withoutDevices = makeCase([openDirect], [], { geometry: geometry({ devices: [] }) });

/** The harness's own view of a case. Throws Error when the guest could not run it. */
export async function observe(vm: VmHandle, testCase: Case): Promise<Observation> {
  const observation = await observeOne(vm, testCase);
  // The disk that takes atomic writes has room for the devices of one of them at a time.
  if (testCase.geometry.devices.some(({ atomic }) => atomic)) await observeOne(vm, withoutDevices);
  return observation;
}

async function observeOne(vm: VmHandle, testCase: Case): Promise<Observation> {
  const { numbers } = vm.facts;
  vm.send({ kind: 'run-cases', id: ++id, cases: [{ index: 0, case: testCase }], ...(numbers && { numbers }) });
  let observation: Observation | undefined;
  for (;;) {
    const message = await vm.receive(60_000);
    if (message.kind === 'case-done')
      observation = unpackObservation(message.observation, revisionWith(testCase.revision, numbers));
    else if (message.kind === 'case-failed' || message.kind === 'error') throw new Error(message.reason);
    else if (message.kind === 'cases-done') return observation!;
  }
}

export async function runProgram(vm: VmHandle, { file }: EmittedProgram): Promise<{ code: number; text: string }> {
  let text = '';
  const code = await execInGuest(vm, {
    argv: [file.path],
    timeoutMs: 120_000,
    onOutput: (_, bytes) => {
      text += Buffer.from(bytes).toString();
    },
  });
  return { code, text };
}

/** Results of the syscalls that the program printed, mount(2) first: a number, or `errno N`. */
const resultsIn = (text: string): string[] =>
  [...text.matchAll(/^ {2}= (?:-1, (errno \d+)|(-?\d+))/gm)].map((match) => match[1] ?? match[2]!);

const hex = (of: unknown): string => `0x${(of as bigint | number).toString(16)}`;

/** Requests about mappings: how the program prints them, and the same of a transcript. */
const requestForms: readonly { name: string; printed: RegExp; fields: readonly string[] }[] = [
  {
    name: 'IOMAP_BEGIN',
    printed: /-> IOMAP_BEGIN .* opflags (0x[0-9a-f]+)[A-Z_ ]* pos (0x[0-9a-f]+) count (0x[0-9a-f]+)/g,
    fields: ['opflags', 'pos', 'count'],
  },
  {
    name: 'IOMAP_END',
    printed: /-> IOMAP_END .* opflags (0x[0-9a-f]+)[A-Z_ ]* pos (0x[0-9a-f]+) count (0x[0-9a-f]+)/g,
    fields: ['opflags', 'pos', 'count'],
  },
  {
    name: 'IOMAP_IOEND',
    printed: /-> IOMAP_IOEND .* flags (0x[0-9a-f]+) .*pos (0x[0-9a-f]+) written (0x[0-9a-f]+)/g,
    fields: ['flags', 'pos', 'written'],
  },
];

/** In what the program differs from the harness; empty: it saw the same, and judged it as the oracles do. */
export function differences(
  testCase: Case,
  seen: Observation,
  { code, text }: { code: number; text: string },
): string[] {
  const found: string[] = [];
  const same = (what: string, program: readonly string[], harness: readonly string[]): void => {
    if (program.join(', ') !== harness.join(', '))
      found.push(
        `${what}: the program saw ${program.join(', ') || 'nothing'}; the harness ${harness.join(', ') || 'nothing'}`,
      );
  };
  const [mounted, ...steps] = resultsIn(text);
  same('mount', mounted === undefined ? [] : [mounted], [seen.mount.errno === 0 ? '0' : `errno ${seen.mount.errno}`]);
  same(
    'syscalls',
    steps.map((result, n) => (testCase.workload[n]?.call === 'open' && !result.startsWith('errno') ? '0' : result)),
    seen.steps.map(({ ret, errno }) => (errno === 0 ? String(ret) : `errno ${errno}`)),
  );
  for (const { name, printed, fields } of requestForms) {
    same(
      name,
      [...text.matchAll(printed)].map((match) => match.slice(1).join(' ')),
      seen.transcript
        .filter((one) => one.name === name)
        .map(({ request }) => fields.map((field) => hex(request[field])).join(' ')),
    );
  }
  const verdict = judge(testCase, seen);
  const expected = verdict.kind === 'deviates' ? 1 : 0;
  // Where the rules end the program still judges what it always can.
  if (predict(testCase).unspecified === undefined ? code !== expected : code > 1)
    found.push(`exit code ${code}: the oracles say ${verdict.kind}`);
  return found;
}
