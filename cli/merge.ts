/** `iomapfuzz merge DIR...`: the shards of a run as one results directory. */
import { Command } from 'commander';
import { InfrastructureError, messageOf, UsageError } from '../model/errors.ts';
import { explainMerge, mergeRuns } from '../reports/merge.ts';
import { reportInput } from '../reports/reporter.ts';
import { DirectoryError } from '../files/make-directory.ts';
import { loadOrExit, problemError } from './load.ts';
import { ruleTexts } from './rule-texts.ts';

export function mergeCommand(): Command {
  return new Command('merge')
    .description('merge the results of --shard 1/n ... n/n into one directory, as one machine would have left it')
    .argument('<dir...>', 'results directories of the shards')
    .requiredOption('--out <dir>', 'directory for the merged results')
    .addHelpText(
      'after',
      '\nExit code: that of the merged run (a missing or incomplete shard is no pass: 3), 2 for directories that are not shards of one run.',
    )
    .action(async (directories: string[], { out }: { out: string }) => {
      let merged: Awaited<ReturnType<typeof mergeRuns>>;
      try {
        merged = await mergeRuns(directories, out);
      } catch (error) {
        if (error instanceof DirectoryError)
          throw new UsageError(`the directory ${out} cannot be made (${error.message}); name another by --out`);
        throw new InfrastructureError(
          `can't merge into ${out}: ${messageOf(error)}; nothing was left there; free some space, or name another directory by --out`,
        );
      }
      if (merged.kind === 'results') throw problemError(merged.problem);
      if (merged.kind !== 'merged') throw new UsageError(explainMerge(merged));
      const { verdict } = reportInput(await loadOrExit(out), ruleTexts(merged.summary.revision));
      console.log([verdict.headline, ...verdict.reasons.map((reason) => `- ${reason}`), `results: ${out}`].join('\n'));
      process.exitCode = verdict.exitCode;
    });
}
