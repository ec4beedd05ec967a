import { expect, test } from '@playwright/test';
import { behaviours } from './behaviours.ts';
import { describeRule, rulesOf } from './describe.ts';
import { revisions } from '../../uapi/revision.ts';

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
  const groups = (id: 'r1' | 'r3') => new Set(rulesOf(revisions[id]).map((rule) => rule.group));
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
  expect(Object.keys(behaviours).filter((id) => rulesOf(revisions.r3).some((rule) => rule.id === id))).toEqual([]);
});
