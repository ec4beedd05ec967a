import { expect, test } from '@playwright/test';
import { placeOfLabel, rowLabel, ruleLabel } from './rule-label.ts';

test('should name the half of a rule once: where the id of the rule does not, and in each row that has one', () => {
  expect(ruleLabel({ rule: 'map/type-known', half: 'read' })).toBe('map/type-known@read');
  expect(ruleLabel({ rule: 'begin/read-device-known', half: 'read' })).toBe('begin/read-device-known');
  expect(ruleLabel({ rule: 'map/type-known' })).toBe('map/type-known');
  expect(rowLabel({ rule: 'begin/read-device-known', half: 'read' })).toBe('begin/read-device-known@read');
  expect(rowLabel({ rule: 'size' })).toBe('size');
});

test('should find the rule and the path of a place again', () => {
  expect(placeOfLabel('map/type-known@write direct-write')).toEqual({ rule: 'map/type-known', path: 'direct-write' });
  expect(placeOfLabel('begin/error fiemap')).toEqual({ rule: 'begin/error', path: 'fiemap' });
});
