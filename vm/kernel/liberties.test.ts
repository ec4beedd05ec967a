import { expect, test } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../files/repository-root.ts';
import { libertiesOfSeries } from './liberties.ts';
import { patchSeries } from './patches.ts';

const liberties = libertiesOfSeries();

test("should find every row of the kernel's table, and no name twice", () => {
  const rows = patchSeries().flatMap(({ text }) => [...text.matchAll(/^\+FUSE_IOMAP_LIBERTY\(/gm)]);
  expect(rows.length).toBeGreaterThanOrEqual(20);
  expect(liberties).toHaveLength(rows.length);
  expect(new Set(liberties.map(({ name }) => name)).size).toBe(liberties.length);
});

test('should know which clause leaves the choice, and what the kernel does', () => {
  for (const { name, clause, effect } of liberties) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(clause, name).toMatch(/^(rules|behaviour|uapi): ./);
    expect(effect.length, name).toBeGreaterThan(20);
  }
});

test('should have a place in the code for every switch: where it is looked at, and where it counts', () => {
  const code = patchSeries()
    .map(({ text }) => text)
    .join('\n');
  for (const { name } of liberties) {
    const id = name.toUpperCase().replaceAll('-', '_');
    const looked = new RegExp(`^\\+.*(fuse_iomap_takes\\(${id}\\)|FUSE_IOMAP_LIBERTY_${id},)`, 'm');
    const counted = new RegExp(`^\\+.*(fuse_iomap_took\\(${id}\\)|FUSE_IOMAP_LIBERTY_${id},)`, 'm');
    expect(looked.test(code), `${name} is looked at`).toBe(true);
    expect(counted.test(code), `${name} counts`).toBe(true);
  }
});

test("should stand in the kernel's documentation, each of them", () => {
  const page = readFileSync(join(repositoryRoot(), 'docs/kernel.md'), 'utf8');
  for (const { name } of liberties) expect(page, name).toContain(`| \`${name}\` |`);
});
