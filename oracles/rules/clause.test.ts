import { expect, test } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { behaviours } from './behaviours.ts';
import { rulesOf } from './describe.ts';
import { revisions } from '../../uapi/revision.ts';

const anchors = (path: string): Set<string> =>
  new Set([...readFileSync(path, 'utf8').matchAll(/<a id="([a-z0-9-]+)"><\/a>/g)].map(([, id]) => id!));
const known = new Map<string, Set<string>>();
const stands = (link: string): boolean => {
  const [path = '', anchor = ''] = link.split('#');
  if (!known.has(path)) known.set(path, anchors(path));
  return known.get(path)!.has(anchor);
};

test('should have an anchor of its own in the specification for each rule of each revision', () => {
  const rules = [
    ...new Map(
      Object.values(revisions)
        .flatMap(rulesOf)
        .map((rule) => [rule.id, rule]),
    ).values(),
  ];
  expect(rules.length).toBeGreaterThan(80);
  expect(
    rules
      .filter(({ id, source }) => !source.endsWith(`#${id.replace('/', '-')}`) || !stands(source))
      .map(({ id }) => id),
  ).toEqual([]);
});

test('should link each behaviour to a part of the specification that is there, or name the source in Linux', () => {
  for (const [id, { source }] of Object.entries(behaviours)) {
    for (const one of source.split('; '))
      expect(
        one.startsWith('docs/spec/') ? stands(one) : /^(Linux|fs\/|mm\/|include\/|block\/)/.test(one),
        `${id}: ${one}`,
      ).toBe(true);
  }
});

test('should have each anchor of the specification once', () => {
  for (const name of ['rules', 'uapi', 'behaviour']) {
    const all = [...readFileSync(`docs/spec/${name}.md`, 'utf8').matchAll(/<a id="([a-z0-9-]+)">/g)].map(
      ([, id]) => id!,
    );
    expect(
      all.filter((id, index) => all.indexOf(id) !== index),
      name,
    ).toEqual([]);
  }
});
