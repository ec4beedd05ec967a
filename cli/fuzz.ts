/** `iomapfuzz fuzz`: campaigns of near-valid cases from a seed; findings minimised and saved as case files. */
import { Command, Option } from 'commander';
import { join } from 'node:path';
import { UsageError } from '../model/errors.ts';
import { casesOf, deviationsOf, exampleOf, pathsOf } from '../model/finding/set.ts';
import type { UapiHeader } from '../model/uapi-header.ts';
import { revisions, type RevisionId } from '../uapi/revision.ts';
import type { Shard } from '../harness/run/conformance.ts';
import { MOST_EQUAL_CRASHES } from '../harness/run/equal-crashes.ts';
import { describeReliability, describeShrunk, fuzzCampaign, type FuzzOutcome } from '../harness/run/fuzz.ts';
import { FuzzCases } from '../harness/run/fuzz/cases.ts';
import { distribution, distributionText } from '../harness/run/fuzz/distribution.ts';
import { toolVersion } from '../harness/run/tool-version.ts';
import { describeSlot, slotTable, type Slot } from '../harness/run/fuzz/slots.ts';
import { matchesGlob } from '../model/glob.ts';
import { integer, originOf, shardOf, minimiseOption } from './conformance.ts';
import { shellQuote } from '../model/shell-quote.ts';
import { lackingChannelTexts, partlyJudgedText } from '../reports/partly-judged-text.ts';
import { libertyText } from '../reports/liberties-text.ts';
import { omittedText } from '../reports/omitted-text.ts';
import { coverageText } from '../reports/coverage-text.ts';
import { durationMs } from './duration.ts';
import { expectationsOption, readExpectations } from './expectations-file.ts';
import { flavourOf, libertyOption } from './liberty-option.ts';
import { progressLine } from './progress.ts';
import { addVmOptions, positiveInteger, vmSpecOf, type VmOptions } from './vm-options.ts';
import { headerLine, headerOfOptions } from './uapi-header-option.ts';
import { uapiOption } from './uapi-option.ts';
import { listOption, pathOption, ruleOption } from './list-option.ts';
import { exitCodes, VERDICT_CODES } from './exit-codes.ts';

interface FuzzOptions extends VmOptions {
  time?: number;
  runs?: number;
  seed?: number;
  start: number;
  rule?: string[];
  path?: string[];
  paths?: string[];
  uapi: RevisionId;
  shard?: Shard;
  jobs?: number;
  maxCrashes: number;
  coverage?: boolean;
  minimise?: number;
  dryRun?: boolean;
  expectations?: string;
  out?: string;
}

const DEFAULT_TIME_MS = 600_000;

export function fuzzCommand(): Command {
  return (
    addVmOptions(new Command('fuzz'))
      .description(
        'run near-valid cases from a seed against a kernel, minimise what deviates and save it as case files',
      )
      .addOption(
        new Option(
          '--time <duration>',
          'stop after this long: 90s, 10m, 2h (default: 10m, unless --runs is given)',
        ).argParser(durationMs),
      )
      .option('--runs <n>', 'stop after so many cases', positiveInteger)
      .option('--seed <n>', 'the same seed and version give the same cases everywhere; by default a new one', integer)
      .option('--start <n>', 'begin with case number n of the seed, as an interrupted campaign says', integer, 0)
      .addOption(ruleOption('only cases that aim at this rule'))
      .addOption(pathOption('only this path'))
      // As older versions call it.
      .addOption(listOption('--paths <names>', 'as --path').hideHelp())
      .addOption(uapiOption())
      .option('--shard <i/n>', 'run the i-th of n parts of the campaign', shardOf)
      .option('--jobs <n>', 'guests that run cases at the same time', positiveInteger)
      .option(
        '--dry-run',
        'run nothing: print what the cases are made of, which rules they reach, and a hash of all of them; needs no VM (default: 20000 cases)',
      )
      .option(
        '--coverage',
        'also report which lines of fs/fuse and fs/iomap the cases reach, and keep those that reach new ones; needs KCOV, as in --flavour debug',
      )
      .option(
        '--max-crashes <n>',
        'end the run after so many cases that took the kernel down, or hung it, alike',
        positiveInteger,
        MOST_EQUAL_CRASHES,
      )
      .addOption(libertyOption())
      .addOption(minimiseOption())
      .addOption(expectationsOption())
      .option('--out <dir>', 'write the results there (default: iomapfuzz-results/fuzz-DATE)')
      .addHelpText(
        'after',
        exitCodes(`${VERDICT_CODES}\nOf --dry-run: 0, or 3 when no case reaches a rule that the plan reaches.`),
      )
      .action(async (options: FuzzOptions) => {
        const select = selection(options);
        if (options.dryRun) {
          dryRun(options, select, await headerOfOptions(options, revisions[options.uapi]));
          return;
        }
        const expectations = options.expectations === undefined ? [] : readExpectations(options.expectations);
        const out =
          options.out ??
          join('iomapfuzz-results', `fuzz-${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}`);
        const seed = options.seed ?? Math.floor(Math.random() * 0x7fff_ffff);
        const timeMs = options.time ?? (options.runs === undefined ? DEFAULT_TIME_MS : undefined);
        const spec = await vmSpecOf(options, { revision: options.uapi });
        const flavour = flavourOf(options);
        const progress = progressLine();
        console.error(`seed ${seed}, results in ${out}`);
        const outcome = await fuzzCampaign({
          spec,
          seed,
          start: options.start,
          maxCrashes: options.maxCrashes,
          revision: options.uapi,
          directory: out,
          kernelOrigin: originOf(options),
          expectations,
          ...(select && { select }),
          ...(options.runs !== undefined && { runs: options.runs }),
          ...(timeMs !== undefined && { timeMs }),
          ...(flavour !== undefined && { flavour }),
          ...(options.liberty && { liberties: options.liberty }),
          ...(options.shard && { shard: options.shard }),
          ...(options.jobs !== undefined && { jobs: options.jobs }),
          ...(options.coverage && { coverage: true }),
          ...(options.minimise !== undefined && { minimiseMs: options.minimise }),
          onProgress: progress.update,
          onEvent: (line) => {
            progress.end();
            console.log(line);
          },
        });
        progress.end();
        print(outcome, out, seed);
        process.exitCode = exitCodeOf(outcome);
      })
  );
}

/** Rules that the plan reaches and no case does are an error of the generators, and no verdict: exit code 3. */
function dryRun(
  { seed = Math.floor(Math.random() * 0x7fff_ffff), start, runs = 20_000, uapi }: FuzzOptions,
  select: ((slot: Slot) => boolean) | undefined,
  header: UapiHeader | undefined,
): void {
  const progress = progressLine();
  const drawn = distribution(
    new FuzzCases({ seed, revision: uapi, numbers: header?.numbers, version: toolVersion() }),
    {
      start,
      runs,
      ...(select && { select }),
      onCase: (done) => {
        progress.update(`${done} of ${runs} cases drawn`);
      },
    },
  );
  progress.end();
  const head = [
    `seed ${seed}, revision ${uapi}, iomapfuzz ${toolVersion()}`,
    ...(header ? [headerLine(header, revisions[uapi])] : []),
  ];
  console.log([...head, ...distributionText(drawn)].join('\n'));
  if (drawn.missing.length > 0 && drawn.cases >= 20_000) process.exitCode = 3;
}

function print(
  {
    summary,
    partly,
    reconciled,
    untestable,
    files,
    examined,
    covered,
    digest,
    interrupted,
    resumeAt,
    runsLeft,
    timeLeftMs,
  }: FuzzOutcome,
  out: string,
  seed: number,
): void {
  const { counts, vms } = summary;
  for (const notice of [...summary.notices, ...lackingChannelTexts(summary), ...reconciled.notices])
    console.log(notice);
  if (summary.omitted) console.log(omittedText(summary.omitted));
  for (const { reason, when } of summary.incidents ?? [])
    console.log(`finding of the run: ${reason} (${when}); \`iomapfuzz report ${out}\` has its log`);
  for (const {
    finding,
    expectation: { reason, link },
  } of reconciled.expected)
    console.log(`expected: ${finding.id} ${finding.title}: ${reason} (${link})`);
  if (untestable) return;
  if (summary.endedBy !== undefined && !interrupted) console.log(summary.endedBy);
  const { unexpected, expected } = reconciled;
  if (unexpected.length > 0)
    console.log(`\n${unexpected.length} finding${unexpected.length === 1 ? '' : 's'}, the worst first:`);
  for (const finding of unexpected) {
    const file = join(out, files.get(finding.id)!);
    const cases = casesOf(finding).length;
    const known = examined.get(finding.id);
    console.log(
      `  ${finding.id} ${finding.title}\n    on ${pathsOf(finding).join(', ')}; ${cases} case${cases === 1 ? '' : 's'}; ${exampleOf(finding).example.note}`,
    );
    for (const { rule, aspect, expected: wanted, seen } of deviationsOf(finding).slice(0, 3))
      console.log(`    ${rule} (${aspect}): expected ${wanted}, seen ${seen}`);
    console.log(
      `    ${known ? describeShrunk(known.minimised) : 'not minimised'}${known?.reliability ? `; ${describeReliability(known.reliability)}` : ''}`,
    );
    console.log(`    iomapfuzz repro ${file}`);
  }
  const judged = counts.conforms + counts.deviates;
  const rest = (['unspecified', 'not-run', 'lost'] as const)
    .filter((kind) => counts[kind] > 0)
    .map((kind) => `, ${counts[kind]} ${kind}`)
    .join('');
  const inPart = partly.count === 0 ? '' : `, ${partly.count} not judged in part`;
  console.log(
    `\n${judged} cases judged, ${counts.deviates} deviate${expected.length > 0 ? ` (${expected.length} findings are expected)` : ''}${rest}${inPart}; ${covered.size} rules x paths; ${vms.booted} guests`,
  );
  for (const one of partly.reasons) console.log(partlyJudgedText(one));
  for (const liberty of summary.liberties ?? []) console.log(libertyText(liberty));
  if (summary.coverage) console.log(coverageText(summary.coverage));
  console.log(
    `cases: ${Object.values(counts).reduce((sum, count) => sum + count, 0)}, sha256 of their hashes: ${digest}`,
  );
  console.log(`results: ${out} (seed ${seed})`);
  if (interrupted && runsLeft !== 0 && timeLeftMs !== 0)
    console.log(
      `to go on: iomapfuzz ${resumeArguments(process.argv.slice(2), { seed, start: resumeAt, runsLeft, timeLeftMs }).map(shellQuote).join(' ')}`,
    );
}

/** The command line of the rest of a campaign. */
export function resumeArguments(
  argv: readonly string[],
  rest: { seed: number; start: number; runsLeft?: number | undefined; timeLeftMs?: number | undefined },
): string[] {
  const { seed, start, runsLeft, timeLeftMs } = rest;
  const replaced = ['--seed', '--start', '--runs', '--time', '--out'];
  const kept = argv.filter(
    (word, index) =>
      !replaced.includes(word) &&
      !replaced.includes(argv[index - 1] ?? '') &&
      !replaced.some((option) => word.startsWith(`${option}=`)),
  );
  return [
    ...kept,
    '--seed',
    String(seed),
    '--start',
    String(start),
    ...(runsLeft === undefined ? [] : ['--runs', String(runsLeft)]),
    ...(timeLeftMs === undefined ? [] : ['--time', `${Math.ceil(timeLeftMs / 1000)}s`]),
  ];
}

/** As docs/architecture.md says. Findings that are expected fail nothing; a campaign that broke off passes nothing. */
export function exitCodeOf({
  untestable,
  reconciled,
  summary: { counts, complete, incidents = [] },
}: Pick<FuzzOutcome, 'untestable' | 'reconciled' | 'summary'>): 0 | 1 | 3 | 4 | 125 {
  if (untestable) return 125;
  if (reconciled.unexpected.length > 0 || incidents.length > 0) return 1;
  if (counts.lost > 0 || !complete) return 3;
  return counts.conforms + counts.deviates > 0 ? 0 : 4;
}

/** Undefined: all slots. Throws UsageError where nothing is left. */
function selection({
  rule = [],
  path = [],
  paths: older = [],
  uapi,
}: Pick<FuzzOptions, 'rule' | 'path' | 'paths' | 'uapi'>): ((slot: Slot) => boolean) | undefined {
  const paths = [...path, ...older];
  if (rule.length === 0 && paths.length === 0) return undefined;
  const { slots, ownMounts } = slotTable(revisions[uapi]);
  const all = [...slots, ...ownMounts.map((cell): Slot => ({ kind: 'own-mount', cell }))].map(describeSlot);
  const known = new Set(all.map(({ path }) => path));
  const unknown = paths.filter((path) => !known.has(path));
  if (unknown.length > 0)
    throw new UsageError(`there is no path ${unknown.join(', ')}; there are ${[...known].sort().join(', ')}`);
  const fits = (of: { rule?: string; path: string }): boolean =>
    (paths.length === 0 || paths.includes(of.path)) &&
    (rule.length === 0 || rule.some((pattern) => of.rule !== undefined && matchesGlob(pattern, of.rule)));
  if (!all.some(fits))
    throw new UsageError(
      `no case aims at ${rule.join(', ')}${paths.length === 0 ? '' : ` on ${paths.join(', ')}`}; \`iomapfuzz conformance --list\` prints the rules and their paths`,
    );
  return (slot) => fits(describeSlot(slot));
}
