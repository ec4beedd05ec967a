/**
 * The page of a large run: a hundred thousand cases of the whole plan, made and read as a user would. Prints what it
 * measured.
 */
import { expect, test, type Page } from '@playwright/test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRun } from '../reports/run.ts';
import { htmlReporter } from '../reports/html/html.ts';
import { reportInput } from '../reports/reporter.ts';
import { writeSample } from '../reports/testing/sample.ts';
import { scratch } from '../reports/testing/scratch.ts';
import { conformancePlan } from '../plan/plan.ts';
import { revisions } from '../uapi/revision.ts';
import { ruleTexts } from './rule-texts.ts';

const CASES = 100_000;

test('should stay quick with 100,000 cases', async ({ page }) => {
  // Generous, as the other deadline below: on an idle machine all of this takes some seconds.
  test.setTimeout(300_000);
  const cells = conformancePlan(revisions.r3).map(({ id, rule, half, path, border, impossible }) => ({
    id,
    rule,
    path,
    ...(half && { half }),
    ...(border && { border }),
    ...(impossible !== undefined && { impossible }),
  }));
  const possible = cells.filter(({ impossible }) => impossible === undefined).length;
  const directory = join(scratch(), 'run');
  writeSample(directory, {
    cells,
    casesPerCell: Math.ceil(CASES / possible),
    deviates: ({ id }) => id === 'map/length-aligned@read direct-read violating',
  });
  const measured: string[] = [];
  const timed = async <T>(what: string, action: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await action();
    measured.push(`${what} ${Math.round(performance.now() - started)} ms`);
    return result;
  };
  const text = await timed('made in', async () => {
    const loaded = await loadRun(directory);
    if (loaded.kind !== 'run') throw new Error(JSON.stringify(loaded));
    return htmlReporter.render(reportInput(loaded.run, ruleTexts('r3')));
  });
  const file = join(directory, 'report.html');
  writeFileSync(file, text);
  const started = Date.now();
  await timed('opened in', async () => {
    await page.goto(`file://${file}`);
    await expect(page.getByRole('heading', { level: 1 })).toContainText('Deviates');
  });
  // Nothing of the cases is in the document before someone asks.
  expect(await elements(page, '*')).toBeLessThan(40_000);
  await timed('matrix filtered in', async () => {
    await page.getByRole('searchbox', { name: 'Rule' }).fill('map/length-aligned @read');
    await expect(page.locator('tr[data-rule]:visible')).toHaveCount(1);
  });
  await timed('a cell opened in', async () => {
    await page.getByRole('link', { name: /^map\/length-aligned@read on direct-read: deviates/ }).click();
    await expect(page.getByRole('dialog').locator('tbody tr').first()).toBeVisible();
  });
  await page.keyboard.press('Escape');
  await timed('cases searched in', async () => {
    await page.getByLabel('Search').fill('map/length-aligned@read fiemap');
    await expect(page.locator('#case-count')).toHaveText(new RegExp(`^${2 * Math.ceil(CASES / possible)} of `));
  });
  expect(Date.now() - started).toBeLessThan(120_000);
  expect(await elements(page, '#case-list tr')).toBeLessThan(1000);
  console.log(
    `page of ${(possible * Math.ceil(CASES / possible)).toLocaleString('en')} cases, ${(text.length / 1e6).toFixed(1)} MB: ${measured.join(', ')}`,
  );
});

const elements = (page: Page, selector: string): Promise<number> =>
  page.evaluate((wanted) => document.querySelectorAll(wanted).length, selector);
