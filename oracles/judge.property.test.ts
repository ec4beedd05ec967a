import { expect, test } from '@playwright/test';
import type { Observation } from '../model/observation.ts';
import type { Case } from '../model/case.ts';
import { judge } from './judge.ts';
import { runIdeal } from './testing/ideal-kernel.ts';
import { sampleCases } from './testing/sample-cases.ts';

const clone = (seen: Observation): Observation => structuredClone(seen);
const last = <T>(list: readonly T[]): T | undefined => list[list.length - 1];
const PLACED = /^IOMAP_/;

/**
 * Ways to be wrong. Each changes a faithful observation into one that no reading of the rules allows, or returns
 * undefined where it cannot.
 */
const faults: Readonly<Record<string, (testCase: Case, seen: Observation) => Observation | undefined>> = {
  'another errno': (_, seen) => {
    const step = seen.steps.find((result) => result.ret < 0n);
    if (!step) return undefined;
    step.errno += 1;
    return seen;
  },
  'failure instead of success': (_, seen) => {
    const step = seen.steps[1];
    if (!step || step.ret < 0n) return undefined;
    seen.steps[1] = { ret: -1n, errno: 27 };
    return seen;
  },
  'success instead of failure': (_, seen) => {
    const step = seen.steps[1];
    if (!step || step.ret >= 0n) return undefined;
    seen.steps[1] = { ret: 1n, errno: 0 };
    return seen;
  },
  'a return value that is one off': (testCase, seen) => {
    const step = seen.steps[1];
    if (!step || step.ret < 0n || testCase.workload[1]?.call === 'fuseIoctl') return undefined;
    step.ret += 1n;
    return seen;
  },
  'bytes from a place beside the right one': (_, seen) => {
    const run = seen.steps.flatMap((step) => step.data ?? []).find((data) => data.source.kind === 'device');
    if (run?.source.kind !== 'device') return undefined;
    run.source.offsetBytes += 8n;
    return seen;
  },
  'zeros that are not zero': (_, seen) => {
    const run = seen.steps.flatMap((step) => step.data ?? []).find((data) => data.source.kind === 'zero');
    if (!run) return undefined;
    run.source = { kind: 'poison' };
    return seen;
  },
  'a device that changed where nothing was written': (_, seen) => {
    if (seen.mount.devices.length === 0 || seen.mount.errno !== 0) return undefined;
    seen.deviceChanges.push({
      device: 0,
      offsetBytes: (1n << 20n) - 8n,
      content: [{ lengthBytes: 8, source: { kind: 'other', hex: '00ff' } }],
    });
    return seen;
  },
  'a write that did not arrive': (_, seen) => {
    if (seen.deviceChanges.length === 0 || seen.steps[1]!.ret < 0n) return undefined;
    seen.deviceChanges = [];
    return seen;
  },
  'a request that is missing': (_, seen) => {
    const at = seen.transcript.findLastIndex((exchange) => PLACED.test(exchange.name));
    if (at < 0) return undefined;
    seen.transcript.splice(at, 1);
    return seen;
  },
  'a request that came twice': (_, seen) => {
    const end = last(seen.transcript);
    if (!end) return undefined;
    seen.transcript.push({ ...end, seq: end.seq + 1 });
    return seen;
  },
  'a request about another inode': (_, seen) => {
    const first = seen.transcript[0];
    if (!first) return undefined;
    first.request['attrIno'] = 4242n;
    return seen;
  },
  'a report that is missing': (_, seen) => {
    if (seen.events.length === 0) return undefined;
    seen.events.pop();
    return seen;
  },
  'a report that nothing explains': (_, seen) => {
    seen.events.push({ kind: 'bad-data', func: 'fuse_iomap_check_mapping', line: 1, condition: 'map->length == 0' });
    return seen;
  },
  'a report of another condition': (_, seen) => {
    const report = seen.events.find((event) => event.kind === 'bad-data');
    if (report?.kind !== 'bad-data') return undefined;
    report.condition =
      report.condition === 'map->length == 0' ? '!IS_ALIGNED(map->offset, blocksize)' : 'map->length == 0';
    return seen;
  },
};

test.describe('a faithful observation with one fault deviates', () => {
  const cases = sampleCases(400, 11);
  for (const [name, spoil] of Object.entries(faults)) {
    test(name, () => {
      let spoiled = 0;
      const missed = cases.filter(({ of: testCase, ideal }) => {
        const wrong = spoil(testCase, clone(ideal));
        if (!wrong) return false;
        spoiled += 1;
        return judge(testCase, wrong).kind !== 'deviates';
      });
      expect(missed.map(({ of: testCase }) => testCase)).toEqual([]);
      expect(spoiled, 'cases that could show the fault').toBeGreaterThan(5);
    });
  }
});

test('whatever choice the rules leave, a kernel that takes it conforms', () => {
  const wrong = sampleCases(150, 12).flatMap(({ of: testCase }) =>
    [[1], [0, 1], [1, 1, 1], [0, 0, 1, 1], [1, 0, 1, 0, 1]].flatMap((choices) => {
      const verdict = judge(testCase, runIdeal(testCase, { choices }));
      return verdict.kind === 'conforms' ? [] : [{ of: testCase, choices, verdict }];
    }),
  );
  expect(wrong).toEqual([]);
});
