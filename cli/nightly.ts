/** `iomapfuzz nightly`: everything that is run each night, kept in a history with reports and trends. */
import { Command, Option } from 'commander';
import { accessSync, constants, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { InterruptedError, UsageError, messageOf } from '../model/errors.ts';
import { describeIdentity, identifyByConfig } from '../vm/kernel/identify.ts';
import { hashFile } from '../vm/kernel/source.ts';
import { repositoryRoot } from '../files/repository-root.ts';
import { NIGHT_FORMAT, nextName, readHistory, writeNight, type Night } from '../reports/nights/night.ts';
import { nightExitCode } from '../reports/nights/trend.ts';
import { requireOrdinary, requireUnlinked } from '../files/inside.ts';
import { makeDirectory } from '../files/make-directory.ts';
import { readError } from '../files/system-error.ts';
import { defaultRevision, type RevisionId } from '../uapi/revision.ts';
import { toolVersion } from '../harness/run/tool-version.ts';
import { integer } from './conformance.ts';
import { durationMs } from './duration.ts';
import { expectationsOption, readExpectations } from './expectations-file.ts';
import { runNight } from './nightly/night-runner.ts';
import { runKinds } from './nightly/run-kinds.ts';
import { addVmOptions, vmSpecOf, type VmOptions, vmArguments } from './vm-options.ts';
import { uapiOption } from './uapi-option.ts';

interface NightlyOptions extends VmOptions {
  budget: number;
  history: string;
  seed?: number;
  corpus: string;
  uapi: RevisionId;
  expectations?: string;
  new?: boolean;
}

/** A night that was interrupted longer ago is history: tonight's kernel is another experiment. */
const RESUME_WITHIN_MS = 20 * 3_600_000;

export function nightlyCommand(): Command {
  return addVmOptions(new Command('nightly'))
    .description(
      'run everything within a budget, keep the results in a history, and report what changed since the last nights',
    )
    .addOption(
      new Option('--budget <duration>', 'for the whole night: 90s, 45m, 2h')
        .argParser(durationMs)
        .default(7_200_000, '2h'),
    )
    .requiredOption('--history <dir>', 'directory of all nights; it gets DATE-N for this one and index.html for all')
    .option('--seed <n>', 'of the cases; by default a new one each night', integer)
    .addOption(
      new Option('--corpus <dir>', 'directory of the corpus').default(
        join(repositoryRoot(), 'corpora'),
        'corpora/ of iomapfuzz',
      ),
    )
    .addOption(uapiOption())
    .addOption(expectationsOption())
    .option('--new', 'begin a new night instead of going on with one that was interrupted')
    .addHelpText(
      'after',
      `\nRuns, in this order: ${runKinds.map(({ kind }) => kind).join(', ')}. After an interruption the same command goes on; runs that are complete are not repeated.` +
        '\nExit code: 0 all conform, 1 a deviation or a regression (a cell that was judged and is not any more), 2 usage,\n3 no verdict (no VM, lost cases, interrupted, cut off by the budget), 4 nothing was judged, 125 this kernel cannot be tested.',
    )
    .action(async (options: NightlyOptions) => {
      // A bad list is found now, not by every run of the night.
      if (options.expectations !== undefined) readExpectations(options.expectations);
      const history = historyOf(options.history);
      let night = (await resumable(history, options)) ?? begin(history, options);
      const say = (line: string): void => {
        console.log(line);
      };
      const stop = new AbortController();
      const interrupt = (): void => {
        if (stop.signal.aborted) process.exit(3);
        stop.abort();
      };
      let imagePath: string | undefined;
      try {
        // Finds or builds the kernel before any run's time begins.
        const { kernel } = await vmSpecOf(options, { revision: options.uapi });
        const refused = identifyByConfig(kernel);
        if (refused !== undefined) say(describeIdentity(refused));
        imagePath = kernel.path;
        const imageHash = hashFile(imagePath);
        if (night.imageHash !== undefined && night.imageHash !== imageHash) {
          say(`night ${night.name} was interrupted and stays so: the kernel image is another now`);
          night = begin(history, options);
        }
        Object.assign(night, { imageHash });
        delete night.noVm;
      } catch (error) {
        if (error instanceof InterruptedError)
          throw new InterruptedError(`${error.message}; it is night ${night.name} that goes on`);
        // A night that was begun is told of, whatever ended it.
        night.noVm = messageOf(error);
        say(`no VM: ${night.noVm}`);
      }
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
      say(`night ${join(history, night.name)} (seed ${night.seed})`);
      await runNight(night, {
        history,
        corpus: resolve(options.corpus),
        uapi: options.uapi,
        ...(options.expectations !== undefined && { expectations: resolve(options.expectations) }),
        vmArguments: vmArguments(imagePath === undefined ? options : oneImage(options, imagePath)),
        ...(imagePath !== undefined && { imagePath }),
        stop: stop.signal,
        say,
      });
      say(
        readFileSync(join(history, night.name, 'mail.txt'), 'utf8')
          .split('\n')
          .slice(2)
          .join('\n')
          .trimEnd(),
      );
      say(`history: ${join(history, 'index.html')}`);
      if (night.endedAt === undefined) say('interrupted: give the same command again to go on');
      process.exitCode = nightExitCode(night);
    });
}

function historyOf(path: string): string {
  const history = resolve(path);
  try {
    makeDirectory(history);
    requireUnlinked(history);
    requireOrdinary(join(history, 'index.html'));
    accessSync(history, constants.W_OK);
    readdirSync(history);
  } catch (error) {
    throw new UsageError(`the history ${path} can't be used (${messageOf(error)}); name another by --history`);
  }
  return history;
}

function begin(history: string, options: NightlyOptions): Night {
  if (options.kernel !== undefined && options.kdir !== undefined)
    throw new UsageError('--kernel and --kdir both name the kernel; give one of them');
  if (options.kernel !== undefined) readable(options.kernel, '--kernel');
  if (options.kdir !== undefined) readable(options.kdir, '--kdir');
  const startedAt = new Date().toISOString();
  const night: Night = {
    format: NIGHT_FORMAT,
    name: nextName(history, startedAt.slice(0, 10)),
    startedAt,
    toolVersion: toolVersion(),
    target: targetOf(options),
    seed: options.seed ?? Math.floor(Math.random() * 0x7fff_ffff),
    budgetMs: options.budget,
    pid: process.pid,
    stages: runKinds.map(({ kind }) => ({ kind, status: 'waiting' })),
  };
  writeNight(history, night);
  return night;
}

function readable(path: string, option: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw new UsageError(`${option} ${path} cannot be read: ${messageOf(readError(error))}`);
  }
}

/** A run whose night was killed ends by itself: a case in flight has 20 s, then the guests are closed. */
const ENDING_MS = 60_000;

/** The last night, when it was interrupted while testing the same. Throws UsageError when it is still running. */
async function resumable(history: string, options: NightlyOptions): Promise<Night | undefined> {
  const last = readHistory(history).nights.at(-1);
  if (!last || last.endedAt !== undefined) return undefined;
  const runs = last.stages.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  for (
    const deadline = performance.now() + ENDING_MS;
    !isOurs(last.pid) && runs.some(isOurs) && performance.now() < deadline;
  )
    await setTimeout(200);
  const running = [last.pid, ...runs].find(isOurs);
  if (running !== undefined)
    throw new UsageError(`night ${last.name} is still running (process ${running}); wait for it or end that process`);
  const same =
    JSON.stringify(last.target) === JSON.stringify(targetOf(options)) &&
    (options.seed === undefined || options.seed === last.seed);
  const obstacle = options.new
    ? '--new was given'
    : !same
      ? 'it tested something else'
      : last.toolVersion !== toolVersion()
        ? `it was begun by iomapfuzz ${last.toolVersion}, this is ${toolVersion()}`
        : Date.now() - Date.parse(last.startedAt) > RESUME_WITHIN_MS
          ? 'it is too long ago'
          : undefined;
  if (obstacle !== undefined) {
    console.log(`night ${last.name} was interrupted and stays so: ${obstacle}`);
    return undefined;
  }
  console.log(`going on with night ${last.name}`);
  // Kinds of run that this version knows and the night does not yet.
  const known = new Set(last.stages.map(({ kind }) => kind));
  const night: Night = {
    ...last,
    pid: process.pid,
    budgetMs: options.budget,
    stages: [
      ...last.stages,
      ...runKinds.filter(({ kind }) => !known.has(kind)).map(({ kind }) => ({ kind, status: 'waiting' as const })),
    ],
  };
  writeNight(history, night);
  return night;
}

/** Alive, and not another program that got the number since. */
function isOurs(pid: number): boolean {
  try {
    return pid !== process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('iomapfuzz');
  } catch {
    return false;
  }
}

/** A night is about one kernel: its runs get the image that was made when it began, whatever becomes of the tree. */
function oneImage({ kdir, build: _build, ...options }: NightlyOptions, imagePath: string): VmOptions {
  return kdir === undefined ? options : { ...options, kernel: imagePath };
}

const targetOf = (options: NightlyOptions): string[] => [
  ...vmArguments(options),
  '--corpus',
  resolve(options.corpus),
  ...(options.uapi === defaultRevision ? [] : ['--uapi', options.uapi]),
];
