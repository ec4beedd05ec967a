/**
 * What every run has in common: guests, records, a summary, an orderly end. Whatever ends it, what finished is on disk.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { UsageError } from '../../model/errors.ts';
import { describeIdentity, identifyByConfig, identifyKernel } from '../../vm/kernel/identify.ts';
import { qemuVersion } from '../../vm/qemu/accelerator.ts';
import type { KernelImage } from '../../vm/kernel/image.ts';
import type { Vm, VmSpec } from '../../vm/vm.ts';
import type { KernelFacts } from '../../model/channel.ts';
import { addCounts, libertyUses, type LibertyCounts, type LibertyUse } from '../../model/liberties.ts';
import { concerning, expectationOf, type ExpectedDeviation } from '../../model/expectations.ts';
import { identityOf } from '../../model/finding/id.ts';
import { RESULTS_FORMAT, type CaseRecord } from '../../model/results.ts';
import { noCounts, NOT_BOOTED, type CellInfo, type Environment, type RunSummary } from '../../model/run-summary.ts';
import { channelsOf } from '../../oracles/judges/channels.ts';
import { revisionWith } from '../../uapi/numbers.ts';
import type { RevisionId } from '../../uapi/revision.ts';
import type { Shard } from './conformance.ts';
import { EqualCrashes } from './equal-crashes.ts';
import { LocalGuests } from './guests.ts';
import { noteIncident } from './incidents.ts';
import { listenForInterruption } from './interruption.ts';
import { onSuddenEnd } from './last-words.ts';
import { ResultsWriter } from './results-writer.ts';
import { toolVersion } from './tool-version.ts';

export interface RunSetup {
  kind: RunSummary['kind'];
  spec: VmSpec;
  seed: number;
  revision: RevisionId;
  directory: string;
  /** How the kernel was named: `reference`, `--kernel PATH`. */
  kernelOrigin: string;
  flavour?: string;
  shard?: Shard;
  cells: CellInfo[];
  /** Known deviations, of this kernel or others. */
  expectations: readonly ExpectedDeviation[];
  /** Guests that run at the same time. Default: 1. */
  jobs?: number;
  /** Liberties that the kernel takes by its command line. Default: none. */
  liberties?: readonly string[];
  /**
   * Each lease of the body is a guest that has done nothing yet, so that none need be booted beside their snapshot.
   * Default: false.
   */
  fresh?: boolean;
  /** The run ends after so many cases that took the kernel down alike. Default: MOST_EQUAL_CRASHES. */
  maxCrashes?: number;
  onProgress?: (line: string) => void;
}

/** A run while it goes on. */
export interface RunningRun {
  readonly summary: RunSummary;
  readonly writer: ResultsWriter;
  /** `fresh()` of it gives guests that have done nothing. */
  readonly guests: LocalGuests;
  readonly facts: KernelFacts;
  /** Somebody wants the run to end. */
  readonly signal: AbortSignal;
  /** No further cases are of use: the kernel went down alike too often. `reason` of it says so. */
  readonly enough: AbortSignal;
  /**
   * Every case has ended: what comes now (making findings small) may be broken off, and the run is complete all the
   * same.
   */
  allRan(): void;
  /** Takes note of what the liberties came to; for `execute`. */
  onLiberties: (counts: LibertyCounts) => void;
  /** Counts a case and writes it down. */
  add(record: CaseRecord): void;
}

/**
 * `body` when the kernel can be tested, else `untestable` with the reason: before a guest is booted where the kernel's
 * configuration says so. Rejects when no guest can be had at all, or with what `body` rejects with; the results
 * directory then says so.
 */
export async function recordRun<T>(
  setup: RunSetup,
  body: (run: RunningRun) => Promise<T>,
  untestable: (run: Pick<RunningRun, 'summary' | 'add'>, reason: string) => T,
): Promise<T> {
  const writer = new ResultsWriter(setup.directory);
  let endedBy: string | undefined;
  const stop = listenForInterruption((reason) => {
    endedBy = reason;
  });
  const guests = new LocalGuests(
    setup.spec,
    (lines) => {
      writer.appendConsole(lines.map((line) => `${line}\n`).join(''));
    },
    setup.jobs,
    (incident) => {
      noteIncident(summary, writer.directory, incident);
    },
    stop.signal,
  );
  // Clocks of machines jump; the time that a run took does not.
  const startMs = performance.now();
  const elapsedMs = (): number => Math.round(performance.now() - startMs);
  const summary: RunSummary = {
    format: RESULTS_FORMAT,
    kind: setup.kind,
    toolVersion: toolVersion(),
    argv: process.argv.slice(2),
    revision: setup.revision,
    seed: setup.seed,
    ...(setup.shard && { shard: setup.shard }),
    ...(setup.spec.uapiHeader && { uapiHeader: setup.spec.uapiHeader }),
    startedAt: new Date().toISOString(),
    elapsedMs: 0,
    complete: false,
    cells: setup.cells,
    counts: noCounts(),
    notices: [],
    vms: guests.statistics,
  };
  const add = (record: CaseRecord): void => {
    summary.counts[record.verdict.kind] += 1;
    summary.elapsedMs = elapsedMs();
    writer.append(record);
    writer.update(summary);
  };
  const enough = new AbortController();
  // A run that is killed before its first case says that it is one.
  writer.update(summary);
  const forgetLastWords = onSuddenEnd((reason) => {
    Object.assign(summary, { complete: false, endedBy: reason, elapsedMs: elapsedMs() });
    writer.finish(summary);
  });
  try {
    const refused = identifyByConfig(setup.spec.kernel);
    if (refused !== undefined) {
      const reason = describeIdentity(refused);
      summary.environment = environmentOf(setup, notBooted(setup.spec), factsByImage(setup.spec.kernel));
      summary.notices.push(reason);
      const result = untestable({ summary, add }, reason);
      summary.complete = true;
      return result;
    }
    setup.onProgress?.('booting a guest');
    const source = setup.fresh ? guests.fresh() : guests;
    const first = (await source.lease()) as Vm;
    const { facts } = first;
    summary.environment = environmentOf(setup, first.environment, facts);
    await source.release(first, 'healthy');
    const expectations = concerning(setup.expectations, facts);
    if (expectations.length > 0) summary.expectations = expectations;
    if (setup.liberties && setup.liberties.length > 0) summary.liberties = libertiesOf(setup.liberties, facts);
    let allRan = false;
    const crashes = new EqualCrashes(setup.maxCrashes);
    const paths = new Map(setup.cells.map(({ id, path }) => [id, path]));
    const run: RunningRun = {
      allRan: () => {
        allRan = !stop.signal.aborted;
      },
      summary,
      writer,
      guests,
      facts,
      signal: stop.signal,
      enough: enough.signal,
      onLiberties: (counts) => {
        addCounts(summary.liberties ?? [], counts);
      },
      add: (record) => {
        add(record);
        if (isExpected(record, summary, paths.get(record.cell ?? ''))) return;
        const reason = crashes.add(record);
        if (reason === undefined || enough.signal.aborted) return;
        summary.endedBy = reason;
        enough.abort(reason);
      },
    };
    const identity = identifyKernel(facts, setup.spec.kernel.config);
    let result: T;
    if (identity.kind !== 'testable') {
      const reason = describeIdentity(identity);
      summary.notices.push(reason);
      result = untestable({ summary, add }, reason);
    } else {
      for (const name of facts.panicsOn ?? []) {
        summary.notices.push(
          `this kernel panics where others report and go on: kernel.${name} could not be switched off. Such a panic is a finding, what it led to is not seen`,
        );
      }
      for (const { channel, reason } of identity.missing) summary.notices.push(`not judged: the ${channel}: ${reason}`);
      const { unjudged } = channelsOf(revisionWith(setup.revision, facts.numbers), facts);
      if (unjudged.length > 0) summary.unjudged = unjudged;
      result = await body(run);
    }
    summary.complete = (allRan || !stop.signal.aborted) && !enough.signal.aborted;
    if (!summary.complete && endedBy !== undefined) summary.endedBy ??= endedBy;
    const { planned } = summary;
    const ended = Object.values(summary.counts).reduce((sum, count) => sum + count, 0);
    if (summary.complete && planned !== ended) {
      summary.complete = false;
      summary.endedBy = `${ended} cases have an outcome, ${planned ?? 'an unknown number'} were planned, which is a defect of iomapfuzz`;
    }
    return result;
  } catch (error) {
    summary.endedBy ??= endedBy ?? (error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    stop.end();
    try {
      await guests.close(!stop.signal.aborted);
    } finally {
      forgetLastWords();
      summary.elapsedMs = elapsedMs();
      writer.finish(summary);
    }
  }
}

/** A crash that somebody knows of and wants to live with for now ends nothing. */
function isExpected(
  { verdict }: CaseRecord,
  { expectations = [], startedAt }: RunSummary,
  path: string | undefined,
): boolean {
  if (verdict.kind !== 'deviates' || path === undefined) return false;
  return verdict.deviations.every(
    (one) =>
      expectationOf(expectations, identityOf(one).id, { rule: one.rule, path }, startedAt.slice(0, 10)) !== undefined,
  );
}

/** Throws UsageError when the kernel does not know one of them. */
function libertiesOf(names: readonly string[], { release, liberties }: KernelFacts): LibertyUse[] {
  if (!liberties)
    throw new UsageError(
      `Linux ${release} has no switches for liberties (no fuse_iomap_liberties in debugfs): only the reference kernel has them, in --flavour liberties`,
    );
  const known = new Set(liberties.map(({ name }) => name));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw new UsageError(`this kernel knows no liberty ${unknown.join(', ')}; it has ${[...known].join(', ')}`);
  return libertyUses(names, liberties);
}

/** Options that change what a run can see or how it goes. */
const tellingOptions =
  /^CONFIG_(FUSE_\w+|FS_IOMAP|KASAN|UBSAN|PROVE_LOCKING|LOCKDEP|KCOV|PREEMPT\w*|SMP|BLK_DEV_RAM|HZ)=/;

/** Those options of the kernel, as NAME=value. */
export const tellingConfig = (facts: Pick<KernelFacts, 'config'>): string[] =>
  (facts.config ?? '').split('\n').filter((line) => tellingOptions.test(line));

/** The machine of a run that booted no guest. */
const notBooted = ({
  memoryMib,
}: VmSpec): { machine: string; accelerator: string; acceleratorReason: string; memoryMib: number } => ({
  machine: NOT_BOOTED,
  accelerator: NOT_BOOTED,
  acceleratorReason: 'the configuration of the kernel says that there is nothing to test',
  memoryMib,
});

/** What is known of a kernel without booting it. */
function factsByImage({ release, version, config }: KernelImage): Pick<KernelFacts, 'release' | 'version' | 'config'> {
  return {
    release,
    version,
    ...(config && { config: [...config].map(([symbol, value]) => `CONFIG_${symbol}=${value}`).join('\n') }),
  };
}

function environmentOf(
  setup: RunSetup,
  vm: { machine: string; accelerator: string; acceleratorReason: string; memoryMib: number },
  facts: Pick<KernelFacts, 'release' | 'version' | 'config'>,
): Environment {
  return {
    kernelOrigin: setup.kernelOrigin,
    kernelRelease: facts.release,
    kernelVersion: facts.version,
    kernelImageDate: setup.spec.kernel.builtAt,
    ...(setup.spec.kernel.tree && { kernelCommit: setup.spec.kernel.tree.commit }),
    kernelImageHash: createHash('sha256').update(readFileSync(setup.spec.kernel.path)).digest('hex'),
    ...(setup.flavour === undefined ? {} : { flavour: setup.flavour }),
    kernelConfig: tellingConfig(facts),
    accelerator: vm.accelerator,
    acceleratorReason: vm.acceleratorReason,
    machine: vm.machine,
    qemuVersion: qemuVersion(),
    memoryMiB: vm.memoryMib,
    nodeVersion: process.version,
    hostCpus: availableParallelism(),
  };
}
