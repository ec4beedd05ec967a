import { expect, test } from '@playwright/test';
import type { CaseRecord, CellInfo } from '../harness/model/results.ts';
import type { Deviation } from '../harness/model/verdict.ts';
import { FindingCollector, groupFindings, groupTitle, placesOf, type Finding } from './findings.ts';

const cellOf = (rule: string, path: string, border: 'violating' | 'legal', half?: 'read' | 'write'): CellInfo =>
  ({ id: `${rule}${half ? `@${half}` : ''} ${path} ${border}`, rule, path, border, ...(half && { half }) });
const accepted = (rule: string, seen = 'success (0)'): Deviation => ({ rule, aspect: 'errno', expected: 'EUCLEAN (117)', seen });
const record = (n: number, cell: CellInfo, deviations: Deviation[], replies = 1): CaseRecord => ({
  n, cell: cell.id, hash: `${n}`, note: '', seed: 1, verdict: { kind: 'deviates', deviations },
  case: { schema: 1, revision: 'r3', debugIomap: false, geometry: { mount: 'ordinary', devices: [], files: [] }, workload: [{ call: 'fsync', fd: 0 }], script: Array.from({ length: replies }, () => ({ on: 'IOMAP_BEGIN' as const, reply: { kind: 'empty' as const } })) },
});

function collect(...records: [CaseRecord, CellInfo][]): Finding[] {
  const collector = new FindingCollector();
  for (const [one, cell] of records) collector.add(one, cell);
  return collector.finish(records.map(([, cell]) => cell));
}

test('should keep the smallest case of a deviation and count the others', () => {
  const cell = cellOf('map/a', 'fiemap', 'violating', 'read');
  const [finding, ...others] = collect([record(5, cell, [accepted('map/a')], 3), cell], [record(9, cell, [accepted('map/a')], 1), cell], [record(7, cell, [accepted('map/a')], 2), cell]);
  expect(others).toEqual([]);
  expect(finding).toMatchObject({ key: 'map/a@read fiemap violating', cases: [5, 7, 9], example: { n: 9 } });
});

test('should keep apart what was wrongly accepted and what was wrongly refused', () => {
  const [bad, good] = [cellOf('map/a', 'fiemap', 'violating'), cellOf('map/a', 'fiemap', 'legal')];
  expect(collect([record(0, bad, [accepted('map/a')]), bad], [record(1, good, [accepted('map/a')]), good]).map(({ key }) => key)).toEqual(['map/a fiemap legal', 'map/a fiemap violating']);
});

test('should not give a rule the border of the one that the case was drawn for', () => {
  const [bad, good] = [cellOf('map/a', 'fiemap', 'violating', 'read'), cellOf('map/a', 'fiemap', 'legal', 'write')];
  const findings = collect([record(0, bad, [accepted('read/bytes')]), bad], [record(1, good, [accepted('read/bytes')]), good]);
  expect(findings).toMatchObject([{ key: 'read/bytes fiemap', cases: [0, 1] }]);
});

test('should put what broke the kernel before everything else', () => {
  const cell = cellOf('map/a', 'fiemap', 'violating');
  expect(collect([record(0, cell, [accepted('map/a'), accepted('kernel/healthy')]), cell]).map(({ rule }) => rule)).toEqual(['kernel/healthy', 'map/a']);
});

test('should not make findings of what follows from a refusal that did not come', () => {
  const cell = cellOf('map/a', 'direct-write', 'violating');
  const silent: Deviation = { rule: 'map/a', aspect: 'trace-event', expected: 'a report', seen: 'no report' };
  const follows: Deviation = { rule: 'device/bytes', aspect: 'device-bytes', expected: 'device 1', seen: 'writer 0' };
  expect(collect([record(0, cell, [silent, follows]), cell]).map(({ rule }) => rule)).toEqual(['map/a']);
  expect(collect([record(0, cell, [follows]), cell]).map(({ rule }) => rule)).toEqual(['device/bytes']);
});

test('should group what says the same in several places, whatever values were drawn', () => {
  const cells = [cellOf('map/a', 'fiemap', 'violating', 'read'), cellOf('map/a', 'seek-data', 'violating', 'read'), cellOf('map/a', 'fiemap', 'violating', 'write')];
  const group = (...seen: string[]) => groupFindings(collect(...cells.map((cell, n): [CaseRecord, CellInfo] => [record(n, cell, [accepted('map/a', seen[n])]), cell])));
  const same = group('0x1000 bytes', '0x2000 bytes', '0x3000 bytes');
  expect(same.map((one) => [groupTitle(one), placesOf(one), one.cases])).toEqual([['map/a, violating value', 'read half: fiemap, seek-data; write half: fiemap', 3]]);
  // Another errno is another thing to look at.
  expect(group('success (0)', 'EIO (5)', 'success (0)')).toHaveLength(2);
  // One that a second channel shows as well, because the debug WARN was on, is the same.
  const warn: Deviation = { rule: 'map/a', aspect: 'warn', expected: 'a WARN', seen: 'none' };
  const [first, second] = cells as [CellInfo, CellInfo, CellInfo];
  expect(groupFindings(collect([record(0, first, [warn, accepted('map/a')]), first], [record(1, second, [accepted('map/a')]), second]))).toHaveLength(1);
});
