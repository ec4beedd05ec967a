/** Judges the result of each syscall: success or failure, errno, return value, extents, size. */
import type { Case } from '../../model/case.ts';
import type { FiemapExtent, Observation, StepResult } from '../../model/observation.ts';
import type { Deviation } from '../deviation.ts';
import { errnoName } from '../../uapi/errno.ts';
import type { Expectation, StepExpectation } from '../kernel/expectation.ts';
import { errnoFacts } from '../kernel/errno-facts.ts';
import type { ClauseId } from '../rules/rule-id.ts';

export function judgeOutcome(testCase: Case, seen: Observation, expectation: Expectation): Deviation[] {
  const outcomes = expectation.steps.flatMap((expected, step): Deviation[] => {
    const result = seen.steps[step];
    if (!result)
      return [
        {
          rule: expected.rule,
          aspect: 'result',
          expected: 'the syscall returns',
          seen: 'it was never executed',
          step,
          facts: { value: 'execution' },
        },
      ];
    return judgeStep(expected, result, seen).map((deviation) => ({ rule: expected.rule, ...deviation, step }));
  });
  return [...letThrough(testCase, seen, expectation), ...outcomes];
}

/**
 * In the step in which the requests left the model: what had to be refused before and yet was done in full. That is why
 * the kernel went on to ask for what it asked. Reads are left out: what readahead met is asked for again.
 */
function letThrough(
  { workload }: Case,
  seen: Observation,
  { desynchronised, requests, refusals, steps }: Expectation,
): Deviation[] {
  const [step, call, result] = [steps.length, workload[steps.length], seen.steps[steps.length]];
  const refusal = refusals.find((one) => one.step === step);
  if (desynchronised !== true || !refusal || !call || !result || requests.at(-1)?.facts?.differs !== 'extra') return [];
  const isDone =
    call.call === 'pwrite' || call.call === 'mmapWrite'
      ? result.ret === BigInt(call.lengthBytes)
      : ['ftruncate', 'fallocate'].includes(call.call) && result.ret === 0n;
  if (!isDone) return [];
  return [
    {
      rule: refusal.rule,
      aspect: 'errno',
      expected: errnoName(refusal.errno),
      seen: `success, ${result.ret}`,
      step,
      facts: errnoFacts([refusal.errno], 0, seen.transcript),
    },
  ];
}

/** `rule`: another than the one that decides the outcome. */
type Finding = Pick<Deviation, 'aspect' | 'expected' | 'seen' | 'facts'> & { rule?: ClauseId };

function judgeStep(expected: StepExpectation, result: StepResult, { transcript }: Observation): Finding[] {
  const failed = result.ret < 0n;
  const seen = failed ? errnoName(result.errno) : `success, ${result.ret}`;
  switch (expected.kind) {
    case 'any':
      return [];
    case 'fails': {
      const right = failed && (!expected.errnos || expected.errnos.includes(result.errno));
      if (right) return [];
      const wanted = expected.errnos?.map(errnoName).join(' or ') ?? 'a failure';
      const facts = errnoFacts(expected.errnos ?? 'any', failed ? result.errno : 0, transcript);
      if (failed || expected.loss === undefined) return [{ aspect: 'errno', expected: wanted, seen, facts }];
      return [
        {
          rule: 'writeback/silent-loss',
          aspect: 'errno',
          expected: `${wanted}: ${expected.loss}, and the kernel has to say so`,
          seen,
          facts,
        },
      ];
    }
    case 'succeeds': {
      if (failed)
        return [
          {
            aspect: 'errno',
            expected: `success${expected.ret === undefined ? '' : `, ${expected.ret}`}`,
            seen,
            facts: errnoFacts([0], result.errno, transcript),
          },
        ];
      const findings: Finding[] = [];
      if (expected.ret !== undefined && result.ret !== expected.ret)
        findings.push({
          aspect: 'result',
          expected: String(expected.ret),
          seen: String(result.ret),
          facts: { value: result.ret < expected.ret ? 'too few' : 'too many' },
        });
      if (expected.fiemap) findings.push(...judgeExtents(expected.fiemap, result.fiemap ?? []));
      if (
        expected.fiemapMapped !== undefined &&
        result.fiemapMapped !== undefined &&
        result.fiemapMapped !== expected.fiemapMapped
      ) {
        findings.push({
          aspect: 'result',
          expected: `${expected.fiemapMapped} extents`,
          seen: `${result.fiemapMapped} extents`,
          facts: { value: 'number of extents' },
        });
      }
      if (expected.sizeBytes !== undefined && result.sizeBytes !== expected.sizeBytes) {
        findings.push({
          aspect: 'size',
          expected: `${expected.sizeBytes} bytes`,
          seen: `${result.sizeBytes} bytes`,
          facts: { value: 'size' },
        });
      }
      if (expected.times && expected.times.join() !== result.times?.join()) {
        findings.push({
          aspect: 'result',
          expected: `the times ${expected.times.join(' ')}`,
          seen: result.times?.join(' ') ?? 'none',
          facts: { value: 'times' },
        });
      }
      if (expected.outBytes && Buffer.compare(expected.outBytes, result.out ?? new Uint8Array()) !== 0) {
        findings.push({
          aspect: 'result',
          expected: Buffer.from(expected.outBytes).toString('hex'),
          seen: Buffer.from(result.out ?? []).toString('hex'),
          facts: { value: 'bytes out' },
        });
      }
      if (expected.outFlags) findings.push(...judgeOut(expected.outFlags, result.out));
      return findings;
    }
  }
}

function judgeExtents(expected: readonly FiemapExtent[], seen: readonly FiemapExtent[]): Finding[] {
  const show = (extent: FiemapExtent | undefined) =>
    extent
      ? `logical 0x${extent.logical.toString(16)} physical 0x${extent.physical.toString(16)} length 0x${extent.length.toString(16)} flags 0x${extent.flags.toString(16)}`
      : 'no extent';
  for (let index = 0; index < Math.max(expected.length, seen.length); index += 1) {
    const [want, got] = [show(expected[index]), show(seen[index])];
    if (want !== got)
      return [
        {
          aspect: 'result',
          expected: `extent ${index}: ${want}`,
          seen: got,
          facts: { value: extentDifference(expected[index], seen[index]) },
        },
      ];
  }
  return [];
}

function extentDifference(expected: FiemapExtent | undefined, seen: FiemapExtent | undefined): string {
  if (!expected || !seen) return 'number of extents';
  // What is reported at another place of the file is another extent.
  return `${(['logical', 'physical', 'length', 'flags'] as const).find((field) => expected[field] !== seen[field])!} of an extent`;
}

function judgeOut(expected: { set: bigint; may: bigint }, out: Uint8Array | undefined): Finding[] {
  if (!out || out.length < 16)
    return [
      { aspect: 'result', expected: '16 bytes out', seen: `${out?.length ?? 0} bytes`, facts: { value: 'bytes out' } },
    ];
  const words = Buffer.from(out);
  const [flags, padding] = [words.readBigUInt64LE(0), words.readBigUInt64LE(8)];
  const right =
    (flags & expected.set) === expected.set && (flags & ~(expected.set | expected.may)) === 0n && padding === 0n;
  return right
    ? []
    : [
        {
          aspect: 'result',
          expected: `flags 0x${expected.set.toString(16)}, perhaps with 0x${expected.may.toString(16)}, padding 0`,
          seen: `flags 0x${flags.toString(16)}, padding 0x${padding.toString(16)}`,
          facts: { value: 'flags out' },
        },
      ];
}
