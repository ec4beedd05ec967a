/** `iomapfuzz compare A B`: what changed between two runs, or over a history of them. */
import { Command } from 'commander';
import { UsageError } from '../model/errors.ts';
import { compareRuns } from '../reports/compare.ts';
import { comparisonLines } from '../reports/compare-text.ts';
import { comparisonPage } from '../reports/html/comparison-page.ts';
import type { Run } from '../reports/run.ts';
import { wrap } from '../reports/text.ts';
import { terminalOf } from '../reports/terminal.ts';
import { toolVersion } from '../harness/run/tool-version.ts';
import { expectationsOption, readExpectations } from './expectations-file.ts';
import { loadOrExit } from './load.ts';
import { writeReport } from './write-report.ts';

export function compareCommand(): Command {
  return new Command('compare')
    .description(
      'compare results, oldest first: new, gone, changed and flaky findings, what is newly not run, and which kernel or config difference goes with it',
    )
    .argument(
      '<dir...>',
      'two or more results directories, oldest first; the last is judged against the one before, the others show what is flaky',
    )
    .addOption(expectationsOption('count these known deviations instead of those that the runs were started with'))
    .option('--json', 'print the comparison as JSON')
    .option('--html <file>', 'also write it as a self-contained page')
    .addHelpText(
      'after',
      '\nExit code: 0 no regression, 1 regression (a new finding, or a cell that was judged and is not any more), 2 unreadable results,\n3 no verdict: a run lost cases, is incomplete or damaged, or the last one tried less than the one before (it says what), 4 nothing was judged in the last run.',
    )
    .action(async (directories: string[], options: { json?: boolean; html?: string; expectations?: string }) => {
      if (directories.length < 2) throw new UsageError('compare needs at least two results directories, oldest first');
      const runs: Run[] = [];
      const expectations = options.expectations === undefined ? undefined : readExpectations(options.expectations);
      for (const directory of directories) runs.push(await loadOrExit(directory, expectations));
      const comparison = compareRuns(runs);
      // Before anything is written: a reader like head may end the output early.
      process.exitCode = comparison.exitCode;
      if (options.json) console.log(JSON.stringify(comparison, undefined, 1));
      else
        for (const line of comparisonLines(comparison))
          for (const part of wrap(line, terminalOf(process.stdout, process.env).widthColumns, 4)) console.log(part);
      if (options.html !== undefined)
        console.error(`page: ${writeReport(options.html, comparisonPage(comparison, runs, toolVersion()), '--html')}`);
    });
}
