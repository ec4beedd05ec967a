import { expect, test } from '@playwright/test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { behaviours } from './behaviours.ts';
import { describeRule, rulesOf } from './describe.ts';

const sources = ['oracles/kernel', 'oracles/judges'].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => !name.includes('.test.'))
    .map((name) => join(folder, name)),
);

test('every id that a judge can name has words', () => {
  const named = new Set(
    sources.flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/(?:rule: |fails\(|rule = )'([a-z-]+(?:\/[a-z-]+)?)'/g)].map(
        (match) => match[1]!,
      ),
    ),
  );
  expect(named.size).toBeGreaterThan(20);
  expect([...named].filter((id) => describeRule(id) === undefined)).toEqual([]);
});

test('says the clause, where it is from, and how it is refused', () => {
  expect(describeRule('map/length-nonzero')).toMatchObject({
    text: 'length is 0',
    errno: 117,
    conditions: ['map->length == 0'],
    func: 'fuse_iomap_check_mapping',
  });
  expect(describeRule('upsert/device-known')).toMatchObject({ conditions: ['ret == NULL', 'IS_ERR(fb)'] });
  expect(describeRule('type/mapped')?.text).toContain('addr + (pos - offset)');
  expect(describeRule('map/no-such-rule')).toBeUndefined();
});

test('r1 knows nothing of what came later', () => {
  const groups = (id: 'r1' | 'r3') => new Set(rulesOf(id).map((rule) => rule.group));
  expect([...groups('r1')].sort()).toEqual(['begin', 'map']);
  expect([...groups('r3')].sort()).toEqual([
    'add-iomap',
    'backing-close',
    'backing-open',
    'begin',
    'config',
    'devinval',
    'inline',
    'inval',
    'map',
    'set-blocksize',
    'set-nofs',
    'upsert',
  ]);
});

test('a rule and a behaviour never share an id', () => {
  expect(Object.keys(behaviours).filter((id) => rulesOf('r3').some((rule) => rule.id === id))).toEqual([]);
});
