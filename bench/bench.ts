/**
 * The benchmark: iomapfuzz and a C program by turns in the same guest, so that what is compared ran on the same machine
 * under the same load.
 */
import { findTool } from '../vm/host/tools.ts';
import { execInGuest } from '../vm/exec.ts';
import { InfrastructureError } from '../model/errors.ts';
import { requireTestable } from '../vm/kernel/identify.ts';
import { Template } from '../vm/template.ts';
import { Vm, type VmEnvironment, type VmSpec } from '../vm/vm.ts';
import { OPCODES } from '../uapi/fuse-operations.ts';
import { execute, type GuestSource } from '../harness/run/execute.ts';
import { runCampaign, type CampaignRun } from './campaign-rate.ts';
import { runInGuest } from './guest-rate.ts';
import { cpuMs, descendants, mibOf, peakMib } from './process-stats.ts';
import { revisionWith } from '../uapi/numbers.ts';
import { benchRevision, simpleCase, simpleKinds } from './simple-cases.ts';
import { runYardstick, yardstickFile, type YardstickRun } from './yardstick.ts';

export interface Rate {
  cases: number;
  elapsedMs: number;
  /** Processor time of QEMU. */
  qemuMs: number;
  casesPerSecond: number;
  qemuMsPerCase: number;
}

export interface BenchResult {
  environment: VmEnvironment;
  kernelRelease: string;
  kinds: readonly string[];
  /** From nothing to the observation of the first case. */
  bootToFirstCaseMs: number;
  snapshotToFirstCaseMs: number[];
  yardstick: Rate;
  /** Table cases; nothing made, nothing judged. */
  guest: Rate;
  /** The server in TypeScript, for the same cases. */
  typescript: Rate;
  /** Of the rates, and of QEMU's processor time per case (the other way round): 1 is as fast as C. */
  ratio: { casesPerSecond: number; qemuTime: number };
  /** FUSE requests per case. */
  requests: { yardstick: number; guest: number };
  campaign: CampaignRun & Rate & { hostMs: number };
  memoryMib: { guestUsed: number; guestAgent: number; qemu: number; host: number };
}

export interface BenchOptions {
  spec: VmSpec;
  /** For each thing that is measured. */
  timeMs: number;
  onProgress: (what: string) => void;
}

/** Longest slice of a measurement; slices of what is compared alternate. */
const sliceSeconds = 10;
const warmUpSeconds = 3;
/** The server in TypeScript is measured for what it costs, not for how long it lasts. */
const typescriptSeconds = 10;
const clones = 3;
const qemu = 'qemu-system-x86_64';
/** FORGETs come when the kernel needs memory: they are no case's. */
const forgets = [OPCODES.FORGET, OPCODES.BATCH_FORGET].map(String);

export async function bench({ spec: plain, timeMs, onProgress }: BenchOptions): Promise<BenchResult> {
  const revision = revisionWith(benchRevision, plain.uapiHeader?.numbers);
  const spec = { ...plain, files: [...plain.files, yardstickFile(revision)] };
  if (findTool(qemu) === undefined) throw new InfrastructureError(`${qemu} is not installed`);
  const cases = simpleKinds.map(simpleCase);

  onProgress('boot to first case');
  const bootMs = performance.now();
  const vm = await Vm.boot(spec);
  try {
    requireTestable(spec.kernel, vm.facts);
    const source = only(vm);
    await firstOutcome(source, cases.slice(0, 1));
    const bootToFirstCaseMs = performance.now() - bootMs;
    const [pid] = descendants(qemu);
    if (pid === undefined) throw new InfrastructureError("QEMU's process was not found in /proc");
    const used: number[] = [];
    let agentMib = 0;
    const note = async (): Promise<void> => {
      const { meminfo, statuses } = await memoryOf(vm);
      used.push(mibOf(meminfo, 'MemTotal') - mibOf(meminfo, 'MemAvailable'));
      agentMib = Math.max(
        agentMib,
        ...statuses.filter((text) => /^Name:\s*node$/m.test(text)).map((text) => mibOf(text, 'VmHWM')),
      );
    };
    const requests = { yardstick: 0, guest: await requestsPerCase(source) };

    const c = new Meter(pid),
      table = new Meter(pid),
      typescript = new Meter(pid);
    const yardstick = async (seconds: number, meter: Meter): Promise<YardstickRun> => {
      const run = await runYardstick(vm, seconds, simpleKinds, {
        begin: () => {
          meter.begin();
        },
        end: () => {
          meter.end();
        },
      });
      meter.count(run);
      return run;
    };
    const inGuest = async (way: 'table' | 'typescript', seconds: number, meter: Meter): Promise<void> => {
      const run = await runInGuest(vm, way, cases, seconds, () => {
        meter.begin();
      });
      meter.end();
      meter.count(run);
    };
    onProgress('warming up');
    await yardstick(warmUpSeconds, new Meter(pid));
    await inGuest('table', warmUpSeconds, new Meter(pid));
    const slices = Math.max(1, Math.ceil(timeMs / 1000 / sliceSeconds));
    const seconds = timeMs / 1000 / slices;
    for (let slice = 1; slice <= slices; slice++) {
      onProgress(`C and table cases by turns, ${slice} of ${slices}`);
      const run = await yardstick(seconds, c);
      await note();
      requests.yardstick =
        Object.entries(run.requests).reduce((sum, [opcode, count]) => sum + (forgets.includes(opcode) ? 0 : count), 0) /
        run.cases;
      await inGuest('table', seconds, table);
      await note();
    }
    onProgress('the server in TypeScript');
    await inGuest('typescript', Math.min(typescriptSeconds, timeMs / 1000), typescript);
    await note();

    onProgress('generated, run and judged');
    const all = new Meter(pid);
    all.begin();
    const hostStartMs = process.cpuUsage();
    const campaign = await runCampaign(source, vm.facts, timeMs / 1000, (done) => {
      onProgress(`generated, run and judged: ${done} cases`);
    });
    const host = process.cpuUsage(hostStartMs);
    all.end();
    all.count(campaign);
    await note();
    const qemuMib = peakMib(pid);
    await vm.close();

    onProgress('snapshot to first case');
    const snapshotToFirstCaseMs = await snapshots(spec, cases.slice(0, 1));
    return {
      environment: vm.environment,
      kernelRelease: vm.facts.release,
      kinds: simpleKinds,
      bootToFirstCaseMs,
      snapshotToFirstCaseMs,
      yardstick: c.rate,
      guest: table.rate,
      typescript: typescript.rate,
      ratio: {
        casesPerSecond: table.rate.casesPerSecond / c.rate.casesPerSecond,
        qemuTime: c.rate.qemuMsPerCase / table.rate.qemuMsPerCase,
      },
      requests,
      campaign: { ...campaign, ...all.rate, hostMs: (host.user + host.system) / 1000 },
      memoryMib: { guestUsed: Math.max(...used), guestAgent: agentMib, qemu: qemuMib, host: peakMib(process.pid) },
    };
  } finally {
    await vm.close();
  }
}

/** Sums up slices. */
class Meter {
  readonly #pid: number;
  #from = 0;
  #cases = 0;
  #elapsedMs = 0;
  #qemuMs = 0;

  constructor(pid: number) {
    this.#pid = pid;
  }

  begin(): void {
    this.#from = cpuMs(this.#pid);
  }

  end(): void {
    this.#qemuMs += cpuMs(this.#pid) - this.#from;
  }

  count({ cases, elapsedMs }: { cases: number; elapsedMs: number }): void {
    this.#cases += cases;
    this.#elapsedMs += elapsedMs;
  }

  get rate(): Rate {
    return {
      cases: this.#cases,
      elapsedMs: this.#elapsedMs,
      qemuMs: this.#qemuMs,
      casesPerSecond: (this.#cases / this.#elapsedMs) * 1000,
      qemuMsPerCase: this.#qemuMs / this.#cases,
    };
  }
}

/** One guest for everybody; it is closed by who made it. */
const only = (vm: Vm): GuestSource => ({
  numbers: vm.facts.numbers,
  lease: () => Promise.resolve(vm),
  release: () => Promise.resolve(),
});

async function firstOutcome(source: GuestSource, cases: Parameters<typeof execute>[1]): Promise<void> {
  for await (const { outcome } of execute(source, cases)) {
    if (outcome.kind !== 'observed')
      throw new InfrastructureError(
        `the first case could not be run: ${outcome.kind}${'reason' in outcome ? `: ${outcome.reason}` : ''}`,
      );
  }
}

async function requestsPerCase(source: GuestSource): Promise<number> {
  // The first cases of a mount make the kernel ask once for what there is not (OPEN, FLUSH).
  const cases = Array.from({ length: 4 * simpleKinds.length }, (_, index) =>
    simpleCase(simpleKinds[index % simpleKinds.length]!),
  );
  let count = 0;
  for (let round = 0; round < 2; round++) {
    count = 0;
    for await (const { outcome } of execute(source, cases))
      if (outcome.kind === 'observed') count += outcome.observation.transcript.length;
  }
  return count / cases.length;
}

async function memoryOf(vm: Vm): Promise<{ meminfo: string; statuses: string[] }> {
  let text = '';
  const argv = ['sh', '-c', 'cat /proc/meminfo; for f in /proc/[0-9]*/status; do echo ===; cat $f; done'];
  await execInGuest(vm, {
    argv,
    timeoutMs: 60_000,
    onOutput: (stream, bytes) => {
      if (stream === 'stdout') text += Buffer.from(bytes).toString();
    },
  });
  const [meminfo = '', ...statuses] = text.split('===\n');
  return { meminfo, statuses };
}

async function snapshots(spec: VmSpec, cases: Parameters<typeof execute>[1]): Promise<number[]> {
  const template = await Template.create(spec, async (vm) => {
    await firstOutcome(only(vm), cases);
  });
  try {
    const all: number[] = [];
    for (let n = 0; n < clones; n++) {
      const startMs = performance.now();
      const clone = await template.clone();
      try {
        await firstOutcome(only(clone), cases);
        all.push(performance.now() - startMs);
      } finally {
        await clone.close();
      }
    }
    return all;
  } finally {
    template.close();
  }
}
