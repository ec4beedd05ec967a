/** `iomapfuzz conformance`: the plan against a kernel, a matrix on the terminal and a results directory. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { join } from 'node:path';
import { UsageError } from '../model/errors.ts';
import { buildMatrix } from '../reports/matrix.ts';
import { loadRun } from '../reports/run.ts';
import { renderTerminal, terminalOf } from '../reports/terminal.ts';
import { judgeRun } from '../reports/verdict.ts';
import { revisionWith, type Numbers } from '../uapi/numbers.ts';
import type { RevisionId } from '../uapi/revision.ts';
import type { Shard } from '../harness/run/conformance.ts';
import { MOST_EQUAL_CRASHES } from '../harness/run/equal-crashes.ts';
import { matchesGlob } from '../model/glob.ts';
import { conformancePlan, type PlanCell } from '../plan/plan.ts';
import { campaign } from '../harness/run/session.ts';
import { durationMs } from './duration.ts';
import { expectationsOption, readExpectations } from './expectations-file.ts';
import { flavourOf, libertyOption } from './liberty-option.ts';
import { problemError } from './load.ts';
import { progressLine } from './progress.ts';
import { ruleTexts } from './rule-texts.ts';
import { addVmOptions, positiveInteger, vmSpecOf, type VmOptions } from './vm-options.ts';
import { uapiOption } from './uapi-option.ts';
import { pathOption, ruleOption } from './list-option.ts';
import { exitCodes, VERDICT_CODES } from './exit-codes.ts';

interface ConformanceOptions extends VmOptions {
  rule?: string[];
  path?: string[];
  seed?: number;
  runs: number;
  time?: number;
  uapi: RevisionId;
  shard?: Shard;
  jobs?: number;
  maxCrashes: number;
  minimise?: number;
  expectations?: string;
  out?: string;
  list?: boolean;
}

export function conformanceCommand(): Command {
  return addVmOptions(new Command('conformance'))
    .description('check a kernel against every rule, on every path, on both sides of each border')
    .addOption(ruleOption('only this rule'))
    .addOption(pathOption('only this path'))
    .option('--seed <n>', 'draws the surroundings of each case; by default a new one', integer)
    .option(
      '--runs <n>',
      'cases per cell of the plan; cells of several kinds have one of each at least',
      positiveInteger,
      4,
    )
    .addOption(
      new Option(
        '--time <duration>',
        'give each cell one case, and then as many more, up to --runs, as fit into this time: 90s, 10m, 2h',
      )
        .argParser(durationMs)
        .conflicts('shard'),
    )
    .addOption(uapiOption())
    .option('--shard <i/n>', 'run the i-th of n parts of the plan', shardOf)
    .option('--jobs <n>', 'guests that run cases at the same time', positiveInteger)
    .option(
      '--max-crashes <n>',
      'end the run after so many cases that took the kernel down, or hung it, alike',
      positiveInteger,
      MOST_EQUAL_CRASHES,
    )
    .addOption(libertyOption())
    .addOption(minimiseOption())
    .addOption(expectationsOption())
    .option('--out <dir>', 'write the results there (default: iomapfuzz-results/DATE)')
    .option('--list', 'print the cells of the plan instead of running it')
    .addHelpText('after', exitCodes(VERDICT_CODES))
    .action(async (options: ConformanceOptions, command: Command) => {
      const selected = selectCells(options);
      if (options.list) {
        const idle = optionsThatOnlyRunsHave(command);
        if (idle.length > 0)
          console.error(
            `--list prints the plan and runs nothing: ${idle.join(', ')} ${idle.length === 1 ? 'changes' : 'change'} nothing in it (--rule, --path and --uapi do)`,
          );
        for (const cell of selected)
          console.log(cell.impossible === undefined ? cell.id : `${cell.id}  (cannot exist: ${cell.impossible})`);
        return;
      }
      const expectations = options.expectations === undefined ? [] : readExpectations(options.expectations);
      const out = options.out ?? join('iomapfuzz-results', new Date().toISOString().replaceAll(':', '-').slice(0, 19));
      const seed = options.seed ?? Math.floor(Math.random() * 0x7fff_ffff);
      const spec = await vmSpecOf(options, { revision: options.uapi });
      // What lies beside the values of a kernel depends on them.
      const cells = spec.uapiHeader ? selectCells(options, spec.uapiHeader.numbers) : selected;
      const flavour = flavourOf(options);
      const progress = progressLine();
      const { untestable } = await campaign({
        spec,
        cells,
        seed,
        runs: options.runs,
        maxCrashes: options.maxCrashes,
        revision: options.uapi,
        directory: out,
        kernelOrigin: originOf(options),
        expectations,
        ...(flavour === undefined ? {} : { flavour }),
        ...(options.liberty && { liberties: options.liberty }),
        ...(options.shard === undefined ? {} : { shard: options.shard }),
        ...(options.time === undefined ? {} : { timeMs: options.time }),
        ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
        ...(options.minimise === undefined ? {} : { minimiseMs: options.minimise }),
        onProgress: progress.update,
      });
      progress.end();
      const exitCode = await printRun(out);
      // What `git bisect run` skips.
      process.exitCode = untestable ? 125 : exitCode;
    });
}

/** Those that were given with --list. */
const optionsThatOnlyRunsHave = (command: Command): string[] => {
  const selecting: ReadonlySet<string> = new Set(['rule', 'path', 'uapi', 'list']);
  return command.options
    .filter(
      (option) =>
        !selecting.has(option.attributeName()) && command.getOptionValueSource(option.attributeName()) === 'cli',
    )
    .map(({ long }) => long!);
};

export const minimiseOption = (): Option =>
  new Option(
    '--minimise <duration>',
    'make findings small for at most so long when all cases have run (default: 1m, and 30s for each finding, at most 20m; 0s: not at all)',
  ).argParser((text) => (text === '0s' ? 0 : durationMs(text)));

/** Prints the matrix of a results directory; the exit code says what the run came to. */
export async function printRun(directory: string): Promise<number> {
  const loaded = await loadRun(directory);
  if (loaded.kind !== 'run') throw problemError(loaded);
  const matrix = buildMatrix(loaded.run);
  const verdict = judgeRun(loaded.run, matrix);
  process.stdout.write(
    renderTerminal(loaded.run, matrix, verdict, {
      ...terminalOf(process.stdout, process.env),
      rules: ruleTexts(loaded.run.summary.revision),
    }),
  );
  console.log(`results: ${directory} (seed ${loaded.run.summary.seed})`);
  return verdict.exitCode;
}

function selectCells({ uapi, rule = [], path = [] }: ConformanceOptions, numbers?: Numbers): PlanCell[] {
  const all = conformancePlan(revisionWith(uapi, numbers));
  const byRule = all.filter((cell) => rule.length === 0 || rule.some((pattern) => matchesGlob(pattern, cell.rule)));
  if (byRule.length === 0)
    throw new UsageError(`no rule matches ${rule.join(', ')}; conformance --list prints what there is`);
  const cells = byRule.filter((cell) => path.length === 0 || path.includes(cell.path));
  if (cells.length === 0) {
    throw new UsageError(
      `no cell has path ${path.join(', ')}; paths of these rules: ${[...new Set(byRule.map((cell) => cell.path))].join(', ')}`,
    );
  }
  return cells;
}

export const originOf = ({ kernel, kdir }: VmOptions): string =>
  kernel !== undefined ? `--kernel ${kernel}` : kdir !== undefined ? `--kdir ${kdir}` : 'reference';

export function shardOf(text: string): Shard {
  const match = /^([1-9]\d*)\/([1-9]\d*)$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || index > count) throw new InvalidArgumentError('It must be i/n with 1 <= i <= n.');
  return { index, count };
}

export function integer(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0x7fff_ffff)
    throw new InvalidArgumentError('It must be a whole number from 0 to 2147483647.');
  return Number(text);
}
