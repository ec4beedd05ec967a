/** `iomapfuzz judge`: stored observations judged again by the rules of this version, without a guest. */
import { Command, Option } from 'commander';
import { judgedJson, judgedLines, placeText } from '../reports/judged.ts';
import { plainLine, plainTexts } from '../model/plain-text.ts';
import { unjudgedIn } from '../model/partly-judged.ts';
import { noCounts } from '../model/run-summary.ts';
import { numbersOf } from '../uapi/numbers.ts';
import { defaultRevision, revisions, type RevisionId } from '../uapi/revision.ts';
import { exitCodeOfJudged, judgeStored, type JudgeBy } from '../harness/run/stored/judge.ts';
import { storedItems } from '../harness/run/stored/read.ts';
import { headerOfOptions, NO_HEADER } from './uapi-header-option.ts';
import { optionalUapiOption } from './uapi-option.ts';

interface JudgeOptions {
  json?: boolean;
  uapi?: RevisionId;
  uapiHeader?: string;
}

const counted = { ...noCounts(), nothing: 0, unreadable: 0 };

export function judgeCommand(): Command {
  return new Command('judge')
    .description(
      'judge stored observations again by the rules of this version, without a guest: records, lines of results, findings',
    )
    .argument(
      '<path...>',
      'files and directories: a record as JSON with `case` and `observation`, cases.jsonl, a finding, a results directory, a directory of these',
    )
    .option('--json', 'print one line of JSON for each record')
    .addOption(optionalUapiOption())
    .addOption(
      new Option(
        '--uapi-header <file>',
        "the uAPI header of the kernel that was observed (default: the numbers that the results say, else the revision's)",
      ),
    )
    .addHelpText(
      'after',
      "\nExit code: 0 everything that was judged conforms, 1 something deviates, 2 something can't be read (it is named, and the others are judged all the same),\n4 nothing was judged.",
    )
    .action(async (paths: string[], options: JudgeOptions) => {
      const { uapi, uapiHeader } = options;
      const header =
        uapiHeader === undefined
          ? undefined
          : await headerOfOptions({ uapiHeader }, revisions[uapi ?? defaultRevision]);
      const by: JudgeBy = {
        revision: uapi,
        numbers: uapiHeader === NO_HEADER ? numbersOf(revisions[uapi ?? defaultRevision]) : header?.numbers,
      };
      const counts = { ...counted };
      let inPart = 0;
      const recorded = { agree: 0, differ: 0 };
      const others: string[] = [];
      for (const path of paths) {
        for await (const item of storedItems(path)) {
          if (item.kind === 'other-file') {
            others.push(item.place.file);
            continue;
          }
          // Records are data of others: nothing of them may act.
          const judged = plainTexts(judgeStored(item, by));
          counts[judged.kind === 'judged' ? judged.verdict.kind : judged.kind] += 1;
          if (judged.kind === 'judged' && unjudgedIn(judged.verdict).length > 0) inPart += 1;
          if (judged.kind === 'judged' && judged.recorded !== undefined)
            recorded[judged.recorded === judged.verdict.kind ? 'agree' : 'differ'] += 1;
          // Before anything is written: a reader like head may end the output early.
          process.exitCode = exitCodeOfJudged(counts);
          if (options.json) console.log(JSON.stringify(judgedJson(judged)));
          else if (judged.kind === 'unreadable')
            console.error(plainLine(`iomapfuzz: ${placeText(judged.place)} can't be read: ${judged.reason}`));
          // Of lines of results only the count: most of them conformed, and hold no observation.
          else if (judged.kind === 'judged' || judged.place.line === undefined)
            for (const line of judgedLines(judged)) console.log(plainLine(line));
        }
      }
      process.exitCode = exitCodeOfJudged(counts);
      if (others.length > 0) console.error(plainLine(othersText(others)));
      if (!options.json) console.log(summaryOf(counts, inPart, recorded));
    });
}

/** What a reader may have taken for a part of the verdict. */
function othersText(files: readonly string[]): string {
  const named = files.slice(0, 3).join(', ') + (files.length > 3 ? ' ...' : '');
  return `iomapfuzz: not read, as records stand in .json, .jsonl and .ndjson files: ${named} (${files.length}); a file that is named itself is read whatever its name is`;
}

function summaryOf(counts: typeof counted, inPart: number, recorded: { agree: number; differ: number }): string {
  const words: Record<keyof typeof counted, string> = {
    conforms: 'conform',
    deviates: 'deviate',
    unspecified: 'unspecified',
    'not-run': 'not run',
    lost: 'lost',
    nothing: 'without anything to judge',
    unreadable: 'unreadable',
  };
  const parts = (Object.keys(counted) as (keyof typeof counted)[])
    .filter((kind) => counts[kind] > 0)
    .map((kind) => `${counts[kind]} ${words[kind]}`);
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const agreement =
    recorded.agree + recorded.differ === 0 ? '' : `; ${recorded.agree} as recorded, ${recorded.differ} otherwise`;
  const partial = inPart === 0 ? '' : `; ${inPart} of them ${inPart === 1 ? 'was' : 'were'} not judged in part`;
  return `${total} record${total === 1 ? '' : 's'}: ${parts.join(', ') || 'nothing was found'}${partial}${agreement}`;
}
