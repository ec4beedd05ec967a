import { expect, test } from '@playwright/test';
import { reportInput } from './reporter.ts';
import { renderTerminal, terminalOf } from './terminal.ts';
import { sampleRuleTexts } from './testing/rules.ts';
import { sampleRun } from './testing/scratch.ts';
import type { SampleOptions } from './testing/sample.ts';

async function rendered(
  options: SampleOptions,
  terminal: { widthColumns?: number; colour?: boolean } = {},
): Promise<string> {
  const run = await sampleRun(options);
  const { matrix, verdict, rules } = reportInput(run, sampleRuleTexts);
  return renderTerminal(run, matrix, verdict, { widthColumns: 100, colour: false, rules, ...terminal });
}

const faulty: SampleOptions = {
  deviates: ({ rule, border }) => rule === 'map/length-aligned' && border === 'violating',
};

test('should begin with the verdict', async () => {
  expect(await rendered(faulty)).toMatch(/^DEVIATES: 1 finding in 1 rule; 20 cases of /);
  expect(await rendered({})).toMatch(/^CONFORMS: all 908 judged cases conform, in 227 cells/);
});

test('should put each rule and half on a line, with a word for every outcome', async () => {
  const text = await rendered({
    ...faulty,
    lost: ({ id }) => id === 'begin/error fiemap violating',
    notRun: ({ rule, border }) =>
      rule === 'map/retry-needs-cache' || (rule === 'map/type-known' && border === 'legal') ? 'no cache' : undefined,
  });
  expect(text).toMatch(/^ {2}length-aligned@read +FAIL 2\/4 +FAIL 2\/4 +FAIL 2\/4 +FAIL 2\/4 +FAIL 2\/4$/m);
  expect(text).toMatch(/^ {2}retry-needs-cache@write( +not run){5}$/m);
  expect(text).toMatch(/^ {2}type-known@read( +ok 2~){5}$/m);
  expect(text).toMatch(/^ {2}error +ok 4 +ok 4 +LOST 2 +ok 4 +ok 4$/m);
  expect(text).toMatch(/^ {2}device-writable +- +ok 4( +-){3}$/m);
});

test('should say what the same deviation looks like once, with every place and the case', async () => {
  const text = await rendered(faulty);
  expect(text.match(/expected: EUCLEAN \(117\) \(errno\)/g)).toHaveLength(1);
  expect(text).toMatch(/read half: direct-read, direct-write, fiemap, seek-data, seek-hole; write\s+half:/);
  expect(text).toMatch(/rule: +map\/length-aligned: violated when length is no multiple of the block size/);
  expect(text).toMatch(
    /^[0-9a-f]{8} map\/length-aligned: seek-\w+ succeeds, must fail with EUCLEAN +\(20 cases in 10 cells\)$/m,
  );
  expect(text).toMatch(/case: +[0-9a-f]{16} {2}length = 0x1001 \(violates\)/);
});

for (const widthColumns of [60, 80, 132]) {
  test(`should keep the matrix within ${widthColumns} columns`, async () => {
    const text = await rendered(faulty, { widthColumns });
    const matrix = text.split('\n').filter((line) => /^ {2}[a-z-]+(@|\s)/.test(line));
    expect(matrix.length).toBeGreaterThan(40);
    for (const line of matrix) expect(line.length).toBeLessThanOrEqual(widthColumns);
  });
}

test('should colour a terminal and nothing else', async () => {
  expect(await rendered(faulty, { colour: true })).toContain('\u001b[1;31m');
  expect(await rendered(faulty)).not.toContain('\u001b');
  expect(terminalOf({ isTTY: true, columns: 90 }, {})).toEqual({ widthColumns: 90, colour: true });
  expect(terminalOf({ isTTY: true, columns: 90 }, { NO_COLOR: '1' })).toMatchObject({ colour: false });
  expect(terminalOf({}, { COLUMNS: '120' })).toEqual({ widthColumns: 120, colour: false });
});

test('should take escape sequences of a kernel log as text', async () => {
  expect(await rendered({ notRun: () => 'broken \u001b[31mred\u001b]0;title\u0007' })).not.toMatch(/\u001b|\u0007/);
});
