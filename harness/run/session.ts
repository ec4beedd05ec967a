/** One campaign from start to end: guests, records, summary, interruption. Whatever ends it, what finished is on disk. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../vm/root.ts';
import { describeIdentity, identifyKernel } from '../../vm/kernel/identify.ts';
import { qemuVersion } from '../../vm/qemu/accelerator.ts';
import type { VmSpec } from '../../vm/vm.ts';
import type { KernelFacts } from '../model/channel.ts';
import { caseHash } from '../model/hash.ts';
import { RESULTS_FORMAT, type CaseRecord, type Counts, type Environment, type RunSummary } from '../model/results.ts';
import type { RevisionId } from '../uapi/revision.ts';
import { planRuns, runConformance, type PlannedRun, type Shard } from './conformance.ts';
import { LocalGuests } from './guests.ts';
import { listenForInterruption } from './interruption.ts';
import type { PlanCell } from './plan.ts';
import { ResultsWriter } from './results-writer.ts';

export interface Campaign {
  /** Default: conformance. */
  kind?: RunSummary['kind'];
  /** The cases, when they are not drawn from the cells. */
  planned?: readonly PlannedRun[];
  spec: VmSpec;
  cells: readonly PlanCell[];
  seed: number;
  runs: number;
  revision: RevisionId;
  directory: string;
  /** How the kernel was named: `reference`, `--kernel PATH`. */
  kernelOrigin: string;
  flavour?: string;
  shard?: Shard;
  onProgress?: (line: string) => void;
}

/** Runs the cells' cases. `untestable`: this kernel has nothing to judge, every case was left out. Rejects when no guest can be had at all; the results directory then says so. */
export async function campaign(of: Campaign): Promise<{ summary: RunSummary; untestable: boolean }> {
  let untestable = false;
  const writer = new ResultsWriter(of.directory);
  const guests = new LocalGuests(of.spec, (lines) => { writer.appendConsole(lines.map((line) => `${line}\n`).join('')); });
  const started = Date.now();
  const summary: RunSummary = {
    format: RESULTS_FORMAT, kind: of.kind ?? 'conformance', toolVersion: toolVersion(), argv: process.argv.slice(2), revision: of.revision, seed: of.seed,
    ...(of.shard === undefined ? {} : { shard: of.shard }),
    startedAt: new Date(started).toISOString(), elapsedMs: 0, complete: false,
    cells: of.cells.map(({ id, rule, half, path, border, impossible }) => ({
      id, rule, path, ...(half && { half }), ...(border && { border }), ...(impossible !== undefined && { impossible }),
    })),
    counts: { conforms: 0, deviates: 0, unspecified: 0, 'not-run': 0, lost: 0 }, notices: [], vms: guests.statistics,
  };
  const stop = listenForInterruption((reason) => { summary.endedBy = reason; });
  const add = (record: CaseRecord): void => {
    summary.counts[record.verdict.kind] += 1;
    writer.append(record);
  };
  try {
    const runs = of.planned ?? planRuns(of.cells, of);
    of.onProgress?.('booting a guest');
    const first = await guests.lease();
    const { facts } = first;
    summary.environment = environmentOf(of, first.environment, facts);
    await guests.release(first, 'healthy');
    const identity = identifyKernel(facts, of.spec.kernel.config);
    if (identity.kind !== 'testable') {
      const reason = describeIdentity(identity);
      summary.notices.push(reason);
      untestable = true;
      for (const run of runs) add(notRun(run, of.seed, reason));
    } else {
      for (const { channel, reason } of identity.missing) summary.notices.push(`not judged: the ${channel}: ${reason}`);
      for await (const record of runConformance(guests, runs, of.seed, () => facts, { signal: stop.signal })) {
        add(record);
        summary.elapsedMs = Date.now() - started;
        writer.update(summary);
        of.onProgress?.(progressOf(summary.counts, runs.length, summary.elapsedMs));
      }
    }
    summary.complete = !stop.signal.aborted;
    return { summary, untestable };
  } catch (error) {
    summary.endedBy ??= error instanceof Error ? error.message : String(error);
    throw error;
  } finally {
    stop.end();
    try {
      await guests.close();
    } finally {
      summary.elapsedMs = Date.now() - started;
      writer.finish(summary);
    }
  }
}

/** What ends a run in an orderly way. */
const notRun = ({ n, cell, case: of, note }: PlannedRun, seed: number, reason: string): CaseRecord =>
  ({ n, cell: cell.id, hash: caseHash(of), note, seed, verdict: { kind: 'not-run', reason } });

function progressOf(counts: Counts, total: number, elapsedMs: number): string {
  const done = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const rate = done / (elapsedMs / 1000);
  return `${done} of ${total} cases, ${rate.toFixed(0)}/s, ${counts.deviates} deviate${counts.lost > 0 ? `, ${counts.lost} lost` : ''}`;
}

export function toolVersion(): string {
  return (JSON.parse(readFileSync(join(repositoryRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

/** Options that change what the plan can see or how it runs. */
const tellingOptions = /^CONFIG_(FUSE_\w+|FS_IOMAP|KASAN|UBSAN|PROVE_LOCKING|LOCKDEP|KCOV|PREEMPT\w*|SMP|BLK_DEV_RAM|HZ)=/;

/** Those options of the kernel, as NAME=value. */
export const tellingConfig = (facts: KernelFacts): string[] => (facts.config ?? '').split('\n').filter((line) => tellingOptions.test(line));

export function environmentOf(of: Pick<Campaign, 'kernelOrigin' | 'spec' | 'flavour'>, vm: { machine: string; accelerator: string; acceleratorReason: string; memoryMib: number }, facts: KernelFacts): Environment {
  return {
    kernelOrigin: of.kernelOrigin, kernelRelease: facts.release, kernelVersion: facts.version,
    kernelImageHash: createHash('sha256').update(readFileSync(of.spec.kernel.path)).digest('hex'),
    ...(of.flavour === undefined ? {} : { flavour: of.flavour }),
    kernelConfig: tellingConfig(facts),
    accelerator: vm.accelerator, acceleratorReason: vm.acceleratorReason, machine: vm.machine, qemuVersion: qemuVersion(), memoryMiB: vm.memoryMib,
    nodeVersion: process.version, hostCpus: availableParallelism(),
  };
}
