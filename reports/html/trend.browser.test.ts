import { expect, test as base, type Page } from '@playwright/test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readHistory } from '../nights/night.ts';
import { buildTrend } from '../nights/trend.ts';
import { firstFinding, nightNames, sampleHistory, secondFinding } from '../testing/history.ts';
import { trendPage } from './trend.ts';

/** The page of five nights; every test also checks that it neither complained nor asked the network for anything. */
const test = base.extend<{ trend: Page }, { address: string }>({
  address: [
    async ({}, use) => {
      const history = await sampleHistory();
      writeFileSync(join(history, 'index.html'), trendPage(buildTrend(readHistory(history)), '0.1.0'));
      await use(`file://${join(history, 'index.html')}`);
    },
    { scope: 'worker' },
  ],
  trend: async ({ page, address }, use) => {
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(address)) complaints.push(`request for ${request.url()}`);
    });
    await page.goto(address);
    await use(page);
    expect(complaints).toEqual([]);
  },
});

test('should begin with the last night, then all nights, the last first', async ({ trend }) => {
  await expect(trend.getByRole('heading', { level: 1 })).toContainText('Deviates 1 finding by conformance');
  await expect(trend.locator('.verdict')).toContainText('7.4.0-rc1');
  await expect(trend.locator('.nights > tbody > tr > th')).toHaveText([...nightNames].reverse());
  const row = (name: string) => trend.locator(`#night-${name}`);
  await expect(row(nightNames[2])).toContainText('No VM');
  await expect(row(nightNames[2])).toContainText('qemu-system-x86_64 is missing');
  await expect(row(nightNames[3])).toContainText('No verdict');
  await expect(row(nightNames[0])).toContainText('Conforms');
  await expect(row(nightNames[4]).getByRole('link', { name: /^conformance report of night/ })).toHaveAttribute(
    'href',
    `${nightNames[4]}/conformance/report.html`,
  );
});

test('should say when findings opened and closed', async ({ trend }) => {
  // A finding is named by its rule, with the places below it.
  const life = (finding: string) => trend.locator('table.lives').getByRole('row', { name: finding.split('@')[0]! });
  await expect(life(secondFinding)).toContainText('open');
  const closed = life(firstFinding);
  await closed.getByRole('link', { name: nightNames[4] }).click();
  await expect(trend.locator(`#night-${nightNames[4]}`)).toBeInViewport();
});

test('should be usable by keyboard alone', async ({ trend }) => {
  await trend.keyboard.press('Tab');
  await expect(trend.getByRole('link', { name: 'Skip to the last night' })).toBeFocused();
  const bar = trend
    .getByRole('group', { name: /^Findings opened/ })
    .getByRole('link', { name: `${nightNames[1]}: 1 opened` });
  await bar.focus();
  await trend.keyboard.press('Enter');
  await expect(trend.locator(`#night-${nightNames[1]}`)).toBeInViewport();
  const details = trend.locator(`#night-${nightNames[4]} details`);
  await details.locator('summary').focus();
  await trend.keyboard.press('Enter');
  await expect(details).toContainText('REGRESSION');
});

test('should follow the dark scheme, and fit on a phone and on paper', async ({ trend }) => {
  const paper = (): Promise<string> => trend.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor);
  const bar = (): Promise<string> =>
    trend
      .locator('rect.good')
      .first()
      .evaluate((rect) => getComputedStyle(rect).fill);
  await trend.emulateMedia({ colorScheme: 'light' });
  const [light, lightBar] = [await paper(), await bar()];
  await trend.emulateMedia({ colorScheme: 'dark' });
  expect(await paper()).not.toBe(light);
  expect(await bar()).not.toBe(lightBar);
  await trend.setViewportSize({ width: 360, height: 740 });
  expect(await trend.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  await trend.emulateMedia({ media: 'print' });
  await expect(trend.getByRole('navigation', { name: 'Sections' })).toBeHidden();
  await expect(trend.locator('.nights')).toBeVisible();
});
