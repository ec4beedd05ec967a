/** `iomapfuzz repro`: one case again, in fresh guests; as a C program; as a mail. */
import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import { join } from 'node:path';
import { messageOf, UntestableKernelError, UsageError } from '../model/errors.ts';
import { buildTimeline, everydayRequests, timelineText } from '../reports/timeline.ts';
import { encodeCase, type Case } from '../model/case.ts';
import type { KernelFacts } from '../model/channel.ts';
import { caseHash } from '../model/hash.ts';
import { jsonSafe } from '../model/json-safe.ts';
import { unjudgedIn } from '../model/partly-judged.ts';
import type { Deviation, Unjudged, Verdict } from '../model/verdict.ts';
import { causesOf } from '../model/finding/cause.ts';
import { compared } from '../oracles/compared.ts';
import { caseRecord } from '../harness/run/conformance.ts';
import { emitC } from '../reproducers/emit-c.ts';
import type { Evidence, KernelNotes } from '../reproducers/evidence.ts';
import { emitMail } from '../reproducers/mail.ts';
import { FindingFiles } from '../harness/run/finding-files.ts';
import { caseOfSeed } from '../harness/run/fuzz/cases.ts';
import {
  exitCodeOf,
  parseReference,
  reliabilityOf,
  replaysShowing,
  replay,
  resolveCase,
  type Reliability,
  type Replay,
} from '../harness/run/repro.ts';
import { recordRun, tellingConfig } from '../harness/run/recorded-run.ts';
import { toolVersion } from '../harness/run/tool-version.ts';
import { originOf } from './conformance.ts';
import { flavourOf, libertyOption } from './liberty-option.ts';
import { ruleTexts } from './rule-texts.ts';
import { addVmOptions, positiveInteger, vmSpecOf, type VmOptions } from './vm-options.ts';
import type { Numbers } from '../uapi/numbers.ts';
import { defaultRevision, revisions } from '../uapi/revision.ts';
import type { UapiHeader } from '../model/uapi-header.ts';
import { headerOfResults } from '../harness/run/stored/numbers.ts';
import { readKernelImage } from '../vm/kernel/image.ts';
import type { VmSpec } from '../vm/vm.ts';
import { headerOfKernel, headerOfOptions } from './uapi-header-option.ts';
import { exitCodes, VERDICT_CODES } from './exit-codes.ts';

interface ReproOptions extends VmOptions {
  times?: number;
  out?: string;
  emit?: 'c' | 'mail';
}

export function reproCommand(): Command {
  return addVmOptions(new Command('repro'))
    .description(
      'replay cases in a fresh guest each time, show what happened and what was compared, and say how reliably they deviate; or write one as a C program or a mail',
    )
    .argument('<cases...>', 'case files, or SEED[:PATH] of a campaign')
    .option('--times <n>', 'replays of each (default: 1; with --emit c: 0)', positiveInteger)
    .addOption(libertyOption())
    .option('--out <dir>', 'write the results there (default: iomapfuzz-results/repro-DATE)')
    .addOption(
      new Option(
        '--emit <form>',
        'write this to stdout, of one case: c, one C file that needs no iomapfuzz; mail, plain text to send',
      ).choices(['c', 'mail']),
    )
    .addHelpText(
      'after',
      exitCodes(`${VERDICT_CODES}\nOf --emit c without --times: 0, and 2 where it cannot be written.`),
    )
    .action(async (texts: string[], options: ReproOptions) => {
      const cases = casesOf(texts);
      const [{ case: value }] = cases as [NamedCase];
      if (options.emit !== undefined && cases.length > 1)
        throw new UsageError(`--emit writes one case, and these are ${cases.length}: give one at a time`);
      const several = [...new Set(cases.map((one) => one.case.revision))];
      if (several.length > 1)
        throw new UsageError(
          `the cases are of different revisions (${several.join(', ')}), and a run is judged by one: give those of one revision at a time`,
        );
      // A program can be written of what the rules say alone; a mail is about what was seen.
      if (options.emit === 'c' && options.times === undefined) {
        const uapiHeader = await headerForProgram(texts[0]!, value, options);
        process.stdout.write(
          emitC(value, { deviations: [], clauses: ruleTexts(value.revision), ...(uapiHeader && { uapiHeader }) }),
        );
        return;
      }
      // What is emitted goes to stdout, so that it can be redirected; everything else is out of its way then.
      const say = options.emit === undefined ? console.log : console.error;
      const spec = await vmSpecOf(options, { revision: value.revision });
      const { uapiHeader } = spec;
      // What lies beside the values of a kernel depends on them.
      const drawn = uapiHeader ? casesOf(texts, uapiHeader.numbers) : cases;
      const { replayed, kernel, facts } = await replayAll(drawn, spec, options, say);
      for (const { name, case: testCase, reliability } of replayed) {
        say(`${cases.length > 1 ? `${name}: ` : ''}${summaryOf(reliability)}`);
        if (options.emit === undefined && reliability.observation)
          console.log(
            [
              '',
              ...timelineOf(testCase, reliability, uapiHeader?.numbers),
              ...comparedLines(testCase, reliability, facts),
              '',
            ].join('\n'),
          );
        else if (options.emit === undefined && reliability.shown)
          console.log(['', ...timelineOf(testCase, reliability, uapiHeader?.numbers), ''].join('\n'));
      }
      if (options.emit !== undefined) emit(options.emit, replayed[0]!, kernel, uapiHeader);
      process.exitCode = exitCodeOfAll(
        replayed.map(({ reliability }) => exitCodeOf(reliability, options.times ?? 1)),
        cases.length,
      );
    });
}

const casesOf = (texts: readonly string[], numbers?: Numbers): NamedCase[] =>
  texts.map((text): NamedCase => ({
    name: text,
    case: resolveCase(parseReference(text), (seed, path) =>
      caseOfSeed({ seed, revision: defaultRevision, numbers, version: toolVersion() }, path),
    ),
  }));

/** By which numbers a program speaks that is written without a kernel: what is named, else what found the case. */
async function headerForProgram(
  text: string,
  { revision }: Case,
  options: ReproOptions,
): Promise<UapiHeader | undefined> {
  if (options.uapiHeader !== undefined || options.kdir !== undefined)
    return headerOfOptions(options, revisions[revision]);
  // Nothing boots: the image need not be on this machine, and says nothing then.
  if (options.kernel !== undefined && existsSync(options.kernel))
    return headerOfKernel(readKernelImage(options.kernel), revisions[revision]);
  const reference = parseReference(text);
  if (reference.kind !== 'file') return undefined;
  try {
    return headerOfResults(reference.path);
  } catch (error) {
    throw new UsageError(`${messageOf(error)}; name the header by --uapi-header`);
  }
}

interface NamedCase {
  name: string;
  case: Case;
}
interface Replayed extends NamedCase {
  reliability: Reliability;
}

function emit(
  form: 'c' | 'mail',
  { case: value, reliability }: Replayed,
  kernel: KernelNotes,
  uapiHeader: UapiHeader | undefined,
): void {
  const evidence: Evidence = {
    deviations: reliability.shown?.deviations ?? [],
    clauses: ruleTexts(value.revision),
    kernel,
    ...(uapiHeader && { uapiHeader }),
    reliability: { shown: reliability.shown?.times ?? reliability.counts.conforms, of: reliability.times },
    ...(reliability.unjudged && { unjudged: reliability.unjudged }),
  };
  if (form === 'c') {
    process.stdout.write(emitC(value, evidence));
    return;
  }
  if (reliability.counts.conforms + reliability.counts.deviates === 0)
    throw new UsageError(`nothing was judged, so that there is nothing to write about: ${summaryOf(reliability)}`);
  process.stdout.write(
    emitMail({
      case: value,
      evidence,
      timeline: timelineOf(value, reliability, uapiHeader?.numbers, true),
      consoleTail: reliability.shown?.consoleTail ?? [],
    }),
  );
}

/**
 * A case that deviates outweighs one that was lost, and that one those that conform; some must have been judged.
 * `asked`: cases that were to be replayed.
 */
function exitCodeOfAll(codes: readonly (0 | 1 | 3 | 4)[], asked: number): 0 | 1 | 3 | 4 {
  if (codes.includes(1)) return 1;
  if (codes.includes(3) || codes.length < asked) return 3;
  return codes.includes(0) ? 0 : 4;
}

/** A replay is a run as any other: what finished is in the results directory, whatever ends it. */
async function replayAll(
  cases: readonly NamedCase[],
  spec: VmSpec,
  options: ReproOptions,
  say: (line: string) => void,
): Promise<{ replayed: Replayed[]; kernel: KernelNotes; facts: KernelFacts }> {
  const times = options.times ?? 1;
  const directory =
    options.out ?? join('iomapfuzz-results', `repro-${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}`);
  const [first] = cases as [NamedCase];
  const flavour = flavourOf(options);
  const seedOf = ({ case: { provenance } }: NamedCase): number => provenance?.seed ?? 0;
  const noteOf = ({ name }: NamedCase, n: number): string =>
    `${cases.length > 1 ? `${name}, ` : ''}replay ${n} of ${times}`;
  let untestable = '';
  const result = await recordRun<{ replayed: Replayed[]; kernel: KernelNotes; facts: KernelFacts } | undefined>(
    {
      kind: 'repro',
      spec,
      seed: seedOf(first),
      revision: first.case.revision,
      directory,
      kernelOrigin: originOf(options),
      ...(flavour !== undefined && { flavour }),
      ...(options.liberty && { liberties: options.liberty }),
      cells: [],
      expectations: [],
      fresh: true,
    },
    async ({ guests, facts, signal, summary, writer, add }) => {
      const { environment } = summary;
      summary.planned = times * cases.length;
      const files = new FindingFiles(writer);
      const replayed: Replayed[] = [];
      for (const [index, one] of cases.entries()) {
        if (signal.aborted) break;
        const replays: Replay[] = [];
        for await (const replayedOnce of replay(guests.fresh(), one.case, times, facts, signal)) {
          const n = replays.push(replayedOnce);
          add(
            caseRecord(
              { n: index * times + n - 1, note: noteOf(one, n), seed: seedOf(one), case: one.case },
              replayedOnce.outcome,
              replayedOnce.verdict,
            ),
          );
          say(`${noteOf(one, n)}: ${verdictText(replayedOnce.verdict)}`);
        }
        if (signal.aborted) say(`interrupted after ${replays.length} of ${times} replays`);
        const reliability = reliabilityOf(replays);
        replayed.push({ ...one, reliability });
        for (const { id, deviation, follows } of causesOf(reliability.shown?.deviations ?? [])) {
          const showing = replaysShowing(id, replays);
          const n = replays.indexOf(showing[0]!);
          files.save({
            id,
            rule: deviation.rule,
            case: one.case,
            deviations: [deviation, ...follows],
            outcome: replays[n]!.outcome,
            reliability: { shown: showing.length, of: reliability.times },
            found: { n: index * times + n, note: noteOf(one, n + 1), seed: seedOf(one) },
          });
        }
      }
      return {
        replayed,
        facts,
        kernel: notesOf(
          facts,
          `QEMU ${environment!.qemuVersion}, ${environment!.machine}, ${environment!.accelerator}`,
        ),
      };
    },
    ({ add, summary }, reason) => {
      summary.planned = times * cases.length;
      untestable = reason;
      cases.forEach((one, index) => {
        for (let n = 0; n < times; n += 1)
          add({
            n: index * times + n,
            hash: caseHash(one.case),
            note: noteOf(one, n + 1),
            seed: seedOf(one),
            verdict: { kind: 'not-run', reason },
          });
      });
      return undefined;
    },
  );
  console.error(`results: ${directory}`);
  if (!result) throw new UntestableKernelError(untestable);
  return result;
}

/** What the verdict rests on. */
const comparedLines = (testCase: Case, { observation, shown }: Reliability, facts: KernelFacts): string[] =>
  observation
    ? [
        '',
        shown ? 'what was compared (what deviates stands above):' : 'what was compared, and agrees:',
        ...compared(testCase, observation, { facts }).map((line) => `  ${line}`),
      ]
    : [];

const notesOf = (facts: KernelFacts, machine: string): KernelNotes => ({
  release: facts.release,
  version: facts.version,
  config: tellingConfig(facts),
  machine,
});

function verdictText(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'conforms':
      return ['conforms', ...unjudgedIn(verdict).map(notJudgedText)].join('; ');
    case 'deviates':
      return `deviates from ${[...new Set(verdict.deviations.map(({ rule, aspect }: Deviation) => `${rule} (${aspect})`))].join(', ')}`;
    default:
      return `${verdict.kind}: ${verdict.reason}`;
  }
}

const notJudgedText = ({ aspect, step, reason }: Unjudged): string =>
  `not judged: ${aspect}${step === undefined ? '' : ` of step ${step}`}: ${reason}`;

/** `deviates 9 of 10 times`, with what the other times were. */
function summaryOf({ times, counts, inPart }: Reliability): string {
  const words: [Verdict['kind'], string][] = [
    ['deviates', 'deviates'],
    ['conforms', 'conforms'],
    ['unspecified', 'is not covered by the rules'],
    ['not-run', 'did not run'],
    ['lost', 'was lost to the infrastructure'],
  ];
  const parts = words
    .filter(([kind]) => counts[kind] > 0)
    .map(
      ([kind, word]) =>
        `${word} ${counts[kind]} of ${times} times${kind === 'conforms' && inPart > 0 ? ` (${inPart} of them in part: something was not judged)` : ''}`,
    );
  return `the case ${parts.join(', ') || 'was not replayed'}`;
}

/**
 * `brief`: without everyday requests that the case says nothing about, and without SETATTR for the times of a written
 * file.
 */
function timelineOf(
  value: Case,
  { shown, observation: whole, unjudged }: Reliability,
  numbers: Numbers | undefined,
  brief = false,
): string[] {
  const notJudged = unjudged ? { unjudged: [...unjudged] } : {};
  const scripted = new Set<string>(value.script.map(({ on }) => on));
  const setsAttributes = value.workload.some(
    (step) =>
      step.call === 'ftruncate' || step.call === 'setTimes' || (step.call === 'open' && step.flags.includes('trunc')),
  );
  const observation =
    whole && brief
      ? {
          ...whole,
          transcript: whole.transcript.filter(
            ({ name }) => scripted.has(name) || (!everydayRequests.has(name) && (name !== 'SETATTR' || setsAttributes)),
          ),
        }
      : whole;
  return timelineText(
    buildTimeline(
      {
        n: 0,
        hash: caseHash(value),
        note: '',
        seed: value.provenance?.seed ?? 0,
        case: encodeCase(value),
        verdict: shown
          ? { kind: 'deviates', deviations: [...shown.deviations], ...notJudged }
          : { kind: 'conforms', ...notJudged },
        ...(observation && { observation: jsonSafe(observation) }),
      },
      numbers,
    ),
  );
}
