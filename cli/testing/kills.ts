/**
 * Runs that are killed at a random moment, and what must be left of them: every case that had finished, nothing else.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from '../../vm/host/tools.ts';
import { repositoryRoot } from '../../files/repository-root.ts';
import { processesThatName } from '../../vm/testing/processes.ts';
import { makeDirectory } from '../../files/make-directory.ts';

export const victims = [
  'the program, SIGKILL',
  'the program, SIGTERM',
  'the program, SIGINT',
  'QEMU, SIGKILL',
  'the agent, SIGKILL',
] as const;
export type Victim = (typeof victims)[number];

const commands: Record<'conformance' | 'fuzz', (seed: number) => string[]> = {
  conformance: (seed) => [
    'conformance',
    '--rule',
    'map/*',
    '--path',
    'direct-read,fiemap,buffered-read',
    '--runs',
    '4',
    '--seed',
    String(seed),
    '--minimise',
    '1s',
  ],
  fuzz: (seed) => ['fuzz', '--runs', '400', '--seed', String(seed), '--minimise', '1s'],
};
export type Command = keyof typeof commands;
export const commandNames = Object.keys(commands) as Command[];

export interface Kill {
  command: Command;
  seed: number;
  victim: Victim;
  /** From the start of the program to the kill; of the agent: from its own start. */
  afterMs: number;
}

export interface AfterKill {
  /** Exit code or signal. */
  end: string;
  /** From the kill to the end of the program; undefined: the program had ended before, or the agent was to die. */
  endedAfterMs: number | undefined;
  /**
   * Lines of cases.jsonl that are whole, of them judged or lost, and those that the run had to do; undefined: no
   * results directory was made.
   */
  cases?: {
    whole: number;
    brokenOff: boolean;
    planned: number | undefined;
    complete: boolean;
    reportExit: number | null;
  };
  /** What is wrong; empty: nothing. */
  faults: string[];
}

/**
 * A copy of the program whose agent can be told by the kernel's command line to die, and a QEMU that notes its process
 * id.
 */
export class KillableProgram {
  readonly directory: string;
  readonly #kernel: string;

  constructor(directory: string, kernel: string) {
    this.directory = directory;
    this.#kernel = kernel;
    const root = repositoryRoot();
    makeDirectory(join(directory, 'bin'));
    for (const name of readdirSync(root))
      if (!['dist', '.git', 'test-results'].includes(name)) symlinkSync(join(root, name), join(directory, name));
    cpSync(join(root, 'dist'), join(directory, 'dist'), { recursive: true });
    const agent = join(directory, 'dist/guest/agent.cjs');
    const dies = `{ const m = /iomapfuzz_dies_ms=(\\d+)/.exec(require('fs').readFileSync('/proc/cmdline', 'utf8')); if (m) setTimeout(() => process.kill(process.pid, 'SIGKILL'), +m[1]); }\n`;
    writeFileSync(agent, dies + readFileSync(agent, 'utf8'));
    const qemu = join(directory, 'bin/qemu-system-x86_64');
    // The first guest of a run only: those that follow must be able to finish its cases.
    writeFileSync(
      qemu,
      `#!/bin/bash
case " $* " in *" --version "*|*" -machine none "*) exec ${findTool('qemu-system-x86_64')!} "$@";; esac
if [ -n "$KILLS_AGENT_MS" ] && [ ! -e "$KILLS_PIDS" ]; then
  words=(); last=; for word in "$@"; do [ "$last" = -append ] && word="$word iomapfuzz_dies_ms=$KILLS_AGENT_MS"; words+=("$word"); last=$word; done; set -- "\${words[@]}"
fi
echo $$ >> "$KILLS_PIDS"
exec ${findTool('qemu-system-x86_64')!} "$@"
`,
    );
    chmodSync(qemu, 0o755);
  }

  /** Runs the command, undisturbed or killed, and examines what is left. */
  async run(
    name: string,
    { command, seed, victim, afterMs }: Omit<Kill, 'victim'> & { victim?: Victim },
  ): Promise<AfterKill> {
    const scratch = join(this.directory, name);
    const [temporary, out, pids] = ['tmp', 'out', 'pids'].map((part) => join(scratch, part)) as [
      string,
      string,
      string,
    ];
    makeDirectory(temporary);
    const argv = [
      join(this.directory, 'dist/iomapfuzz.mjs'),
      ...commands[command](seed),
      '--accel',
      'tcg',
      '--kernel',
      this.#kernel,
      '--out',
      out,
    ];
    const log: Buffer[] = [];
    const child = spawn(process.execPath, argv, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATH: `${join(this.directory, 'bin')}:${process.env['PATH'] ?? ''}`,
        TMPDIR: temporary,
        KILLS_PIDS: pids,
        KILLS_AGENT_MS: victim === 'the agent, SIGKILL' ? String(Math.round(afterMs)) : '',
      },
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => {
        log.push(bytes);
      });
    const ended = new Promise<string>((resolve) => {
      child.on('close', (code, signal) => {
        resolve(signal ?? String(code));
      });
    });
    let killedMs: number | undefined;
    const timer =
      victim === undefined || victim === 'the agent, SIGKILL'
        ? undefined
        : setTimeout(() => {
            killedMs = performance.now();
            kill(victim, child, pids);
          }, afterMs);
    const end = await ended;
    clearTimeout(timer);
    const result: AfterKill = {
      end,
      endedAfterMs: killedMs === undefined ? undefined : performance.now() - killedMs,
      faults: [],
    };
    await examine(result, victim, { scratch, temporary, out, log: Buffer.concat(log).toString() });
    if (result.faults.length === 0) rmSync(scratch, { recursive: true, force: true });
    else writeFileSync(join(scratch, 'log'), Buffer.concat(log));
    return result;

    async function examine(
      of: AfterKill,
      by: Victim | undefined,
      left: { scratch: string; temporary: string; out: string; log: string },
    ): Promise<void> {
      const { faults } = of;
      const processes = await until(() => processesThatName(left.scratch), 15_000);
      if (processes.length > 0) faults.push(`processes are left: ${processes.join(', ')}`);
      const files = await until(() => readdirSync(left.temporary), 5000);
      if (files.length > 0) faults.push(`temporary files are left: ${files.join(', ')}`);
      if (left.log.includes('this is a defect')) faults.push('it called itself defective');
      if (
        by?.startsWith('the program') === true &&
        !by.endsWith('KILL') &&
        of.endedAfterMs !== undefined &&
        of.endedAfterMs > 10_000
      )
        faults.push(`it ended ${Math.round(of.endedAfterMs)} ms after the signal`);
      if (existsSync(join(left.out, 'cases.jsonl'))) of.cases = examineResults(left.out, faults);
      else if (of.end === '0' || of.end === '1') faults.push(`exit code ${of.end} without results`);
      if (of.cases && !of.cases.complete && (of.end === '0' || of.end === '1'))
        faults.push(`exit code ${of.end} of a run that is not complete`);
      // The reference kernel conforms; an agent that dies is the kernel's doing until somebody shows another cause.
      if (of.end === '1' && by !== 'the agent, SIGKILL') faults.push('a finding');
    }
  }
}

/**
 * The kernel's process table is the only thing that tells QEMU's end from that of its run: the last one that was
 * started.
 */
function kill(victim: Victim, child: ChildProcess, pids: string): void {
  if (victim === 'QEMU, SIGKILL') {
    const started = existsSync(pids) ? readFileSync(pids, 'utf8').trim().split('\n').map(Number) : [];
    for (const pid of started) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
  } else
    child.kill(
      victim === 'the program, SIGKILL' ? 'SIGKILL' : victim === 'the program, SIGTERM' ? 'SIGTERM' : 'SIGINT',
    );
}

function examineResults(out: string, faults: string[]): NonNullable<AfterKill['cases']> {
  const lines = readFileSync(join(out, 'cases.jsonl'), 'utf8').split('\n');
  const rest = lines.pop()!;
  const numbers = new Set<number>();
  for (const [index, line] of lines.entries()) {
    try {
      const { n, verdict } = JSON.parse(line) as { n: number; verdict: { kind: string } };
      if (numbers.has(n)) faults.push(`case ${n} stands there twice`);
      if (verdict.kind === 'deviates' && !line.includes('agent in the guest ended')) faults.push(`case ${n} deviates`);
      numbers.add(n);
    } catch {
      faults.push(`line ${index + 1} of cases.jsonl is no JSON`);
    }
  }
  let summary: { complete: boolean; planned?: number; counts: Record<string, number> } | undefined;
  try {
    summary = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as NonNullable<typeof summary>;
  } catch {
    // A run that is killed in its first moments has none: no verdict for every reader.
  }
  const report = spawnSync(
    process.execPath,
    [join(repositoryRoot(), 'dist/iomapfuzz.mjs'), 'report', out, '--format', 'json'],
    { encoding: 'utf8', maxBuffer: 256 << 20 },
  );
  const complete = summary?.complete === true;
  const cases = {
    whole: numbers.size,
    brokenOff: rest !== '',
    planned: summary?.planned,
    complete,
    reportExit: report.status,
  };
  if (complete && summary!.planned !== numbers.size)
    faults.push(`complete, with ${numbers.size} of ${String(summary!.planned)} cases`);
  if (complete && rest !== '') faults.push('complete, and its last line breaks off');
  if (!complete && report.status !== 3 && report.status !== 1)
    faults.push(`not complete, and its report ends with ${String(report.status)}`);
  if (report.status === 3 && report.stdout.length === 0) {
    if (summary !== undefined) faults.push(`its report says nothing: ${report.stderr.slice(0, 200)}`);
  } else {
    try {
      const { counts } = JSON.parse(report.stdout) as { counts: Record<string, number> };
      const counted = Object.values(counts).reduce((sum, count) => sum + count, 0);
      if (counted !== numbers.size) faults.push(`its report counts ${counted} cases, cases.jsonl has ${numbers.size}`);
    } catch {
      faults.push(`its report cannot be read (exit code ${String(report.status)}): ${report.stderr.slice(0, 200)}`);
    }
  }
  return cases;
}

/** What `look` gives in the end: nothing, or what is still there after the deadline. */
async function until(look: () => string[], deadlineMs: number): Promise<string[]> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const seen = look();
    if (seen.length === 0 || performance.now() > endMs) return seen;
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}
