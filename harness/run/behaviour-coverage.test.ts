import { expect, test } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeRule } from '../../oracles/rules/describe.ts';
import { repositoryRoot } from '../../files/repository-root.ts';
import { matchesGlob } from '../../model/glob.ts';
import { conformancePlan } from '../../plan/plan.ts';
import { revisions } from '../../uapi/revision.ts';

/** Rules that the page names, and the paths behind them: `cache/hit`, `type/*`, `fsync`. */
const namedIn = (text: string): string[] =>
  [...text.matchAll(/`([a-z]+(?:\/[A-Za-z_0-9*-]+)?)`/g)].map(([, rule]) => rule!);

test.describe('the page that says which cells test which sentence', () => {
  const text = readFileSync(join(repositoryRoot(), 'docs/behaviour-coverage.md'), 'utf8');
  const rules = [
    ...new Set(
      conformancePlan(revisions.r3)
        .filter(({ cases }) => cases)
        .map(({ rule }) => rule),
    ),
  ];
  const isKnown = (name: string): boolean =>
    rules.some((rule) => matchesGlob(name, rule)) || describeRule(name) !== undefined;

  test('names rules that have cases, or that every case is judged by', () => {
    const named = namedIn(text).filter((name) => name.includes('/'));
    expect(named.length).toBeGreaterThan(100);
    expect([...new Set(named)].filter((name) => !isKnown(name))).toEqual([]);
  });
  test('would be found out if it named others', () => {
    expect(namedIn('`cache/hit` and `cache/nothing` on `direct-read`').filter((name) => !isKnown(name))).toEqual([
      'cache/nothing',
    ]);
  });
});
