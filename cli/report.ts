/**
 * `iomapfuzz report DIR`: stored results as a report. Its exit code is the run's, so that a CI step can be the report.
 */
import { Command, Option } from 'commander';
import { join } from 'node:path';
import { messageOf, UsageError } from '../model/errors.ts';
import { compareRuns, type Comparison } from '../reports/compare.ts';
import { reportInput } from '../reports/reporter.ts';
import { reporters } from '../reports/reporters.ts';
import { requireOrdinary } from '../files/inside.ts';
import type { Run } from '../reports/run.ts';
import { renderTerminal, terminalOf } from '../reports/terminal.ts';
import { expectationsOption, readExpectations } from './expectations-file.ts';
import { loadOrExit } from './load.ts';
import { ruleTexts } from './rule-texts.ts';
import { writeReport } from './write-report.ts';

interface Options {
  format?: string;
  out?: string;
  baseline?: string;
  expectations?: string;
}

export function reportCommand(): Command {
  const formats = reporters.map(({ format }) => format);
  return new Command('report')
    .description('render stored results; without --format the matrix and the findings are printed')
    .argument('<dir>', 'results directory of a run')
    .addOption(new Option('--format <format>', 'what to render').choices(formats))
    .option(
      '--out <file>',
      'write to this file (- is standard output); default: html goes into the results directory, others to standard output',
    )
    .option('--baseline <dir>', 'results of an earlier run: also say what changed since')
    .addOption(expectationsOption('count these known deviations instead of those that the run was started with'))
    .addHelpText(
      'after',
      `\nFormats:\n${reporters.map(({ format, title }) => `  ${format.padEnd(10)}${title}`).join('\n')}\n\nExit code: that of the run (0 all conform, 1 deviation, 3 no verdict, 4 nothing was judged), 2 if it can't be read.`,
    )
    .action(async (directory: string, options: Options) => {
      const expectations = options.expectations === undefined ? undefined : readExpectations(options.expectations);
      const run = await loadOrExit(directory, expectations);
      const comparison =
        options.baseline === undefined
          ? undefined
          : compareRuns([await loadOrExit(options.baseline, expectations), run]);
      await emit(run, comparison, options);
    });
}

async function emit(run: Run, comparison: Comparison | undefined, options: Options): Promise<void> {
  const input = reportInput(run, ruleTexts(run.summary.revision), comparison);
  // Before anything is written: a reader like head may end the output early.
  process.exitCode = input.verdict.exitCode;
  const reporter = reporters.find(({ format }) => format === options.format);
  const text = reporter
    ? await reporter.render(input)
    : renderTerminal(run, input.matrix, input.verdict, {
        ...terminalOf(process.stdout, process.env),
        rules: input.rules,
        maxFindings: Infinity,
      });
  const target = options.out ?? (reporter?.format === 'html' ? join(run.directory, reporter.fileName) : '-');
  // Nobody named it: what lies in somebody's results leads nowhere else.
  if (options.out === undefined && target !== '-') {
    try {
      requireOrdinary(target);
    } catch (error) {
      throw new UsageError(`${messageOf(error)}; or name another by --out`);
    }
  }
  if (target === '-') process.stdout.write(text);
  else {
    const path = writeReport(target, text, '--out');
    console.log(`${input.verdict.headline}\nreport: ${path}`);
  }
}
