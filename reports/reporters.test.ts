import { expect, test } from '@playwright/test';
import { parse as parseJunit, type TestCase, type TestSuites } from 'junit2json';
import { Parser as TapParser } from 'tap-parser';
import { compareRuns } from './compare.ts';
import { htmlReporter } from './html/html.ts';
import { jsonReporter } from './json.ts';
import { junitReporter } from './junit.ts';
import { ktapReporter } from './ktap.ts';
import { mailReporter } from './mail.ts';
import { markdownReporter } from './markdown.ts';
import { reportInput, type ReportInput } from './reporter.ts';
import { reporters } from './reporters.ts';
import { renderTerminal } from './terminal.ts';
import { sampleRuleTexts } from './testing/rules.ts';
import { sampleRun } from './testing/scratch.ts';
import { complaintsOf } from './testing/validate.ts';
import type { SampleOptions } from './testing/sample.ts';

/** Everything that a run can have at once. */
const mixed: SampleOptions = {
  casesPerCell: 1,
  deviates: ({ rule, path, border }) => rule === 'map/length-aligned' && path !== 'fiemap' && border === 'violating',
  lost: ({ id }) => id === 'begin/error fiemap violating',
  notRun: ({ rule }) => (rule === 'map/retry-needs-cache' ? 'no mapping cache # in this <kernel>' : undefined),
  unspecified: ({ id }) => id === 'begin/error seek-data legal',
};
const nothing: SampleOptions = { casesPerCell: 1, notRun: () => 'this kernel has no fuse-iomap' };

const inputOf = async (options: SampleOptions): Promise<ReportInput> =>
  reportInput(await sampleRun(options), sampleRuleTexts);

async function junit(options: SampleOptions): Promise<{ suites: TestSuites; tests: Map<string, TestCase> }> {
  const suites = (await parseJunit(await junitReporter.render(await inputOf(options)))) as TestSuites;
  return {
    suites,
    tests: new Map(
      suites.testsuite!.flatMap((suite) => (suite.testcase ?? []).map((one) => [`${suite.name} ${one.name}`, one])),
    ),
  };
}

test('should render every format from the same run, and say the verdict in each', async () => {
  const input = await inputOf(mixed);
  const smallest = input.run.findings[0]!.example.hash.slice(0, 16);
  for (const reporter of reporters) {
    const text = await reporter.render(input);
    expect(text, reporter.format).toMatch(/deviates/i);
    expect(text, reporter.format).toContain('length-aligned');
    expect(text, reporter.format).toContain(smallest);
  }
});

test('should say in every format which image was tested, and of which commit', async () => {
  const input = await inputOf({
    ...mixed,
    environment: { kernelImageDate: '2026-11-29T23:58:01.000Z', kernelCommit: 'v7.3-rc2-14-g0123456789ab-dirty' },
  });
  for (const reporter of reporters) {
    const text = (await reporter.render(input)).replace(/\s+/g, ' ');
    expect(text, reporter.format).toContain('v7.3-rc2-14-g0123456789ab-dirty');
    expect(text, reporter.format).toMatch(/2026-11-29[ T]23:58/);
  }
  const terminal = renderTerminal(input.run, input.matrix, input.verdict, {
    widthColumns: 200,
    colour: false,
    rules: sampleRuleTexts,
  });
  expect(terminal).toContain('image of 2026-11-29 23:58 UTC, commit v7.3-rc2-14-g0123456789ab-dirty');
});

test('should say in every format what was not judged of cases that were, and why', async () => {
  const because = '6 bytes from offset 17 of the read on were not kept';
  const input = await inputOf({
    casesPerCell: 1,
    unjudged: ({ id }) => (id === 'map/length-aligned@read direct-read legal' ? because : undefined),
  });
  expect(input.verdict.kind).toBe('conforms');
  for (const reporter of reporters) {
    const text = (await reporter.render(input)).replace(/\s+/g, ' ');
    expect(text, reporter.format).toMatch(
      /1 case (was )?not judged in part, because 6 bytes from offset 17 of the read on were not kept/,
    );
    expect(text, reporter.format).toMatch(
      /[aA]ll \d+ judged cases conform, in \d+ cells of the matrix; something was not judged in 1 case/,
    );
  }
  const [row] = input.matrix.groups
    .flatMap(({ rows }) => rows)
    .filter(({ label }) => label === 'map/length-aligned@read');
  expect(row!.cells.get('direct-read')).toMatchObject({ status: 'conforms', partial: true });
  expect(row!.cells.get('fiemap')).toMatchObject({ status: 'conforms', partial: false });
  const terminal = renderTerminal(input.run, input.matrix, input.verdict, {
    widthColumns: 200,
    colour: false,
    rules: sampleRuleTexts,
  });
  expect(terminal).toMatch(/length-aligned@read +ok 2~ +ok 2 /);
  expect(terminal).toContain('1 case was not judged in part, because 6 bytes');
});

test('should leave to its notice what could not be judged in a whole run', async () => {
  const because = 'this kernel has no trace event fuse_iomap_bad_data';
  const { matrix, verdict } = await inputOf({
    casesPerCell: 1,
    unjudged: () => because,
    summary: { notices: [`not judged: the trace event: ${because}`] },
  });
  expect(verdict.reasons.filter((reason) => reason.includes(because))).toHaveLength(1);
  expect(verdict.headline).not.toContain('not judged');
  expect(
    matrix.groups
      .flatMap(({ rows }) => rows.flatMap(({ cells }) => [...cells.values()]))
      .filter(({ partial }) => partial),
  ).toHaveLength(0);
});

test.describe('junit', () => {
  test('should have a test for each path and border, with the outcome that the matrix has', async () => {
    const { suites, tests } = await junit(mixed);
    expect(tests.get('map/length-aligned@read direct-read violating')).toMatchObject({
      failure: [{ type: 'deviation', message: expect.stringContaining('succeeds, must fail with EUCLEAN') }],
      'system-out': [expect.stringContaining('Bad mapping: condition of map/length-aligned <&"]]>')],
    });
    expect(tests.get('map/length-aligned@read direct-read legal')).not.toHaveProperty('failure');
    expect(tests.get('begin/error fiemap violating')).toMatchObject({
      error: [{ message: expect.stringContaining('the VM hung') }],
    });
    expect(tests.get('map/retry-needs-cache@read fiemap legal')).toMatchObject({
      skipped: [{ message: 'not run: no mapping cache # in this <kernel>' }],
    });
    expect(tests.get('begin/device-writable fiemap legal')).toMatchObject({
      skipped: [{ message: expect.stringContaining('cannot exist') }],
    });
    expect(suites).toMatchObject({ tests: tests.size, failures: 9, errors: 1 });
  });

  test('should carry kernel and config as properties', async () => {
    const { suites } = await junit(mixed);
    const properties = new Map(suites.testsuite![0]!.properties!.map(({ name, value }) => [name, value]));
    expect(properties.get('kernelRelease')).toBe('7.3.0-iomapfuzz');
    expect(properties.get('kernelConfig')).toContain('CONFIG_FUSE_IOMAP=y');
  });

  test('should not be green when nothing ran, nor when the run broke off; should be green for a conforming run', async () => {
    expect((await junit(nothing)).tests.get('run verdict')).toHaveProperty('error');
    expect((await junit({ killedAfter: 30 })).tests.get('run verdict')).toHaveProperty('error');
    const { suites } = await junit({ casesPerCell: 1 });
    expect(suites).toMatchObject({ failures: 0, errors: 0 });
  });
});

test.describe('ktap', () => {
  /** TAP knows no directive ERROR and leaves it in the name. */
  const withoutDirective = (name: string): string => name.replace(/ # [A-Z]+ .*$/, '');

  /**
   * TAP 14 is what the parser reads: KTAP differs in its version line and in indenting subtests by two blanks instead
   * of four.
   */
  function parseKtap(text: string): {
    complete: { ok: boolean; count: number; fail: number; skip: number };
    failed: string[];
  } {
    expect(text.split('\n')[0]).toBe('KTAP version 1');
    const tap = text
      .split('\n')
      .filter((line) => !/^ +KTAP version 1$/.test(line))
      .map((line) => line.replace(/^( +)/, '$1$1'))
      .join('\n')
      .replace('KTAP version 1', 'TAP version 14');
    const failed: string[] = [];
    const parser = new TapParser({ strict: true });
    let complete: { ok: boolean; count: number; fail: number; skip: number } | undefined;
    const watch = (one: TapParser): void => {
      one.on('fail', ({ fullname }) => failed.push(withoutDirective(fullname)));
      one.on('child', watch);
    };
    watch(parser);
    parser.on('complete', (result) => {
      complete = result;
    });
    parser.end(tap);
    return { complete: complete!, failed };
  }

  test('should be read by a TAP parser, with the failing rules and the run failing', async () => {
    const { complete, failed } = parseKtap(await ktapReporter.render(await inputOf(mixed)));
    expect(complete.ok).toBe(false);
    expect(failed).toContain('map/length-aligned@read > direct-read violating');
    expect(failed).not.toContain('map/length-aligned@read > direct-read legal');
    expect(failed).toContain('begin/error > fiemap violating');
    expect(failed).toContain('run');
  });

  test('should pass for a conforming run, skip everything when nothing ran, and fail when the run broke off', async () => {
    expect(parseKtap(await ktapReporter.render(await inputOf({ casesPerCell: 1 }))).complete).toMatchObject({
      ok: true,
      fail: 0,
    });
    const silent = parseKtap(await ktapReporter.render(await inputOf(nothing)));
    expect(silent.complete.skip).toBe(silent.complete.count);
    const killed = await ktapReporter.render(await inputOf({ killedAfter: 30 }));
    expect(killed).toMatch(/^not ok \d+ run # ERROR incomplete run$/m);
    expect(parseKtap(killed).failed).toEqual(['run']);
  });

  test('should not let a reason start a directive', async () => {
    expect(await ktapReporter.render(await inputOf(mixed))).toContain('# SKIP no mapping cache % in this <kernel>');
  });
});

test.describe('html', () => {
  test('should be valid and self-contained', async () => {
    const text = await htmlReporter.render(await inputOf(mixed));
    expect(await complaintsOf(text)).toEqual([]);
    expect(text).not.toMatch(/(?:src|href)="(?!#)/);
    expect(text).not.toMatch(/url\(|@import|https?:/);
  });

  test('should show markup in a kernel log or a note as text', async () => {
    const input = await inputOf({
      ...mixed,
      notRun: ({ rule }) =>
        rule === 'begin/error' ? '<script>alert(1)</script><img src=x onerror=alert(2)>' : undefined,
    });
    const text = await htmlReporter.render(input);
    expect(text).not.toContain('<script>alert(1)');
    expect(text).not.toContain('<img');
    expect(text).toContain('&lt;script&gt;alert(1)');
    expect(text).toContain('condition of map/length-aligned &lt;&amp;&quot;]]&gt;');
  });

  test('should say what changed when it is given an earlier run', async () => {
    const [before, after] = [
      await sampleRun({ casesPerCell: 1, seed: 1, environment: { kernelImageHash: 'b'.repeat(64) } }),
      await sampleRun({ ...mixed, lost: () => false, seed: 2 }),
    ];
    const text = await htmlReporter.render(reportInput(after, sampleRuleTexts, compareRuns([before, after])));
    expect(text).toContain('REGRESSION: 1 new');
  });
});

test.describe('json', () => {
  test('should hold the verdict, the matrix and the findings', async () => {
    const report = JSON.parse(await jsonReporter.render(await inputOf(mixed))) as {
      verdict: unknown;
      findings: unknown[];
      matrix: { rows: { rule: string; half?: string; cells: { path: string; status: string }[] }[] };
    };
    expect(report.verdict).toMatchObject({ kind: 'deviates', exitCode: 1 });
    expect(report.findings).toHaveLength(1);
    const row = report.matrix.rows.find(({ rule, half }) => rule === 'map/length-aligned' && half === 'write')!;
    expect(row.cells.find(({ path }) => path === 'direct-read')).toMatchObject({ status: 'deviates' });
    expect(row.cells.find(({ path }) => path === 'fiemap')).toMatchObject({ status: 'conforms' });
  });
});

test.describe('markdown', () => {
  test('should show the rows that need a look and fold the others', async () => {
    const text = await markdownReporter.render(await inputOf(mixed));
    expect(text).toMatch(/^## DEVIATES: 1 finding in 1 rule; 8 cases/);
    const [shown, folded] = text.split(/<details><summary>\d+ rules that conform on every path/);
    expect(shown).toContain('| `map/length-aligned@read` | FAIL 1/2 | FAIL 1/2 | ok 2 | FAIL 1/2 | FAIL 1/2 |');
    expect(shown).not.toContain('`map/type-known@read` |');
    expect(folded).toContain('`map/type-known@read` |');
  });

  test('should keep markup of reasons from becoming markup', async () => {
    expect(await markdownReporter.render(await inputOf({ ...nothing, notRun: () => '<b>|`x`' }))).toContain(
      '\\<b\\>\\|\\`x\\`',
    );
  });
});

test.describe('mail', () => {
  test('should be plain text of 72 columns but for logs and commands', async () => {
    const text = await mailReporter.render(await inputOf(mixed));
    expect(text).toMatch(/^Subject: \[iomapfuzz\] 7\.3\.0-iomapfuzz: DEVIATES/);
    const long = text
      .split('\n')
      .slice(1)
      .filter((line) => line.length > 80 && !line.includes('[   12.4') && !line.includes('./iomapfuzz'));
    expect(long).toEqual([]);
    expect(text).toMatch(/^ {3}\.\/iomapfuzz conformance --rule map\/length-aligned --path [a-z-]+ --seed 42$/m);
    expect(text.match(/pread|pwrite|lseek/g)).toHaveLength(1);
  });
});
