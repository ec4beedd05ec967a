import { expect, test } from '@playwright/test';
import { jsonSafe } from '../model/json-safe.ts';
import type { Observation } from '../model/observation.ts';
import { observationOf, type CaseRecord } from '../model/results.ts';
import type { Run } from './run.ts';
import { sampleRun } from './testing/scratch.ts';
import { buildTimeline, timelineText } from './timeline.ts';

const deviating = (): Promise<Run> =>
  sampleRun({ casesPerCell: 1, deviates: ({ id }) => id === 'map/range-no-overflow@read direct-write violating' });
const textOf = (record: CaseRecord): string => timelineText(buildTimeline(record)).join('\n');

const observedIn = (example: CaseRecord): Observation => {
  const stored = observationOf(example);
  if (stored?.kind !== 'observation') throw new Error('the example holds no observation');
  return stored.observation;
};

test('should read top to bottom as what happened', async () => {
  const { example } = (await deviating()).findings[0]!;
  const text = textOf(example);
  const order = [
    /^mount, revision r3, debug WARN on$/m,
    /^ {4}device 1: 0x400000 bytes, opened ro$/m,
    /^the server answers IOMAP_BEGIN of file 0 with$/m,
    /^ {4}read {2}half: MAPPED, offset 0x\w+, length 2\^64-4096, device 0, addr 0x\w+$/m,
    /^open\(file 0, rdwr\|direct\)$/m,
    /^ {4}LOOKUP of file 0$/m,
    /^ {2}= 0$/m,
    /^pwrite\(fd 0, 0x1000 bytes of writer 1 at 0x\w+\)$/m,
    /^ {4}IOMAP_BEGIN of file 0$/m,
    /^ {8}opflags WRITE\|DIRECT \(0x11\), attrIno 2, pos 0x\w+, count 0x1000$/m,
    /^ {2}= 0x1000; bytes: /m,
    /^ {2}! map\/range-no-overflow \(errno\)$/m,
    /^ {4}expected: EUCLEAN \(117\)$/m,
    /^ {4}seen: {5}success \(0\)$/m,
    /^device 0 changed from 0x\w+: 0x1000 bytes of writer 1 from file offset 0x\w+$/m,
    /^over the whole case$/m,
    /^ {2}! map\/range-no-overflow \(trace-event\)$/m,
  ].map((pattern) => ({ pattern, at: text.search(pattern) }));
  for (const { pattern, at } of order) expect(at, String(pattern)).toBeGreaterThanOrEqual(0);
  expect(order.map(({ at }) => at)).toEqual(order.map(({ at }) => at).sort((a, b) => a - b));
});

test('should not claim which syscall caused a request when the guest did not note it', async () => {
  const { example } = (await deviating()).findings[0]!;
  const observation = observedIn(example);
  for (const exchange of observation.transcript) delete exchange.step;
  const text = textOf({ ...example, observation: jsonSafe(observation) });
  expect(text.indexOf('requests during the case')).toBeGreaterThan(text.indexOf('pwrite('));
  expect(text.indexOf('IOMAP_BEGIN of file 0\n        opflags')).toBeGreaterThan(
    text.indexOf('requests during the case'),
  );
});

test('should say so when a case comes from a schema that it does not know', async () => {
  const { example } = (await deviating()).findings[0]!;
  expect(textOf({ ...example, case: { ...example.case!, schema: 2 } as never })).toMatch(
    /^the stored case can't be decoded by this version/,
  );
  const { case: _case, ...without } = example;
  expect(textOf(without)).toBe('the results do not hold this case');
});

test('should show a case without what was seen of it when that cannot be read, and with it when it can', async () => {
  const { example } = (await deviating()).findings[0]!;
  for (const observation of [{}, { steps: 5 }, 'none', { mount: { $n: 'x' } }]) {
    const text = textOf({ ...example, observation });
    expect(text).toContain("what was seen is left out: the stored observation can't be read by this version (");
    expect(text).toContain('pwrite(');
  }
  expect(textOf(example)).not.toContain('left out');
});

test('should show an observation that is odd without falling over it: of a later version, or of another case', async () => {
  const { example } = (await deviating()).findings[0]!;
  const seen = observedIn(example);
  const later = { ...seen, events: [{ kind: 'later', x: 1 }] };
  expect(textOf({ ...example, observation: jsonSafe(later) })).toContain("the kernel reported 'later'");
  const other = {
    ...seen,
    steps: [],
    deviceChanges: [{ device: 9, offsetBytes: 5n, content: [] }],
    transcript: seen.transcript.map((exchange) => ({ ...exchange, step: 77, opcode: 60000, file: 12 })),
  };
  expect(textOf({ ...example, observation: jsonSafe(other) })).toContain('pwrite(');
});

test('should leave out the middle of a very long case, never what deviates', async () => {
  const { example } = (await deviating()).findings[0]!;
  const observation = observedIn(example);
  const many = Array.from({ length: 2000 }, () => observation.transcript[2]!);
  const timeline = buildTimeline({ ...example, observation: jsonSafe({ ...observation, transcript: many }) });
  expect(timeline).toMatchObject({ kind: 'timeline' });
  if (timeline.kind !== 'timeline') return;
  expect(timeline.entries.length).toBeLessThan(310);
  expect(timeline.entries.flatMap(({ deviations }) => deviations)).toHaveLength(2);
  expect(timelineText(timeline).join('\n')).toMatch(/\d+ more entries are left out here/);
});
