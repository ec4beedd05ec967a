/** `iomapfuzz repro`: one case again, in fresh guests; as a C program; as a mail. */
import { Command, Option } from 'commander';
import { UntestableKernelError, UsageError } from '../../vm/errors.ts';
import { buildTimeline, everydayRequests, timelineText } from '../../reports/timeline.ts';
import { encodeCase, type Case } from '../model/case.ts';
import type { KernelFacts } from '../model/channel.ts';
import { caseHash } from '../model/hash.ts';
import { jsonSafe } from '../model/results.ts';
import type { Deviation, Verdict } from '../model/verdict.ts';
import { emitC } from '../run/emit/emit-c.ts';
import type { Findings, KernelNotes } from '../run/emit/findings.ts';
import { emitMail } from '../run/emit/mail.ts';
import { caseOfSeed } from '../run/fuzz/cases.ts';
import { FreshGuests } from '../run/fresh-guests.ts';
import { exitCodeOf, parseReference, reliabilityOf, replay, resolveCase, type Reliability, type Replay } from '../run/repro.ts';
import { tellingConfig } from '../run/recorded-run.ts';
import { toolVersion } from '../run/tool-version.ts';
import { describeIdentity, identifyKernel } from '../../vm/kernel/identify.ts';
import { qemuVersion } from '../../vm/qemu/accelerator.ts';
import { ruleTexts } from './rule-texts.ts';
import { addVmOptions, positiveInteger, vmSpecOf, type VmOptions } from './vm-options.ts';

interface ReproOptions extends VmOptions {
  times?: number;
  emit?: 'c' | 'mail';
}

export function reproCommand(): Command {
  return addVmOptions(new Command('repro'))
    .description('replay a case in a fresh guest each time and say how reliably it deviates; or write it as a C program or a mail')
    .argument('<case>', 'a case file, or SEED[:PATH] of a campaign')
    .option('--times <n>', 'replays (default: 1; with --emit c: 0)', positiveInteger)
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

async function replayAll(value: Case, options: ReproOptions, say: (line: string) => void): Promise<{ reliability: Reliability; kernel: KernelNotes }> {
  const times = options.times ?? 1;
  const guests = new FreshGuests(await vmSpecOf(options));
  const stop = new AbortController();
  const interrupt = (): void => { stop.abort(); };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const { facts, environment } = await guests.prepare();
    const identity = identifyKernel(facts);
    if (identity.kind !== 'testable') throw new UntestableKernelError(describeIdentity(identity));
    const replays: Replay[] = [];
    for await (const one of replay(guests, value, times, facts, stop.signal)) {
      replays.push(one);
      say(`replay ${replays.length} of ${times}: ${verdictText(one.verdict)}`);
    }
    if (stop.signal.aborted) say(`interrupted after ${replays.length} of ${times} replays`);
    return { reliability: reliabilityOf(replays), kernel: notesOf(facts, `QEMU ${qemuVersion()}, ${environment.machine}, ${environment.accelerator}`) };
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await guests.close();
  }
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

/** `brief`: without everyday requests that the case says nothing about. */
function timelineOf(value: Case, { shown, observation: whole }: Reliability, brief = false): string[] {
  const scripted = new Set<string>(value.script.map(({ on }) => on));
  const observation = whole && brief
    ? { ...whole, transcript: whole.transcript.filter(({ name }) => scripted.has(name) || !everydayRequests.has(name)) } : whole;
  return timelineText(buildTimeline({
    n: 0, hash: caseHash(value), note: '', seed: value.provenance?.seed ?? 0, case: encodeCase(value),
    verdict: shown ? { kind: 'deviates', deviations: [...shown.deviations] } : { kind: 'conforms' },
    ...(observation && { observation: jsonSafe(observation) }),
  }));
}
