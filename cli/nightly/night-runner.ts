/**
 * Runs what is left of a night, and writes its reports. What a night has finished is on disk before the next thing
 * begins.
 */
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { InfrastructureError, errnoOf, messageOf } from '../../model/errors.ts';
import { hashFile } from '../../vm/kernel/source.ts';
import { compareRuns } from '../../reports/compare.ts';
import { trendPage } from '../../reports/html/trend.ts';
import { digestRun } from '../../reports/nights/digest.ts';
import { nightMail } from '../../reports/nights/mail.ts';
import { readHistory, writeNight, type Night, type Stage } from '../../reports/nights/night.ts';
import { buildTrend } from '../../reports/nights/trend.ts';
import { reportInput } from '../../reports/reporter.ts';
import { reporters } from '../../reports/reporters.ts';
import { explainProblem } from '../../reports/errors.ts';
import { loadRun, type Run } from '../../reports/run.ts';
import { requireOrdinary, requireUnlinked, writeInside } from '../../files/inside.ts';
import { toolVersion } from '../../harness/run/tool-version.ts';
import { duration } from '../../reports/text.ts';
import { ruleTexts } from '../rule-texts.ts';
import { runChild } from './child.ts';
import { runKinds, timeOf, type RunKind } from './run-kinds.ts';

/** Earlier nights that a run is compared with: the last is the baseline, the others show what is flaky. */
const COMPARED_NIGHTS = 3;
/** With less left of the budget no run is begun. */
const SHORTEST_MS = 15_000;
const nightReporters = reporters.filter(({ format }) => ['html', 'junit', 'markdown', 'mail'].includes(format));

export interface NightRun {
  history: string;
  corpus: string;
  /** Revision of the rules. */
  uapi: string;
  /** Known deviations: an absolute path. */
  expectations?: string;
  /** Of the kernel; absent: there is none. */
  imagePath?: string;
  /** Options of the kernel and the VM for each run. */
  vmArguments: readonly string[];
  stop: AbortSignal;
  say: (line: string) => void;
}

/**
 * Resolves when the night has ended or was interrupted; `endedAt` tells which. Throws InfrastructureError when it
 * cannot be written.
 */
export async function runNight(night: Night, oneRun: NightRun): Promise<void> {
  try {
    for (const stage of night.stages) await finishReports(night, stage, oneRun.history);
    for (const [index, row] of runKinds.entries()) {
      const stage = night.stages.find(({ kind }) => kind === row.kind);
      if (!stage || !pending(stage)) continue;
      if (oneRun.stop.aborted) break;
      await runStage(night, stage, runKinds.slice(index), oneRun);
    }
    if (!oneRun.stop.aborted) night.endedAt = new Date().toISOString();
    writeNight(oneRun.history, night);
    writeOverview(night.name, oneRun.history);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw new InfrastructureError(
      `the night ${join(oneRun.history, night.name)} can't be written (${messageOf(error)}); what had finished is there: make space or repair the directory, then give the same command again to go on`,
    );
  }
}

const pending = ({ status }: Stage): boolean => status === 'waiting' || status === 'running';

async function runStage(night: Night, stage: Stage, rest: readonly RunKind[], oneRun: NightRun): Promise<void> {
  const row = rest[0]!;
  const directory = join(oneRun.history, night.name, row.kind);
  const save = (change: Partial<Stage>): void => {
    Object.assign(stage, change);
    writeNight(oneRun.history, night);
  };
  if (night.noVm !== undefined) return save({ status: 'failed', reason: 'not run: there is no VM' });
  if (
    oneRun.imagePath !== undefined &&
    night.imageHash !== undefined &&
    hashFile(oneRun.imagePath) !== night.imageHash
  ) {
    save({
      status: 'failed',
      reason: `not run: ${oneRun.imagePath} was replaced since the night began, and a night is about one kernel; give it a copy`,
    });
    return oneRun.say(`${row.kind}: ${stage.reason}`);
  }
  let skipped: string | undefined;
  try {
    skipped = row.skip?.(oneRun);
  } catch (error) {
    return save({ status: 'failed', reason: messageOf(error) });
  }
  if (skipped !== undefined) return save({ status: 'skipped', reason: skipped });
  const leftMs = Math.max(0, night.budgetMs - night.stages.reduce((sum, { elapsedMs }) => sum + (elapsedMs ?? 0), 0));
  if (leftMs < SHORTEST_MS) {
    save({
      status: 'cut-off',
      reason: `not begun: ${duration(leftMs)} of the budget were left, and a guest alone takes some seconds to boot; give a larger --budget`,
    });
    return oneRun.say(`${row.kind}: ${stage.reason}`);
  }
  setAside(directory);
  const { shareMs, limitMs } = timeOf(rest, leftMs);
  const log = join(oneRun.history, night.name, `${row.kind}.log`);
  requireOrdinary(log);
  save({ status: 'running', budgetMs: shareMs });
  oneRun.say(`${row.kind}: about ${duration(shareMs)}, log in ${log}`);
  const startedMs = performance.now();
  const { exitCode, ended } = await runChild(
    [
      ...row.argv({ seed: night.seed, timeMs: shareMs, corpus: oneRun.corpus, uapi: oneRun.uapi }),
      ...(oneRun.expectations === undefined ? [] : ['--expectations', oneRun.expectations]),
      ...oneRun.vmArguments,
      '--out',
      directory,
    ],
    {
      log,
      timeMs: limitMs,
      stop: oneRun.stop,
      onStart: (pid) => {
        save({ pid });
      },
    },
  );
  delete stage.pid;
  if (ended === 'interrupted') {
    // Complete in spite of the signal: nothing to repeat.
    const whole = await loaded(directory);
    if (typeof whole === 'string' || !whole.summary.complete)
      return save({ status: 'waiting', reason: 'interrupted; the same command goes on with it' });
  }
  delete stage.reason;
  stage.elapsedMs = Math.round(performance.now() - startedMs);
  if (exitCode !== undefined) stage.exitCode = exitCode;
  const run = await loaded(directory);
  if (typeof run === 'string') save({ status: 'failed', reason: lastLine(log) ?? run });
  else {
    if (run.summary.complete) stage.status = 'complete';
    else if (ended === 'time over')
      Object.assign(stage, {
        status: 'cut-off',
        reason: `stopped after ${duration(limitMs)}: ${rest.length > 1 ? 'the runs after it need the rest of the budget' : 'the budget was over'}; what it judged counts, and a larger --budget lets it end`,
      });
    else
      Object.assign(stage, {
        status: 'failed',
        reason:
          run.summary.endedBy ??
          `the process ended ${exitCode === undefined ? 'by a signal' : `with exit code ${exitCode}`}`,
      });
    const before = await earlierRuns(night, row.kind, oneRun.history);
    stage.digest = digestRun(
      row.kind,
      run,
      before,
      readHistory(oneRun.history).nights.filter(({ name }) => name !== night.name),
    );
    writeNight(oneRun.history, night);
    await writeReports(run, before);
  }
  oneRun.say(`${row.kind}: ${stage.digest?.headline ?? stage.reason ?? stage.status}`);
}

/**
 * A run that had ended when the night was interrupted may lack its reports: a full disk, a kill at the wrong moment.
 */
async function finishReports(night: Night, stage: Stage, history: string): Promise<void> {
  const directory = join(history, night.name, stage.kind);
  if (
    pending(stage) ||
    stage.digest === undefined ||
    !existsSync(directory) ||
    nightReporters.every(({ fileName }) => existsSync(join(directory, fileName)))
  )
    return;
  const run = await loaded(directory);
  if (typeof run !== 'string') await writeReports(run, await earlierRuns(night, stage.kind, history));
}

/** An interrupted run's results stay, under another name. */
function setAside(directory: string): void {
  if (!existsSync(directory)) return;
  let number = 1;
  while (existsSync(`${directory}.interrupted-${number}`)) number += 1;
  renameSync(directory, `${directory}.interrupted-${number}`);
}

/** The run in a directory, or why there is none. */
async function loaded(directory: string): Promise<Run | string> {
  const result = await loadRun(directory);
  return result.kind === 'run' ? result.run : explainProblem(result);
}

/** Runs of the last nights that judged something: a night without a VM is nothing to compare with. */
async function earlierRuns(night: Night, kind: string, history: string): Promise<{ name: string; run: Run }[]> {
  const found: { name: string; run: Run }[] = [];
  for (const { name, stages } of readHistory(history).nights.reverse()) {
    if (found.length === COMPARED_NIGHTS) break;
    const counts = stages.find((stage) => stage.kind === kind)?.digest?.counts;
    if (name === night.name || !counts || counts.conforms + counts.deviates === 0) continue;
    // Results may have been thrown away to save space; the digest stays.
    const run = await loaded(join(history, name, kind));
    if (typeof run !== 'string') found.unshift({ name, run });
  }
  return found;
}

function lastLine(log: string): string | undefined {
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('iomapfuzz: '))
    .at(-1)
    ?.slice('iomapfuzz: '.length);
}

async function writeReports(run: Run, before: { run: Run }[]): Promise<void> {
  const comparison = before.length > 0 ? compareRuns([...before.map((one) => one.run), run]) : undefined;
  const input = reportInput(run, ruleTexts(run.summary.revision), comparison);
  requireUnlinked(run.directory);
  for (const reporter of nightReporters) {
    writeInside(join(run.directory, reporter.fileName), await reporter.render(input));
  }
}

/** The page of all nights, and the mail of this one. */
function writeOverview(name: string, history: string): void {
  const trend = buildTrend(readHistory(history));
  writeInside(join(history, name, 'mail.txt'), nightMail(trend, name));
  writeInside(join(history, 'index.html'), trendPage(trend, toolVersion()));
}
