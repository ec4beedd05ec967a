/** What was not judged of a case reaches every reader; the near twin, of which all was judged, is a plain pass. */
import { expect, test } from '@playwright/test';
import { gunzipSync } from 'node:zlib';
import { join } from 'node:path';
import type { CellInfo } from '../model/run-summary.ts';
import type { Unjudged } from '../model/verdict.ts';
import { compareRuns } from './compare.ts';
import { comparisonHeadline, comparisonLines } from './compare-text.ts';
import { comparisonPage } from './html/comparison-page.ts';
import type { PageData } from './html/page-data.ts';
import { trendPage } from './html/trend.ts';
import { mergeRuns } from './merge.ts';
import { digestRun } from './nights/digest.ts';
import { nightMail } from './nights/mail.ts';
import type { Night } from './nights/night.ts';
import { buildTrend } from './nights/trend.ts';
import { reportInput } from './reporter.ts';
import { reporters } from './reporters.ts';
import { loadRun, type Run } from './run.ts';
import { renderTerminal } from './terminal.ts';
import { sampleRuleTexts } from './testing/rules.ts';
import type { SampleOptions } from './testing/sample.ts';
import { sampleDirectory, sampleRun, scratch } from './testing/scratch.ts';

const place = 'map/length-aligned@read seek-data violating';
const lost: Unjudged = { aspect: 'trace-event', reason: '3 records of the trace were lost' };
const here = ({ id }: CellInfo): boolean => id === place;
const inPart: SampleOptions = { casesPerCell: 2, unjudged: (cell) => (here(cell) ? lost : undefined) };
const whole: SampleOptions = { casesPerCell: 2 };
/** A deviation that only the lost records would show. */
const unreported: SampleOptions = { casesPerCell: 2, deviates: here };

/** The script of the page has words for everything that a run can hold. */
const withoutScript = (text: string): string => text.replace(/<script[^>]*>[^]*?<\/script>/g, '');

const inputOf = async (options: SampleOptions) => reportInput(await sampleRun(options), sampleRuleTexts);
const terminal = ({ run, matrix, verdict }: Awaited<ReturnType<typeof inputOf>>): string =>
  renderTerminal(run, matrix, verdict, { widthColumns: 300, colour: false, rules: sampleRuleTexts });

test('should show a case whose trace records were lost as judged in part in every format, and its twin as a pass', async () => {
  const [partial, plain] = [await inputOf(inPart), await inputOf(whole)];
  expect([partial.verdict.exitCode, plain.verdict.exitCode]).toEqual([0, 0]);
  for (const { format, render } of reporters) {
    const [said, unsaid] = await Promise.all([render(partial), render(plain)]);
    expect(said.replace(/\s+/g, ' '), format).toContain('something was not judged in 2 cases');
    expect(said.replace(/\s+/g, ' '), format).toContain('3 records of the trace were lost');
    expect(withoutScript(unsaid), format).not.toMatch(/in part|judged in/);
  }
  expect(terminal(partial)).toMatch(/length-aligned@read .*ok 4~/);
  expect(terminal(plain)).not.toContain('4~');
});

test('should name the place in the formats that have places', async () => {
  const input = await inputOf(inPart);
  const text = async (format: string): Promise<string> => reporters.find((one) => one.format === format)!.render(input);
  expect(await text('junit')).toMatch(
    /<testcase name="seek-data violating" classname="iomapfuzz.map.length-aligned@read"><system-out>2 cases not judged in part, because 3 records of the trace were lost<\/system-out>/,
  );
  expect(await text('ktap')).toMatch(
    /# 2 cases not judged in part, because 3 records of the trace were lost\n {2}ok \d+ seek-data violating\n/,
  );
  expect(await text('markdown')).toMatch(/\| `map\/length-aligned@read` \|.* ok 4\\~ \|/);
  expect((await text('mail')).replace(/\s+/g, ' ')).toContain('conform (1 in part)');
  expect(JSON.parse(await text('json'))).toMatchObject({
    partlyJudged: 2,
    unjudged: [{ reason: '3 records of the trace were lost', cases: [expect.any(Number), expect.any(Number)] }],
  });
  const page = await text('html');
  expect(page).toMatch(
    /data-cell="\d+" aria-label="map\/length-aligned@read on seek-data: conforms, in part, 4 cases"/,
  );
  const { cases, texts } = JSON.parse(
    gunzipSync(Buffer.from(/<script [^>]*id="data"[^>]*>([^<]*)</.exec(page)![1]!, 'base64')).toString('utf8'),
  ) as PageData;
  expect(cases.unjudged.map((at) => texts[at]).filter((one) => one !== undefined)).toEqual(
    Array.from({ length: 2 }, () => '3 records of the trace were lost'),
  );
});

test('should say it of a case that deviates, with the finding', async () => {
  const input = await inputOf({ ...inPart, deviates: here });
  for (const format of ['markdown', 'html', 'mail', 'junit']) {
    const text = await reporters.find((one) => one.format === format)!.render(input);
    expect(text.replace(/\s+/g, ' '), format).toMatch(/not judged.{0,20}trace-event: 3 records of the trace were lost/);
  }
});

test('should keep it in merged results', async () => {
  const shard = (index: number): string => sampleDirectory({ ...inPart, shard: { index, count: 2 } });
  const out = join(scratch(), 'merged');
  expect(await mergeRuns([shard(1), shard(2)], out)).toMatchObject({ kind: 'merged', summary: { complete: true } });
  const loaded = await loadRun(out);
  expect(loaded).toMatchObject({ kind: 'run', run: { partlyJudged: 2, unjudged: [{ reason: lost.reason }] } });
  expect(terminal(reportInput((loaded as { run: Run }).run, sampleRuleTexts))).toMatch(/length-aligned@read .*ok 4~/);
});

test('should compare a side that was judged whole before and in part now as no verdict, and not the other way round', async () => {
  const [partial, plain] = [await sampleRun(inPart), await sampleRun(whole)];
  const comparison = compareRuns([plain, partial]);
  expect(comparison).toMatchObject({
    exitCode: 3,
    newlyNotRun: [],
    newlyInPart: [
      {
        cell: 'map/length-aligned@read seek-data (violating side)',
        before: 'conforms',
        after: 'in part',
        reason: lost.reason,
      },
    ],
  });
  expect(comparisonHeadline(comparison)).toBe(
    'NO VERDICT (the new run did not judge all that the earlier one judged): 1 newly judged in part',
  );
  expect(comparisonLines(comparison).join('\n')).toContain(
    'newly judged in part: 1 cell (3 records of the trace were lost): map/length-aligned@read seek-data (violating side)',
  );
  expect(comparisonPage(comparison, [plain, partial], '0.1.0')).toContain('Judged before, judged in part now');
  expect(compareRuns([partial, plain])).toMatchObject({ exitCode: 0, newlyInPart: [] });
  expect(compareRuns([partial, partial])).toMatchObject({ exitCode: 0, newlyInPart: [] });
});

test('should call a finding gone only where what showed it was judged again', async () => {
  const before = await sampleRun(unreported);
  const mended = { environment: { kernelImageHash: 'b4e2'.repeat(16) } };
  expect(compareRuns([before, await sampleRun({ ...whole, ...mended })])).toMatchObject({
    exitCode: 0,
    gone: [{}],
    notTried: [],
  });
  // The errno shows it: without the records of the trace it would still show.
  expect(compareRuns([before, await sampleRun({ ...inPart, ...mended })])).toMatchObject({ gone: [{}], notTried: [] });
  const withoutErrno = await sampleRun({
    ...inPart,
    unjudged: (cell) => (here(cell) ? { aspect: 'errno', reason: 'the last exchanges were cut' } : undefined),
  });
  const comparison = compareRuns([before, withoutErrno]);
  expect(comparison).toMatchObject({ exitCode: 3, gone: [], notTried: [{}] });
  // The kernel is the same: what was judged in both runs and showed in one of them would be flaky.
  expect(comparison.flaky).toEqual([]);
});

test('should find a channel that the kernel lacks less than what an earlier run judged by, and say it once', async () => {
  const lacks: Unjudged = { aspect: 'trace-event', reason: 'this kernel has no trace event fuse_iomap_bad_data' };
  const lacking: SampleOptions = { casesPerCell: 1, unjudged: () => lacks, summary: { unjudged: [lacks] } };
  const input = await inputOf(lacking);
  expect(input.verdict.reasons).toEqual([
    'not judged: the trace-event: this kernel has no trace event fuse_iomap_bad_data',
  ]);
  expect(input.run.partlyJudged).toBe(0);
  expect(terminal(input)).not.toContain('2~');
  const full = await sampleRun({ casesPerCell: 1 });
  expect(compareRuns([full, input.run])).toMatchObject({
    exitCode: 3,
    gaps: [{ side: 'after', kind: 'channel', noVerdict: true }],
  });
  expect(compareRuns([input.run, full])).toMatchObject({ exitCode: 0 });
  // What a summary says of the whole run is no excuse for anything else.
  const other = await inputOf({ ...lacking, unjudged: (cell) => (here(cell) ? lost : lacks) });
  expect(other.run.partlyJudged).toBe(1);
});

test('should show it on the page and in the mail of a night, and close no finding by it', async () => {
  const name = '2026-11-21-1';
  const night = (digest: ReturnType<typeof digestRun>): Night => ({
    format: 1,
    name,
    startedAt: '2026-11-21T01:00:00.000Z',
    endedAt: '2026-11-21T02:00:00.000Z',
    toolVersion: '0.1.0',
    target: [],
    seed: 1,
    budgetMs: 1000,
    pid: 1,
    stages: [{ kind: 'conformance', status: 'complete', digest }],
  });
  const before = night(digestRun('conformance', await sampleRun(unreported), [], []));
  const digest = digestRun(
    'conformance',
    await sampleRun({ ...inPart, unjudged: (cell) => (here(cell) ? { ...lost, aspect: 'errno' } : undefined) }),
    [],
    [before],
  );
  expect(digest).toMatchObject({ inPart: { cases: 2, cells: 1 }, closed: [] });
  const trend = buildTrend({ nights: [night(digest)], unreadable: [] });
  const page = trendPage(trend, '0.1.0');
  expect(page).toContain('something was not judged in 2 cases');
  expect(page).toContain('2 not judged in part');
  expect(page).toContain('rule by path cells judged, 1 of them in part');
  expect(nightMail(trend, name).replace(/\s+/g, ' ')).toContain('something was not judged in 2 cases');
  const again = digestRun('conformance', await sampleRun(whole), [], [before]);
  expect(again.closed).toMatchObject([{ cell: place }]);
  expect(again.inPart).toBeUndefined();
  expect(trendPage(buildTrend({ nights: [night(again)], unreadable: [] }), '0.1.0')).not.toContain('in part');
});
