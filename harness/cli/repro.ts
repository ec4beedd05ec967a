/** `iomapfuzz repro`: one case again, in fresh guests; as a C program; as a mail. */
import { Command, Option } from 'commander';
import { join } from 'node:path';
import { UntestableKernelError, UsageError } from '../../vm/errors.ts';
import { buildTimeline, everydayRequests, timelineText } from '../../reports/timeline.ts';
import { encodeCase, type Case } from '../model/case.ts';
import type { KernelFacts } from '../model/channel.ts';
import { caseHash } from '../model/hash.ts';
import { jsonSafe } from '../model/results.ts';
import type { Deviation, Verdict } from '../model/verdict.ts';
import { caseRecord } from '../run/conformance.ts';
import { emitC } from '../run/emit/emit-c.ts';
import type { Findings, KernelNotes } from '../run/emit/findings.ts';
import { emitMail } from '../run/emit/mail.ts';
import { FindingFiles } from '../run/finding-files.ts';
import { caseOfSeed } from '../run/fuzz/cases.ts';
import { exitCodeOf, parseReference, reliabilityOf, replay, resolveCase, type Reliability, type Replay } from '../run/repro.ts';
import { recordRun, tellingConfig } from '../run/recorded-run.ts';
import { toolVersion } from '../run/tool-version.ts';
import { originOf } from './conformance.ts';
import { ruleTexts } from './rule-texts.ts';
import { addVmOptions, positiveInteger, vmSpecOf, type VmOptions } from './vm-options.ts';

interface ReproOptions extends VmOptions {
  times?: number;
  out?: string;
  emit?: 'c' | 'mail';
}

export function reproCommand(): Command {
  return addVmOptions(new Command('repro'))
    .description('replay a case in a fresh guest each time and say how reliably it deviates; or write it as a C program or a mail')
    .argument('<case>', 'a case file, or SEED[:PATH] of a campaign')
    .option('--times <n>', 'replays (default: 1; with --emit c: 0)', positiveInteger)
    .option('--out <dir>', 'write the results there (default: iomapfuzz-results/repro-DATE)')
    .addOption(new Option('--emit <form>', 'write this to stdout: c, one C file that needs no iomapfuzz; mail, plain text to send').choices(['c', 'mail']))
    .action(async (text: string, options: ReproOptions) => {
      const value = resolveCase(parseReference(text), (seed, path) => caseOfSeed({ seed, revision: 'r3', version: toolVersion() }, path));
      // A program can be written of what the rules say alone; a mail is about what was seen.
      if (options.emit === 'c' && options.times === undefined) {
        process.stdout.write(emitC(value, { deviations: [], clauses: ruleTexts(value.revision) }));
        return;
      }
      // What is emitted goes to stdout, so that it can be redirected; everything else is out of its way then.
      const say = options.emit === undefined ? console.log : console.error;
      const { reliability, kernel } = await replayAll(value, options, say);
      say(summaryOf(reliability));
      const findings: Findings = {
        deviations: reliability.shown?.deviations ?? [], clauses: ruleTexts(value.revision), kernel,
        reliability: { shown: reliability.shown?.times ?? reliability.counts.conforms, of: reliability.times },
      };
      if (options.emit === 'c') process.stdout.write(emitC(value, findings));
      else if (options.emit === 'mail') {
        if (reliability.counts.conforms + reliability.counts.deviates === 0) throw new UsageError(`nothing was judged, so that there is nothing to write about: ${summaryOf(reliability)}`);
        process.stdout.write(emitMail({ case: value, findings, timeline: timelineOf(value, reliability, true), consoleTail: reliability.shown?.consoleTail ?? [] }));
      } else if (reliability.shown) console.log(['', ...timelineOf(value, reliability)].join('\n'));
      process.exitCode = exitCodeOf(reliability, options.times ?? 1);
    });
}

/** A replay is a run as any other: what finished is in the results directory, whatever ends it. */
async function replayAll(value: Case, options: ReproOptions, say: (line: string) => void): Promise<{ reliability: Reliability; kernel: KernelNotes }> {
  const times = options.times ?? 1;
  const directory = options.out ?? join('iomapfuzz-results', `repro-${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}`);
  let untestable = '';
  const replayed = await recordRun<{ reliability: Reliability; kernel: KernelNotes } | undefined>({
    kind: 'repro', spec: await vmSpecOf(options), seed: value.provenance?.seed ?? 0, revision: value.revision, directory, kernelOrigin: originOf(options),
    ...(options.flavour !== undefined && { flavour: options.flavour }), cells: [], expectations: [], fresh: true,
  }, async ({ guests, facts, signal, summary, writer, add }) => {
    const { environment } = summary;
    summary.planned = times;
    const replays: Replay[] = [];
    for await (const one of replay(guests.fresh(), value, times, facts, signal)) {
      const n = replays.push(one);
      add(caseRecord({ n: n - 1, note: `replay ${n} of ${times}`, seed: value.provenance?.seed ?? 0, case: value }, one.outcome, one.verdict));
      say(`replay ${n} of ${times}: ${verdictText(one.verdict)}`);
    }
    if (signal.aborted) say(`interrupted after ${replays.length} of ${times} replays`);
    const reliability = reliabilityOf(replays);
    const files = new FindingFiles(writer);
    for (const rule of new Set(reliability.shown?.deviations.map((one) => one.rule))) {
      const first = replays.findIndex(({ verdict }) => verdict.kind === 'deviates' && verdict.deviations.some((one) => one.rule === rule));
      files.save({
        rule, case: value, deviations: reliability.shown!.deviations, outcome: replays[first]!.outcome, reliability: { shown: reliability.shown!.times, of: reliability.times },
        found: { n: first, note: `replay ${first + 1} of ${times}`, seed: value.provenance?.seed ?? 0 },
      });
    }
    return { reliability, kernel: notesOf(facts, `QEMU ${environment!.qemuVersion}, ${environment!.machine}, ${environment!.accelerator}`) };
  }, ({ add, summary }, reason) => {
    summary.planned = times;
    untestable = reason;
    for (let n = 0; n < times; n += 1) add({ n, hash: caseHash(value), note: `replay ${n + 1} of ${times}`, seed: value.provenance?.seed ?? 0, verdict: { kind: 'not-run', reason } });
    return undefined;
  });
  console.error(`results: ${directory}`);
  if (!replayed) throw new UntestableKernelError(untestable);
  return replayed;
}

const notesOf = (facts: KernelFacts, machine: string): KernelNotes => ({ release: facts.release, version: facts.version, config: tellingConfig(facts), machine });

function verdictText(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'conforms': return 'conforms';
    case 'deviates': return `deviates from ${[...new Set(verdict.deviations.map(({ rule, aspect }: Deviation) => `${rule} (${aspect})`))].join(', ')}`;
    default: return `${verdict.kind}: ${verdict.reason}`;
  }
}

/** `deviates 9 of 10 times`, with what the other times were. */
function summaryOf({ times, counts }: Reliability): string {
  const words: [Verdict['kind'], string][] = [['deviates', 'deviates'], ['conforms', 'conforms'], ['unspecified', 'is not covered by the rules'], ['not-run', 'did not run'], ['lost', 'was lost to the infrastructure']];
  const parts = words.filter(([kind]) => counts[kind] > 0).map(([kind, word]) => `${word} ${counts[kind]} of ${times} times`);
  return `the case ${parts.join(', ') || 'was not replayed'}`;
}

/** `brief`: without everyday requests that the case says nothing about, and without SETATTR for the times of a written file. */
function timelineOf(value: Case, { shown, observation: whole }: Reliability, brief = false): string[] {
  const scripted = new Set<string>(value.script.map(({ on }) => on));
  const setsAttributes = value.workload.some((step) => step.call === 'ftruncate' || step.call === 'setTimes' || (step.call === 'open' && step.flags.includes('trunc')));
  const observation = whole && brief
    ? { ...whole, transcript: whole.transcript.filter(({ name }) => scripted.has(name) || (!everydayRequests.has(name) && (name !== 'SETATTR' || setsAttributes))) } : whole;
  return timelineText(buildTimeline({
    n: 0, hash: caseHash(value), note: '', seed: value.provenance?.seed ?? 0, case: encodeCase(value),
    verdict: shown ? { kind: 'deviates', deviations: [...shown.deviations] } : { kind: 'conforms' },
    ...(observation && { observation: jsonSafe(observation) }),
  }));
}
