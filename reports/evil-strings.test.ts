/** Texts of a hostile kernel, in every place of the results that holds a text, through every format. */
import { expect, test } from '@playwright/test';
import { parse as parseJunit } from 'junit2json';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Parser as TapParser } from 'tap-parser';
import { actingCharacters, evilStrings, logCommand } from '../model/testing/evil-strings.ts';
import { comparisonLines } from './compare-text.ts';
import { compareRuns } from './compare.ts';
import { htmlReporter } from './html/html.ts';
import { jsonReporter } from './json.ts';
import { junitReporter } from './junit.ts';
import { ktapReporter } from './ktap.ts';
import { mailReporter } from './mail.ts';
import { markdownReporter } from './markdown.ts';
import { reportInput, type ReportInput } from './reporter.ts';
import { loadRun } from './run.ts';
import { renderTerminal } from './terminal.ts';
import { sampleRuleTexts } from './testing/rules.ts';
import { samplePlan } from './testing/sample.ts';
import { sampleDirectory, sampleRun } from './testing/scratch.ts';
import { complaintsOf } from './testing/validate.ts';

/** Keys whose texts are no free texts: their values are one of few, or the reader looks them up. */
const fixed = new Set([
  'kind',
  'aspect',
  'half',
  'border',
  'startedAt',
  'revision',
  'conformsAs',
  'hash',
  'end',
  'call',
  'on',
  'schema',
  'cell',
  'id',
  'rule',
  'path',
  'file',
  '$n',
  '$hex',
  'argv',
  'case',
]);

/** Enough of the plan for each outcome; the texts of a cell are the same in all of them. */
const fewCells = samplePlan().filter(({ rule }) =>
  ['map/length-aligned', 'begin/error', 'map/retry-needs-cache', 'begin/device-writable'].includes(rule),
);

/** A copy in which every free text has `evil` behind it. */
function poisoned(value: unknown, evil: string, key = ''): unknown {
  if (typeof value === 'string') return fixed.has(key) ? value : value + evil;
  if (Array.isArray(value)) return value.map((one) => poisoned(one, evil, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, fixed.has(name) ? inner : poisoned(inner, evil, name)]),
  );
}

/** Results of a run whose kernel put `evil` behind each of its texts. */
async function inputWith(evil: string): Promise<ReportInput> {
  const directory = sampleDirectory({
    casesPerCell: 1,
    cells: fewCells,
    summary: { notices: ['a notice'], endedBy: 'a reason' },
    deviates: ({ rule, border }) => rule === 'map/length-aligned' && border === 'violating',
    lost: ({ id }) => id === 'begin/error fiemap violating',
    notRun: ({ rule }) => (rule === 'map/retry-needs-cache' ? 'a reason' : undefined),
  });
  const rewrite = (name: string, change: (text: string) => string): void => {
    const path = join(directory, name);
    writeFileSync(path, change(readFileSync(path, 'utf8')));
  };
  const inJson = (text: string): string => JSON.stringify(poisoned(JSON.parse(text), evil));
  rewrite('summary.json', inJson);
  rewrite('cases.jsonl', (text) => text.trimEnd().split('\n').map(inJson).join('\n').concat('\n'));
  const loaded = await loadRun(directory);
  if (loaded.kind !== 'run') throw new Error(JSON.stringify(loaded));
  return reportInput(loaded.run, sampleRuleTexts);
}

for (const [name, evil] of Object.entries(evilStrings)) {
  test.describe(name, () => {
    let input: ReportInput;
    test.beforeAll(async () => {
      input = await inputWith(evil);
    });

    test('should reach the reports', () => {
      // Or this file tests nothing.
      expect(input.run.findings.length).toBeGreaterThan(0);
      expect(input.run.summary.environment!.kernelRelease).not.toBe('7.3.0-iomapfuzz');
    });

    test('should do nothing in the output for terminals and logs of jobs', () => {
      const text = renderTerminal(input.run, input.matrix, input.verdict, {
        widthColumns: 100,
        colour: false,
        rules: input.rules,
      });
      expect(text).not.toMatch(actingCharacters);
      expect(text).not.toMatch(logCommand);
      const compared = comparisonLines(compareRuns([input.run, input.run])).join('\n');
      expect(compared).not.toMatch(actingCharacters);
    });

    test('should be text in HTML', async () => {
      const page = String(await htmlReporter.render(input));
      expect(page).not.toMatch(actingCharacters);
      expect(page.match(/<script/g)).toHaveLength(2);
      expect(page).not.toMatch(/<img|<!DOCTYPE x|<\?xml/);
      expect(await complaintsOf(page)).toEqual([]);
    });

    test('should be text in JUnit XML', async () => {
      const text = String(await junitReporter.render(input));
      expect(text).not.toMatch(actingCharacters);
      expect(text).not.toMatch(/<!|&e;/);
      expect(await parseJunit(text)).toMatchObject({ testsuite: expect.anything() });
    });

    test('should add no result to KTAP', async () => {
      const text = String(await ktapReporter.render(input));
      const plain = String(await ktapReporter.render(await inputWith('')));
      expect(text).not.toMatch(actingCharacters);
      const results = (report: string): string[] =>
        report.split('\n').flatMap((line) => /^\s*(?:not )?ok \d+/.exec(line)?.[0] ?? []);
      expect(results(text)).toEqual(results(plain));
      expect(text).not.toMatch(/^\s*(Bail out|1\.\.0)/m);
      for (const line of text.split('\n').filter((one) => /^\s*(not )?ok /.test(one)))
        expect(line.split('#').length).toBeLessThanOrEqual(2);
      expect(() => TapParser.parse(text)).not.toThrow();
    });

    test('should be text in Markdown', async () => {
      const text = String(await markdownReporter.render(input));
      expect(text).not.toMatch(actingCharacters);
      // Outside of fences nothing is markup that this program did not write.
      const outside = withoutFences(text);
      expect(outside).not.toMatch(/^# /m);
      // Nor outside of code.
      const prose = outside.replace(/`[^`\n]*`/g, '');
      expect(prose).not.toMatch(/(?<!\\)<(?!\/?(details|summary)>|!-- -->)/);
      expect(prose).not.toMatch(/:\/\/|\bwww\.|(?<!\\|<)[![]|@\w/);
      expect(text.match(/<details>/g)?.length).toBe(text.match(/^<\/details>$/gm)?.length);
    });

    test('should add no header and no mail', async () => {
      const text = String(await mailReporter.render(input));
      expect(text).not.toMatch(actingCharacters);
      const [header, ...body] = text.split('\n\n');
      expect(header!.split('\n')).toHaveLength(1);
      expect(header!.length).toBeLessThan(998);
      expect(body.join('\n\n')).not.toMatch(/^From |^\.$/m);
    });

    test('should be the same value in JSON, and nothing but ASCII', async () => {
      const text = String(await jsonReporter.render(input));
      expect(text).toMatch(/^[\n\x20-\x7e]*$/);
      expect(JSON.parse(text)).toMatchObject({
        run: { environment: { kernelRelease: input.run.summary.environment!.kernelRelease } },
      });
    });
  });
}

function withoutFences(text: string): string {
  const kept: string[] = [];
  let fence: string | undefined;
  for (const line of text.split('\n')) {
    const ticks = /^ {0,3}(`{3,})\s*$/.exec(line)?.[1];
    if (fence === undefined && ticks !== undefined) fence = ticks;
    else if (fence !== undefined && ticks !== undefined && ticks.length >= fence.length) fence = undefined;
    else if (fence === undefined) kept.push(line);
  }
  expect(fence).toBeUndefined();
  return kept.join('\n');
}

test('should show the texts of a run without evil ones as they are', async () => {
  const { summary } = await sampleRun();
  expect(summary.environment!.kernelRelease).toBe('7.3.0-iomapfuzz');
});
