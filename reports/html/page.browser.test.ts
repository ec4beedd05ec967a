import { expect, test as base, type Page } from '@playwright/test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareRuns } from '../compare.ts';
import { reportInput } from '../reporter.ts';
import { sampleRuleTexts } from '../testing/rules.ts';
import type { SampleOptions } from '../testing/sample.ts';
import { sampleRun, scratch } from '../testing/scratch.ts';
import { htmlReporter } from './html.ts';

const faulty: SampleOptions = {
  seed: 2,
  deviates: ({ rule, path, border, half }) =>
    rule === 'map/length-aligned' &&
    half === 'read' &&
    path !== 'fiemap' &&
    (border === 'violating' || path === 'seek-hole'),
  lost: ({ id }) => id === 'begin/error fiemap violating',
  notRun: ({ rule }) => (rule === 'map/retry-needs-cache' ? 'no mapping cache in this kernel' : undefined),
};

async function write(options: SampleOptions): Promise<string> {
  const run = await sampleRun(options);
  const path = join(scratch(), 'report.html');
  writeFileSync(
    path,
    await htmlReporter.render(reportInput(run, sampleRuleTexts, compareRuns([await sampleRun({ seed: 1 }), run]))),
  );
  return `file://${path}`;
}

/**
 * The page of a run with deviations; every test also checks that the page neither complained nor asked the network for
 * anything.
 */
const test = base.extend<{ report: Page }, { address: string }>({
  address: [async ({}, use) => use(await write(faulty)), { scope: 'worker' }],
  report: async ({ page, address }, use) => {
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(address) && !request.url().startsWith('blob:'))
        complaints.push(`request for ${request.url()}`);
    });
    await page.goto(address);
    await use(page);
    expect(complaints).toEqual([]);
  },
});

const cell = (page: Page, name: string | RegExp) => page.getByRole('link', { name });
const background = (page: Page, selector: string): Promise<string> =>
  page
    .locator(selector)
    .first()
    .evaluate((node) => getComputedStyle(node).backgroundColor);

test('should begin with the verdict, its reasons and the kernel', async ({ report }) => {
  await expect(report.getByRole('heading', { level: 1 })).toContainText('Deviates 2 findings in 1 rule');
  const verdict = report.locator('.verdict');
  // What is wrong, and where, before anything else.
  const first = verdict.getByRole('listitem').first();
  await expect(first).toHaveText(
    /^[0-9a-f]{8} map\/length-aligned: \S+ succeeds, must fail with EUCLEAN \(on direct-read, direct-write, seek-data, seek-hole; 8 cases\)$/,
  );
  await first.getByRole('link').click();
  await expect(report.locator('details.finding:target')).toHaveAttribute('open');
  await report.evaluate(() => {
    window.scrollTo(0, 0);
  });
  await expect(verdict).toContainText('40 cases not run');
  await expect(verdict).toContainText('no mapping cache in this kernel');
  await expect(verdict).toContainText('the VM hung');
  await expect(verdict).toContainText('7.3.0-iomapfuzz');
  await expect(report).toHaveTitle(/^DEVIATES: 7\.3\.0-iomapfuzz/);
  expect((await verdict.boundingBox())!.y).toBeLessThan(120);
});

test('should lead from a failing cell to its cases, its finding and back', async ({ report }) => {
  await cell(report, 'map/length-aligned@read on seek-data: deviates, 2 of 4 cases').click();
  const panel = report.getByRole('dialog');
  await expect(panel).toContainText('Violated when: length is no multiple of the block size; then EUCLEAN (117)');
  await expect(panel.getByRole('heading', { name: /^Violating value: must be refused/ })).toContainText('2 deviate');
  await expect(panel.getByRole('heading', { name: /^Legal neighbour: must be accepted/ })).toContainText('2 conform');
  await expect(panel.getByRole('cell', { name: /length = 0x1001 \(violates\)/ })).toHaveCount(2);
  await panel
    .getByRole('link', { name: /^Finding 1 [0-9a-f]{8} map\/length-aligned: \S+ succeeds, must fail with EUCLEAN/ })
    .click();
  await expect(panel).toBeHidden();
  const finding = report.locator('details.finding:target');
  await expect(finding).toHaveAttribute('open');
  await expect(finding).toContainText(/(lseek|pread|pwrite)\(fd 0/);
  await expect(finding.getByRole('row', { name: /^errno/ })).toContainText('success (0)');
  await expect(finding.locator('.timeline')).toContainText('IOMAP_BEGIN of file 0');
  await expect(finding.locator('.timeline .wrong .deviation').first()).toContainText('expected EUCLEAN (117)');
  await expect(finding.locator('.log')).toContainText('Bad mapping: condition of map/length-aligned');
  await expect(finding).toContainText(/\.\/iomapfuzz conformance --rule map\/length-aligned --path [\w-]+ --seed 2/);
  await expect(finding.locator('.extents svg')).toHaveAttribute(
    'aria-label',
    /file: \w+ from .*; read half from .*device 0/,
  );
  // Back leads to the panel that one came from.
  await report.goBack();
  await expect(panel).toContainText('map/length-aligned@read on seek-data');
});

test('should say why a cell was not run and why one cannot exist', async ({ report }) => {
  await cell(report, 'map/retry-needs-cache@read on fiemap: not run').click();
  await expect(report.getByRole('dialog')).toContainText('no mapping cache in this kernel');
  await report.keyboard.press('Escape');
  await cell(report, 'begin/device-writable on seek-hole: cannot exist').click();
  await expect(report.getByRole('dialog')).toContainText('Cannot exist: this path writes to no device.');
});

test('should open the cell that an address names, and forget it when the panel is closed', async ({
  report,
  address,
}) => {
  await report.goto(`${address}#cell=${encodeURIComponent('begin/error fiemap')}`);
  await report.reload();
  await expect(report.getByRole('dialog')).toContainText('begin/error on fiemap');
  await report.getByRole('button', { name: 'Close' }).click();
  expect(new URL(report.url()).hash).toBe('');
});

test('should filter the matrix by rule and by outcome', async ({ report }) => {
  const rows = report.locator('tr[data-rule]:visible');
  const all = await rows.count();
  await report.getByRole('searchbox', { name: 'Rule' }).fill('aligned @write');
  await expect(rows).toHaveCount(2);
  await report.getByRole('searchbox', { name: 'Rule' }).fill('');
  await report.getByLabel('deviates', { exact: true }).check();
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText('length-aligned');
  await report.getByLabel('not run', { exact: true }).check();
  await expect(rows).toHaveCount(3);
  await expect(report.locator('#rule-count')).toHaveText(`3 of ${all} rows`);
});

test('should show, filter and list what was judged in part, and offer nothing of the kind where all was', async ({
  page,
}) => {
  await page.goto(await write({}));
  await expect(page.getByLabel('conforms in part', { exact: true })).toHaveCount(0);
  await expect(page.getByRole('option', { name: 'judged in part' })).toHaveCount(0);
  const because = '3 records of the trace were lost';
  await page.goto(
    await write({
      unjudged: ({ id }) =>
        id === 'map/length-aligned@read seek-data violating' ? { aspect: 'trace-event', reason: because } : undefined,
    }),
  );
  await page.getByLabel('conforms in part', { exact: true }).check();
  await expect(page.locator('tr[data-rule]:visible')).toHaveCount(1);
  await page.getByLabel('Verdict').selectOption('judged in part');
  await expect(page.locator('#case-list tbody tr')).toHaveCount(2);
  await expect(page.locator('#case-list tbody tr').first()).toContainText(`not judged in part: ${because}`);
  await page.getByRole('link', { name: /length-aligned@read on seek-data: conforms, in part/ }).click();
  await expect(page.getByRole('dialog')).toContainText('2 conform, 2 of them in part');
});

test('should filter the matrix by path, and hide the columns that the rows left have nothing in', async ({
  report,
}) => {
  const heads = report.locator('#matrix-table thead th:visible');
  const all = await heads.count();
  await report.locator('#path-filter').selectOption('seek-data');
  await expect(heads).toHaveText(['Rule', 'seek-data']);
  await report.getByLabel('deviates', { exact: true }).check();
  await expect(report.locator('tr[data-rule]:visible')).toHaveCount(1);
  await report.locator('#path-filter').selectOption('fiemap');
  await expect(report.locator('tr[data-rule]:visible')).toHaveCount(0);
  await report.locator('#path-filter').selectOption('all');
  await expect(heads).toHaveCount(all);
  await expect(report.locator('tr[data-rule]:visible')).toHaveCount(1);
});

test('should lead to a group of rules, which says the worst that it holds', async ({ report }) => {
  await report.getByRole('link', { name: 'map: 4 deviates' }).focus();
  await report.keyboard.press('Enter');
  await expect(report.locator('#group-map')).toBeInViewport();
  // Column names stay in sight while one scrolls through the rows.
  await cell(report, /^begin\/error on fiemap/).scrollIntoViewIfNeeded();
  await expect(report.getByRole('columnheader', { name: 'fiemap' })).toBeInViewport();
  await report.getByRole('searchbox', { name: 'Rule' }).fill('map/');
  await expect(report.getByRole('link', { name: /^begin: / })).toBeHidden();
});

test('should fold the requests that every file system gets, and open them where one wants to look', async ({
  report,
}) => {
  const lookup = report.locator('details.finding').first().locator('details.everyday').filter({ hasText: 'LOOKUP' });
  await expect(lookup.locator('pre')).toBeHidden();
  await lookup.locator('summary').click();
  await expect(lookup.locator('pre')).toContainText('name f0');
});

test('should search the cases', async ({ report }) => {
  await report.getByLabel('Search').scrollIntoViewIfNeeded();
  await expect(report.locator('#case-count')).toContainText(/^\d+ of \d+ cases$/);
  await report.getByLabel('Verdict').selectOption('deviates');
  await expect(report.locator('#case-list tbody tr')).toHaveCount(10);
  await report.getByLabel('Search').fill('seek-hole 0x1001');
  await expect(report.locator('#case-list tbody tr')).toHaveCount(2);
  await report.getByLabel('Search').fill('nothing like this');
  await expect(report.locator('#case-count')).toHaveText(/^0 of/);
});

test('should work by keyboard alone', async ({ report }) => {
  await report.keyboard.press('Tab');
  await expect(report.locator(':focus')).toHaveText('Skip to the verdict');
  await report.keyboard.press('/');
  await report.keyboard.type('length-aligned');
  await expect(report.locator('tr[data-rule]:visible')).toHaveCount(2);
  // Into the grid, which is one stop for Tab, then around in it.
  await cell(report, /^map\/length-aligned@read on direct-read/).focus();
  await report.keyboard.press('ArrowRight');
  await report.keyboard.press('ArrowDown');
  await expect(report.locator(':focus')).toHaveAccessibleName(/^map\/length-aligned@write on direct-write/);
  await report.keyboard.press('End');
  await report.keyboard.press('ArrowUp');
  await expect(report.locator(':focus')).toHaveAccessibleName(/^map\/length-aligned@read on seek-hole/);
  await report.keyboard.press('Enter');
  await expect(report.getByRole('dialog')).toContainText('map/length-aligned@read on seek-hole');
  await report.keyboard.press('Escape');
  await expect(report.getByRole('dialog')).toBeHidden();
  await expect(report.locator(':focus')).toHaveAccessibleName(/^map\/length-aligned@read on seek-hole/);
  await report.keyboard.press('j');
  await report.keyboard.press('j');
  await expect(report.locator('details.finding').nth(1)).toHaveAttribute('open');
  await expect(report.locator('details.finding').nth(1).locator('summary').first()).toBeFocused();
});

test('should be dark where the reader wants it dark', async ({ report }) => {
  await report.emulateMedia({ colorScheme: 'light' });
  expect(await background(report, 'body')).toBe('rgb(251, 250, 247)');
  await report.emulateMedia({ colorScheme: 'dark' });
  expect(await background(report, 'body')).toBe('rgb(20, 22, 26)');
});

for (const scheme of ['light', 'dark'] as const) {
  test(`should have readable contrast in ${scheme} mode`, async ({ report }) => {
    await report.emulateMedia({ colorScheme: scheme });
    const poor = await report.evaluate(() => {
      const parse = (text: string): number[] =>
        (/\(([^)]*)\)/.exec(text)?.[1] ?? '0,0,0,0').split(/[, /]+/).map(Number);
      const luminance = ([r, g, b]: number[]): number => {
        const [x, y, z] = [r!, g!, b!].map((value) => {
          const part = value / 255;
          return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * x! + 0.7152 * y! + 0.0722 * z!;
      };
      const result: string[] = [];
      for (const node of document.querySelectorAll(
        'h1 strong, p, small, dd, dt, .cell, .gist, .seen, .timeline .t, .timeline pre, .key, a, th, .count',
      )) {
        let behind: Element | null = node;
        while (behind && (parse(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
        const [a, b] = [
          luminance(parse(getComputedStyle(node).color)),
          luminance(parse(getComputedStyle(behind ?? document.body).backgroundColor)),
        ];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        // WCAG 2.1, 1.4.3.
        if (ratio < 4.5) result.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)}`);
      }
      return [...new Set(result)];
    });
    expect(poor).toEqual([]);
  });
}

test('should fit a phone without scrolling the page sideways', async ({ report }) => {
  await report.setViewportSize({ width: 360, height: 740 });
  expect(await report.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  const name = report.getByRole('rowheader', { name: /^device-range-no-overflow read/ });
  expect((await name.boundingBox())!.height).toBeLessThan(70);
  await cell(report, /^map\/length-aligned@read on direct-read/).click();
  await expect(report.getByRole('dialog')).toBeVisible();
  expect(await report.evaluate(() => document.querySelector('dialog')!.scrollWidth)).toBeLessThanOrEqual(360);
});

test('should print everything that is folded, and no controls', async ({ report }) => {
  await report.emulateMedia({ media: 'print' });
  await report.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
  await expect(report.locator('details.finding:not([open])')).toHaveCount(0);
  await expect(report.locator('#matrix-filters')).toBeHidden();
  await expect(report.locator('#matrix-table')).toBeVisible();
});

test('should copy and save a case', async ({ report }) => {
  const finding = report.locator('details.finding').first();
  await finding.getByText('The case as a file').click();
  const [download] = await Promise.all([
    report.waitForEvent('download'),
    finding.getByRole('button', { name: /^Save case-/ }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/^case-[0-9a-f]{16}\.json$/);
  const content = (await (await download.createReadStream()).toArray()) as Buffer[];
  expect(JSON.parse(Buffer.concat(content).toString('utf8'))).toMatchObject({ schema: 1, revision: 'r3' });
});

test('should show what changed since the run before', async ({ report }) => {
  await report.getByRole('link', { name: 'Compared' }).click();
  const section = report.locator('#compared');
  await expect(section).toContainText('new');
  await expect(section.getByRole('row', { name: /^New [0-9a-f]{8} map\/length-aligned: \S+ succeeds/ })).toBeVisible();
  await expect(section).toContainText('Kernel and config are the same in both runs.');
});

base('should say the verdict, the matrix and the findings without its script', async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(await write(faulty));
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Deviates');
  await expect(page.locator('.timeline').first()).toBeVisible();
  await expect(page.locator('#matrix-filters')).toBeHidden();
  await cell(page, 'map/length-aligned@read on seek-data: deviates, 2 of 4 cases').click();
  await expect(page.locator('#rule-map-length-aligned')).toBeInViewport();
  await context.close();
});
