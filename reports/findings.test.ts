import { expect, test } from '@playwright/test';
import type { CaseRecord } from '../model/results.ts';
import type { CellInfo } from '../model/run-summary.ts';
import type { Deviation } from '../model/verdict.ts';
import { FindingCollector } from './findings.ts';
import { exampleFacts, extentText, inCell, minimisedText, placesText, type Finding } from './finding.ts';

const cellOf = (rule: string, path: string, border: 'violating' | 'legal', half?: 'read' | 'write'): CellInfo => ({
  id: `${rule}${half ? `@${half}` : ''} ${path} ${border}`,
  rule,
  path,
  border,
  ...(half && { half }),
});
const accepted = (rule: string, seen = 'success'): Deviation => ({
  rule,
  aspect: 'errno',
  expected: 'EUCLEAN',
  seen,
  facts: { errno: { expected: ['EUCLEAN'], seen } },
});
const refused = (rule: string): Deviation => ({
  rule,
  aspect: 'errno',
  expected: 'success',
  seen: 'EUCLEAN',
  facts: { errno: { expected: ['success'], seen: 'EUCLEAN' } },
});
const record = (n: number, cell: CellInfo, deviations: Deviation[], replies = 1): CaseRecord => ({
  n,
  cell: cell.id,
  hash: `${n}`,
  note: '',
  seed: 1,
  verdict: { kind: 'deviates', deviations },
  case: {
    schema: 1,
    revision: 'r3',
    debugIomap: false,
    geometry: { mount: 'ordinary', devices: [], files: [] },
    workload: [{ call: 'fsync', fd: 0 }],
    script: Array.from({ length: replies }, () => ({ on: 'IOMAP_BEGIN' as const, reply: { kind: 'empty' as const } })),
  },
});

function collect(...records: [CaseRecord, CellInfo][]): Finding[] {
  const collector = new FindingCollector();
  for (const [one, cell] of records) collector.add(one, cell);
  return collector.finish(records.map(([, cell]) => cell));
}

test('should keep the smallest case of a deviation and count the others', () => {
  const cell = cellOf('map/a', 'fiemap', 'violating', 'read');
  const [finding, ...others] = collect(
    [record(5, cell, [accepted('map/a')], 3), cell],
    [record(9, cell, [accepted('map/a')], 1), cell],
    [record(7, cell, [accepted('map/a')], 2), cell],
  );
  expect(others).toEqual([]);
  expect(finding).toMatchObject({
    key: 'map/a | accepted',
    title: 'map/a: fiemap succeeds, must fail with EUCLEAN',
    cases: [5, 7, 9],
    example: { n: 9 },
    paths: ['fiemap'],
  });
});

test('should keep apart what was wrongly accepted and what was wrongly refused', () => {
  const [bad, good] = [cellOf('map/a', 'fiemap', 'violating'), cellOf('map/a', 'fiemap', 'legal')];
  expect(
    collect([record(0, bad, [accepted('map/a')]), bad], [record(1, good, [refused('map/a')]), good]).map(
      ({ key }) => key,
    ),
  ).toEqual(['map/a | accepted', 'map/a | fails | EUCLEAN']);
});

test('should not give a rule the border of the one that the case was drawn for', () => {
  const [bad, good] = [cellOf('map/a', 'fiemap', 'violating', 'read'), cellOf('map/a', 'fiemap', 'legal', 'write')];
  const findings = collect(
    [record(0, bad, [accepted('read/bytes')]), bad],
    [record(1, good, [accepted('read/bytes')]), good],
  );
  expect(findings).toMatchObject([{ key: 'read/bytes | accepted', cases: [0, 1] }]);
  expect(findings[0]!.places.map(({ half, border }) => [half, border])).toEqual([
    [undefined, undefined],
    [undefined, undefined],
  ]);
});

test('should put what broke the kernel before everything else', () => {
  const cell = cellOf('map/a', 'fiemap', 'violating');
  const down: Deviation = {
    rule: 'kernel/healthy',
    aspect: 'kernel-log',
    expected: '',
    seen: 'the kernel panicked: Kernel BUG (2 of 2 tries)',
  };
  expect(
    collect([record(0, cell, [accepted('map/a')]), cell], [record(1, cell, [down]), cell]).map(({ rule }) => rule),
  ).toEqual(['kernel/healthy', 'map/a']);
});

test('should not make findings of what follows from a refusal that did not come', () => {
  const cell = cellOf('map/a', 'direct-write', 'violating');
  const silent: Deviation = {
    rule: 'map/a',
    aspect: 'trace-event',
    expected: 'a report',
    seen: 'no report',
    facts: { condition: { expected: 'a condition' } },
  };
  const follows: Deviation = {
    rule: 'device/bytes',
    aspect: 'device-bytes',
    expected: 'device 1',
    seen: 'writer 0',
    facts: { bytes: { expected: ['unchanged'], seen: 'writer' } },
  };
  expect(collect([record(0, cell, [silent, follows]), cell]).map(({ rule }) => rule)).toEqual(['map/a']);
  expect(collect([record(0, cell, [follows]), cell]).map(({ rule }) => rule)).toEqual(['device/bytes']);
});

const three = [
  cellOf('map/a', 'fiemap', 'violating', 'read'),
  cellOf('map/a', 'seek-data', 'violating', 'read'),
  cellOf('map/a', 'fiemap', 'violating', 'write'),
] as const;

test('should have one finding of what is wrong in several places, whatever was drawn, and say where', () => {
  const of = (...seen: string[]) =>
    collect(...three.map((cell, n): [CaseRecord, CellInfo] => [record(n, cell, [accepted('map/a', seen[n])]), cell]));
  const [same, ...others] = of();
  expect(others).toEqual([]);
  expect([placesText(same!), extentText(same!)]).toEqual([
    'read half: fiemap, seek-data; write half: fiemap',
    '3 cases in 3 cells',
  ]);
  expect(inCell(same!, three[1].id)).toMatchObject({
    id: same!.id,
    title: 'map/a: seek-data succeeds, must fail with EUCLEAN',
    cases: [1],
    paths: ['seek-data'],
  });
  // Another errno is another thing to look at.
  expect(of('EIO', 'EIO', 'EIO').map(({ id }) => id === same!.id)).toEqual([false]);
});

test('should know the smallest case by the id of its finding, whatever cell it was drawn for, and say why another is not small', () => {
  const collector = new FindingCollector();
  for (const [n, cell] of three.entries()) collector.add(record(n, cell, [accepted('map/a')], 4), cell);
  collector.add(record(7, three[0], [refused('map/a')], 4), three[0]);
  const [first, second] = collector.finish(three) as [Finding, Finding];
  expect([first.key, exampleFacts(first)]).toEqual(['map/a | accepted', '']);
  collector.examined({
    id: first.id,
    rule: 'map/a',
    file: 'findings/a.case.json',
    minimised: { steps: 3, tried: 9, end: 'minimal' },
    reliability: { shown: 5, of: 5 },
    example: record(1, three[1], [accepted('map/a')], 1),
  });
  collector.examined({
    id: second.id,
    rule: 'map/a',
    file: 'findings/b.case.json',
    notMinimised: 'the time for it was over',
    example: record(7, three[0], [refused('map/a')], 4),
  });
  const [small, large] = collector.finish(three) as [Finding, Finding];
  expect(small).toMatchObject({ id: first.id, file: 'findings/a.case.json', cases: [0, 1, 2], example: { n: 1 } });
  expect(exampleFacts(small)).toBe('; minimised: no smaller form shows it (9 were run); shows in 5 of 5 replays');
  expect(minimisedText(large)).toBe('not minimised: the time for it was over');
});

test('should know the smallest case of a finding in results of older versions, which have no ids', () => {
  const collector = new FindingCollector();
  collector.add(record(0, three[0], [accepted('map/a')], 4), three[0]);
  collector.examined({
    rule: 'map/a',
    file: 'findings/a.case.json',
    minimised: { steps: 3, tried: 9, end: 'minimal' },
    example: record(0, three[0], [accepted('map/a')], 1),
  });
  expect(collector.finish(three)).toMatchObject([{ file: 'findings/a.case.json' }]);
});

test('should tell what the kernel says inside and outside of cases once, and what it says outside only on its own', () => {
  const cell = cellOf('map/a', 'fiemap', 'violating', 'read');
  const warns = (line: number): string => `WARNING: fs/fuse/inode.c:${line} at fuse_work: late`;
  const collector = new FindingCollector();
  collector.add(
    record(5, cell, [{ rule: 'kernel/warning', aspect: 'kernel-log', expected: 'no warning', seen: warns(17) }]),
    cell,
  );
  collector.addIncident({ reason: warns(18), when: 'between two cases', log: '' }, 1);
  collector.addIncident({ reason: 'WARNING: fs/fuse/inode.c:17 at fuse_init: early', when: 'at boot', log: '' }, 1);
  const found = collector.finish([cell]);
  expect(found.map(({ ofRun, cases }) => [ofRun ?? false, cases])).toEqual([
    [true, []],
    [false, [5]],
  ]);
  expect(found[1]!.example.note).toContain('it was also seen between two cases');
});
