import { expect, test } from '@playwright/test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../files/repository-root.ts';
import { matchesGlob } from '../../model/glob.ts';
import { behaviours } from '../../oracles/rules/behaviours.ts';
import { rulesOf } from '../../oracles/rules/describe.ts';
import { sections } from '../../oracles/rules/sentences/sections.ts';
import { conformancePlan } from '../../plan/plan.ts';
import { revisions } from '../../uapi/revision.ts';
import { cellsOf, coveragePage, UPDATE_COMMAND } from './coverage-page.ts';

const path = join(repositoryRoot(), 'docs/behaviour-coverage.md');
const plan = conformancePlan(revisions.r3);
const sentences = sections.flatMap((section) => section.sentences);

test('should ship the page that says which cells test which sentence as the rules and the plan have it', () => {
  const text = coveragePage();
  if (process.env['IOMAPFUZZ_UPDATE'] === '1') writeFileSync(path, text);
  expect(readFileSync(path, 'utf8') === text, `${path} is not what the plan says; write it by: ${UPDATE_COMMAND}`).toBe(
    true,
  );
});

test('should name no clause that there is not, and no path on which its cells are not', () => {
  const ids = [
    ...rulesOf(revisions.r3).map(({ id }) => id),
    ...plan.map(({ rule }) => rule),
    ...Object.keys(behaviours),
  ];
  const wrong = sentences.flatMap(({ says, judgedBy }) =>
    judgedBy.flatMap(({ rules, on }) => [
      ...rules.filter((rule) => !ids.some((id) => matchesGlob(rule, id))).map((rule) => `${says}: ${rule}`),
      ...(on ?? [])
        .filter((one) => cellsOf(plan, { rules, on: [one] }).length === 0)
        .map((one) => `${says}: nothing on ${one}`),
    ]),
  );
  expect(wrong).toEqual([]);
});

test('should have cells for each sentence, or judge it in every case, or say why it is not reached', () => {
  const bare = sentences.filter(
    ({ judgedBy, everyCase, unreached }) =>
      !everyCase && unreached === undefined && judgedBy.every((one) => cellsOf(plan, one).length === 0),
  );
  expect(bare.map(({ says }) => says)).toEqual([]);
  const both = sentences.filter(({ judgedBy, unreached }) => unreached !== undefined && judgedBy.length > 0);
  expect(both.map(({ says }) => says)).toEqual([]);
});
