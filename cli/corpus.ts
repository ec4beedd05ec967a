/** `iomapfuzz corpus`: cases worth keeping, replayed on every kernel. */
import { Command, Option } from 'commander';
import { join } from 'node:path';
import { UsageError } from '../model/errors.ts';
import { requireTestable } from '../vm/kernel/identify.ts';
import { repositoryRoot } from '../files/repository-root.ts';
import { loadRun } from '../reports/run.ts';
import type { CellInfo } from '../model/run-summary.ts';
import type { Case } from '../model/case.ts';
import { revisionIds, type RevisionId } from '../uapi/revision.ts';
import { formatCase, readCaseFile } from '../harness/run/case-file.ts';
import type { PlannedRun } from '../harness/run/conformance.ts';
import { Corpus, addressOf, type CorpusEntry } from '../harness/run/corpus.ts';
import { showsOf } from '../harness/run/corpus-shows.ts';
import { execute } from '../harness/run/execute.ts';
import { LocalGuests } from '../harness/run/guests.ts';
import { redundant, reduce, shown } from '../harness/run/reduce.ts';
import { campaign } from '../harness/run/session.ts';
import { minimiseOption, originOf, printRun } from './conformance.ts';
import { expectationsOption, readExpectations } from './expectations-file.ts';
import { progressLine } from './progress.ts';
import { addVmOptions, vmSpecOf, type VmOptions } from './vm-options.ts';
import { exitCodes, FILE_CODES, GUEST_CODES, VERDICT_CODES } from './exit-codes.ts';

interface CorpusOptions {
  corpus: string;
}

const withCorpus = (command: Command): Command =>
  command.addOption(
    new Option('--corpus <dir>', 'directory of the corpus').default(
      join(repositoryRoot(), 'corpora'),
      'corpora/ of iomapfuzz',
    ),
  );

export function corpusCommand(): Command {
  return new Command('corpus')
    .description('cases worth keeping: add, list, replay all, make smaller')
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(checkCommand())
    .addCommand(minimiseCommand());
}

function addCommand(): Command {
  return withCorpus(new Command('add'))
    .description('add cases; a case that is there already gets the new reason')
    .argument('<file...>', 'case files')
    .requiredOption('--why <text>', 'why they are worth keeping')
    .addHelpText('after', exitCodes(FILE_CODES))
    .action((files: string[], { corpus: directory, why }: CorpusOptions & { why: string }) => {
      // All are read before one is added: a bad file among many leaves the corpus as it was.
      const cases = files.map(readCaseFile);
      const corpus = Corpus.open(directory);
      const known = new Map(corpus.entries());
      for (const testCase of cases) {
        const before = known.get(addressOf(testCase));
        const hash = corpus.add(testCase, {
          why,
          origin: testCase.provenance?.origin ?? 'hand',
          shows: showsOf(testCase),
          kernels: before?.kernels ?? {},
        });
        console.log(`${hash}  ${before ? 'known, reason replaced' : 'added'}`);
      }
      corpus.save();
    });
}

function listCommand(): Command {
  return withCorpus(new Command('list'))
    .description('the cases with what they show, why they are kept, and what kernels made of them')
    .addHelpText('after', exitCodes(FILE_CODES))
    .action(({ corpus: directory }: CorpusOptions) => {
      const entries = Corpus.openExisting(directory).entries();
      for (const [hash, entry] of entries) console.log(describe(hash, entry).join('\n'));
      console.log(entries.length === 0 ? `${directory} holds no cases` : `${entries.length} cases`);
    });
}

function describe(hash: string, { why, shows, kernels, origin }: CorpusEntry): string[] {
  return [
    `${hash}  ${why}`,
    ...shows.map((key) => `              shows ${key}`),
    `              from ${origin}`,
    ...Object.entries(kernels).map(
      ([name, { verdict, rules, unjudged }]) =>
        `              ${name}: ${verdict}${rules && rules.length > 0 ? ` (${rules.join(', ')})` : ''}${unjudged === undefined ? '' : `; not judged in part: ${unjudged}`}`,
    ),
  ];
}

interface CheckOptions extends CorpusOptions, VmOptions {
  out?: string;
  record?: string;
  expectations?: string;
  minimise?: number;
}

function checkCommand(): Command {
  return addVmOptions(withCorpus(new Command('check')))
    .description('replay every case on a kernel, and leave a results directory')
    .option('--out <dir>', 'write the results there (default: iomapfuzz-results/corpus-DATE)')
    .addOption(minimiseOption())
    .addOption(expectationsOption())
    .option('--record <name>', 'note the outcome in the index, under this name of the kernel')
    .addHelpText('after', exitCodes(VERDICT_CODES))
    .action(async (options: CheckOptions) => {
      const expectations = options.expectations === undefined ? [] : readExpectations(options.expectations);
      const corpus = Corpus.openExisting(options.corpus);
      if (options.record !== undefined) corpus.requireOwn();
      const planned = corpus.entries().map(([hash, entry], n): PlannedRun => {
        const cell = cellOf(entry, hash);
        return { n, cell, case: corpus.read(hash), note: entry.why };
      });
      if (planned.length === 0) throw new UsageError(`${options.corpus} holds no cases; add some with \`corpus add\``);
      const strays = corpus.strays();
      if (strays.length > 0)
        throw new UsageError(
          `${corpus.path('*')}: not in the index: ${strays.join(', ')}; add them with \`corpus add\`, or remove them`,
        );
      const directory =
        options.out ??
        join('iomapfuzz-results', `corpus-${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}`);
      const progress = progressLine();
      const { untestable, summary } = await campaign({
        kind: 'corpus',
        planned,
        expectations,
        spec: await vmSpecOf(options, {
          revision: revisionOf(planned.map(({ case: one }) => one)),
          needs: revisionIds[0]!,
        }),
        cells: distinctCells(planned),
        seed: 0,
        runs: 1,
        revision: revisionOf(planned.map(({ case: one }) => one)),
        directory,
        kernelOrigin: originOf(options),
        ...(options.flavour !== undefined && { flavour: options.flavour }),
        ...(options.minimise !== undefined && { minimiseMs: options.minimise }),
        onProgress: progress.update,
      });
      progress.end();
      const exitCode = await printRun(directory);
      process.exitCode = untestable ? 125 : exitCode;
      if (options.record !== undefined) await record(corpus, directory, options.record);
      if (!summary.complete && !untestable) {
        const ran = Object.values(summary.counts).reduce((sum, count) => sum + count, 0);
        console.log(
          `${ran} of ${planned.length} cases were replayed, and are in ${directory}${options.record === undefined ? '' : ' and in the index'}; give the same command again to replay all of them`,
        );
      }
    });
}

/** A run has one revision for its report; the cases are judged by their own. */
const revisionOf = (cases: readonly Case[]): RevisionId => [...cases.map(({ revision }) => revision)].sort().at(-1)!;

const distinctCells = (planned: readonly PlannedRun[]): PlannedRun['cell'][] => [
  ...new Map(planned.map(({ cell }) => [cell.id, cell])).values(),
];

/** The cell of the matrix that a case stands for: the first thing it shows. */
function cellOf({ shows }: CorpusEntry, hash: string): CellInfo {
  const id = shows[0] ?? `corpus/${hash} replay`;
  const match = /^(\S+?)(?:@(read|write))? (\S+)(?: (violating|legal))?$/.exec(id);
  if (!match) return { id, rule: id, path: 'replay' };
  const [, rule, half, path, border] = match as unknown as [
    string,
    string,
    'read' | 'write' | undefined,
    string,
    'violating' | 'legal' | undefined,
  ];
  return { id, rule, path, ...(half && { half }), ...(border && { border }) };
}

async function record(corpus: Corpus, directory: string, name: string): Promise<void> {
  const loaded = await loadRun(directory);
  if (loaded.kind !== 'run')
    throw new UsageError(`the results in ${directory} can't be read, so that nothing is noted`);
  const byNumber = corpus.entries();
  for (const entry of loaded.run.cases) {
    const found = byNumber[entry.n];
    if (!found || (entry.kind !== 'conforms' && entry.kind !== 'deviates' && entry.kind !== 'unspecified')) continue;
    const [hash, { kernels }] = found;
    const rules =
      entry.kind !== 'deviates'
        ? undefined
        : [
            ...new Set(loaded.run.findings.filter(({ cases }) => cases.includes(entry.n)).map(({ rule }) => rule)),
          ].sort();
    const { kind: verdict, unjudged } = entry;
    const noted = { verdict, ...(rules && { rules }), ...(unjudged !== undefined && { unjudged }) };
    corpus.note(hash, { kernels: { ...kernels, [name]: noted } });
  }
  corpus.save();
}

function minimiseCommand(): Command {
  return addVmOptions(withCorpus(new Command('minimise')))
    .description(
      'make each case as small as shows the same on a kernel, then drop cases that show nothing others do not',
    )
    .addHelpText('after', exitCodes(`0 done, ${GUEST_CODES}`))
    .action(async (options: CorpusOptions & VmOptions) => {
      const corpus = Corpus.openExisting(options.corpus);
      corpus.requireOwn();
      const before = corpus.entries();
      const cases = before.map(([hash]) => corpus.read(hash));
      const spec = await vmSpecOf(
        options,
        cases.length === 0 ? {} : { revision: revisionOf(cases), needs: revisionIds[0]! },
      );
      requireTestable(spec.kernel);
      const stop = new AbortController();
      const guests = new LocalGuests(
        spec,
        undefined,
        1,
        ({ reason, when }) => {
          console.log(`the kernel, ${when}: ${reason}`);
        },
        stop.signal,
      );
      const progress = progressLine();
      const interrupt = (): void => {
        stop.abort();
      };
      process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
      let [smaller, done] = [0, 0];
      try {
        const first = await guests.lease();
        const { facts } = first;
        await guests.release(first, 'healthy');
        requireTestable(spec.kernel, facts);
        for (const [hash, entry] of before) {
          if (stop.signal.aborted) break;
          const testCase = corpus.read(hash);
          let keep: string | undefined;
          for await (const { outcome } of execute(guests, [testCase], { signal: stop.signal }))
            keep = shown(testCase, outcome, facts);
          done += 1;
          progress.update(`${done} of ${before.length} cases, ${smaller} made smaller`);
          if (keep === undefined) {
            console.log(`${hash}  left as it is: it could not be judged on this kernel`);
            continue;
          }
          const result = await reduce(
            (cases) => execute(guests, cases, { signal: stop.signal }),
            testCase,
            (smaller, outcome) => shown(smaller, outcome, facts) === keep,
            { signal: stop.signal },
          );
          const address = addressOf(result.case);
          if (address === hash) continue;
          smaller += 1;
          console.log(
            `${hash}  is ${address} now: ${formatCase(testCase).length} to ${formatCase(result.case).length} bytes, ${result.tried} cases tried`,
          );
          corpus.remove(hash);
          corpus.add(result.case, { ...entry, shows: showsOf(result.case), kernels: {} });
          // After each case, so that an interruption loses nothing.
          corpus.save();
        }
      } finally {
        progress.end();
        process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
        await guests.close();
      }
      const sizes = corpus
        .entries()
        .map(([hash, { shows }]) => ({ hash, shows, sizeBytes: formatCase(corpus.read(hash)).length }));
      const gone = stop.signal.aborted ? [] : redundant(sizes);
      for (const hash of gone) {
        console.log(`${hash}  dropped: others show what it shows`);
        corpus.remove(hash);
      }
      corpus.save();
      console.log(
        `${before.length} cases before, ${corpus.entries().length} now; ${smaller} made smaller${stop.signal.aborted ? `; interrupted after ${done}: what is smaller is saved, give the same command again for the rest` : ''}`,
      );
    });
}
