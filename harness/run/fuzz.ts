/** A fuzzing campaign from start to end: guests, records, findings as case files, interruption. Whatever ends it, what finished is on disk. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeIdentity, identifyKernel } from '../../vm/kernel/identify.ts';
import type { VmSpec } from '../../vm/vm.ts';
import { caseHash } from '../model/hash.ts';
import { RESULTS_FORMAT, type RunSummary } from '../model/results.ts';
import type { RevisionId } from '../uapi/revision.ts';
import { formatCase } from './case-file.ts';
import type { Shard } from './conformance.ts';
import { FuzzCases } from './fuzz/cases.ts';
import { reconcile, type ExpectedDeviation, type Reconciled } from './fuzz/expectations.ts';
import type { FuzzFinding } from './fuzz/findings.ts';
import { FuzzLoop } from './fuzz/loop.ts';
import type { Slot } from './fuzz/slots.ts';
import { LocalGuests } from './guests.ts';
import { ResultsWriter } from './results-writer.ts';
import { listenForInterruption } from './interruption.ts';
import { environmentOf, toolVersion } from './session.ts';
import type { Shrunk } from './shrink.ts';

export interface FuzzCampaign {
  spec: VmSpec;
  seed: number;
  start: number;
  /** Cases of the undivided campaign; absent: until the time is over. */
  runs?: number;
  timeMs?: number;
  revision: RevisionId;
  directory: string;
  kernelOrigin: string;
  flavour?: string;
  shard?: Shard;
  select?: (slot: Slot) => boolean;
  expectations: readonly ExpectedDeviation[];
  /** State that is replaced by the next. */
  onProgress?: (line: string) => void;
  /** Something that stays. */
  onEvent?: (line: string) => void;
}

export interface FuzzOutcome {
  summary: RunSummary;
  untestable: boolean;
  /** Judged against the list of expectations; findings smallest first. */
  reconciled: Reconciled;
  /** Where a later campaign takes up, and how many cases are left for it. */
  resumeAt: number;
  runsLeft?: number;
  interrupted: boolean;
  covered: ReadonlySet<string>;
  /** Case file of each finding, by its key, relative to the directory. */
  files: ReadonlyMap<string, string>;
}

/** Rejects when no guest can be had at all; the results directory then says so. */
export async function fuzzCampaign(of: FuzzCampaign): Promise<FuzzOutcome> {
  const cases = new FuzzCases({ seed: of.seed, revision: of.revision, version: toolVersion() });
  const writer = new ResultsWriter(of.directory);
  const guests = new LocalGuests(of.spec, (lines) => { writer.appendConsole(lines.map((line) => `${line}\n`).join('')); });
  const started = Date.now();
  const summary: RunSummary = {
    format: RESULTS_FORMAT, kind: 'fuzz', toolVersion: toolVersion(), argv: process.argv.slice(2), revision: of.revision, seed: of.seed,
    ...(of.shard === undefined ? {} : { shard: of.shard }), startedAt: new Date(started).toISOString(), elapsedMs: 0, complete: false, cells: [],
    counts: { conforms: 0, deviates: 0, unspecified: 0, 'not-run': 0, lost: 0 }, notices: [], vms: guests.statistics,
  };
  const stop = listenForInterruption((reason) => { summary.endedBy = reason; });
  const files = new FindingFiles(of.directory);
  const outcome: FuzzOutcome = {
    summary, untestable: false, reconciled: { unexpected: [], expected: [], notices: [] }, resumeAt: of.start, interrupted: false, covered: new Set(), files: files.byKey,
  };
  let loop: FuzzLoop | undefined;
  try {
    of.onProgress?.('booting a guest');
    const first = await guests.lease();
    const { facts } = first;
    summary.environment = environmentOf(of, first.environment, facts);
    await guests.release(first, 'healthy');
    const identity = identifyKernel(facts, of.spec.kernel.config);
    if (identity.kind !== 'testable') {
      summary.notices.push(describeIdentity(identity));
      summary.complete = true;
      return { ...outcome, untestable: true };
    }
    for (const { channel, reason } of identity.missing) summary.notices.push(`not judged: the ${channel}: ${reason}`);
    const check = (findings: readonly FuzzFinding[], covered: Iterable<string>) =>
      reconcile(findings, of.expectations, { kernel: facts, covered: [...covered].map((place) => place.replace(/@\w+/, '')), today: new Date().toISOString().slice(0, 10) });
    // Counted from the first case on: booting is no fuzzing.
    const begun = Date.now();
    const timeUp = of.timeMs === undefined ? undefined : AbortSignal.timeout(of.timeMs);
    loop = new FuzzLoop(guests, {
      cases, facts, start: of.start, signal: stop.signal, ...(timeUp && { timeUp }), ...(of.runs !== undefined && { runs: of.runs }),
      ...(of.shard && { shard: of.shard }), ...(of.select && { select: of.select }),
      isExpected: (finding) => check([finding], []).expected.length > 0,
      onShrink: ({ key }, { steps, tried }) => of.onProgress?.(`minimising ${key}: ${tried} forms run, ${steps} times smaller`),
    });
    outcome.covered = loop.covered;
    for await (const event of loop.run()) {
      summary.elapsedMs = Date.now() - started;
      switch (event.kind) {
        case 'case':
          summary.counts[event.record.verdict.kind] += 1;
          writer.append(event.record);
          writer.update(summary);
          of.onProgress?.(progressOf(of, summary, loop, Date.now() - begun));
          break;
        case 'finding':
          of.onEvent?.(`finding: ${event.finding.key} (case ${of.seed}:${event.finding.example.path})`);
          break;
        case 'shrunk':
          of.onEvent?.(`minimised: ${event.finding.key}: ${files.save(event.finding)}, ${describeShrunk(event.shrunk)}`);
          break;
      }
    }
    const findings = loop.findings.all();
    for (const finding of findings) if (!files.byKey.has(finding.key)) files.save(finding);
    outcome.reconciled = check(findings, loop.covered);
    summary.notices.push(...outcome.reconciled.notices, ...outcome.reconciled.expected.map(({ finding, expectation: { reason, link } }) => `expected: ${finding.key}: ${reason} (${link})`));
    files.writeIndex(findings);
    summary.complete = !stop.signal.aborted;
    outcome.interrupted = stop.signal.aborted;
    outcome.resumeAt = loop.resumeAt;
    if (of.runs !== undefined) outcome.runsLeft = of.runs - countSelected(cases, of, loop.resumeAt);
    return outcome;
  } catch (error) {
    summary.endedBy ??= error instanceof Error ? error.message : String(error);
    throw error;
  } finally {
    stop.end();
    await guests.close();
    summary.elapsedMs = Date.now() - started;
    writer.finish(summary);
  }
}

/** Cases of the undivided campaign before number `end`. */
function countSelected(cases: FuzzCases, { start, select = () => true }: FuzzCampaign, end: number): number {
  let count = 0;
  for (let index = start; index < end; index += 1) if (select(cases.slotAt(index))) count += 1;
  return count;
}

export function describeShrunk({ steps, tried, end }: Pick<Shrunk, 'steps' | 'tried' | 'end'>): string {
  const ends = { minimal: 'no simpler form shows it', interrupted: 'interrupted before it was minimal', 'out-of-time': 'out of time before it was minimal' };
  return `${steps} steps, ${tried} forms run, ${ends[end]}`;
}

/** `12345 cases, 812/s, 183 rules x paths, 2 findings, 1 VM restart, 4:32 left`. */
function progressOf(of: FuzzCampaign, { counts, vms }: RunSummary, loop: FuzzLoop, elapsedMs: number): string {
  const done = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const left = of.timeMs === undefined ? undefined : Math.max(0, of.timeMs - elapsedMs) / 1000;
  const restarts = Math.max(0, vms.booted - 1);
  return [
    `${done}${of.runs === undefined ? '' : ` of ${Math.ceil(of.runs / (of.shard?.count ?? 1))}`} cases`, `${(done / (elapsedMs / 1000)).toFixed(0)}/s`, `${loop.covered.size} rules x paths`,
    `${loop.findings.size} finding${loop.findings.size === 1 ? '' : 's'}`, ...(counts.lost > 0 ? [`${counts.lost} lost`] : []), `${restarts} VM restart${restarts === 1 ? '' : 's'}`,
    ...(left === undefined ? [] : [`${Math.floor(left / 60)}:${String(Math.floor(left % 60)).padStart(2, '0')} left`]),
  ].join(', ');
}

/** `findings/HASH12.case.json` for each finding, and `findings.json` that says what they are. */
class FindingFiles {
  readonly byKey = new Map<string, string>();
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  save({ key, example }: FuzzFinding): string {
    const name = `findings/${caseHash(example.case).slice(0, 12)}.case.json`;
    mkdirSync(join(this.#directory, 'findings'), { recursive: true });
    writeFileSync(join(this.#directory, name), formatCase(example.case));
    this.byKey.set(key, name);
    return join(this.#directory, name);
  }

  writeIndex(findings: readonly FuzzFinding[]): void {
    if (findings.length === 0) return;
    const entries = findings.map(({ key, rule, aspect, detail, path, cases, example, deviations }) => ({
      key, rule, aspect, ...(detail !== '' && { detail }), path, cases, example: { file: this.byKey.get(key), seedPath: `${example.case.provenance?.seed}:${example.path}`, note: example.note }, deviations,
    }));
    writeFileSync(join(this.#directory, 'findings.json'), `${JSON.stringify(entries, undefined, 1)}\n`);
  }
}
