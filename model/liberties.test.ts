import { expect, test } from '@playwright/test';
import { addCounts, libertyUses } from './liberties.ts';

const known = ['one', 'two'].map((name) => ({ name, clause: 'rules: may', effect: `does ${name}` }));

test('should add what guests report, and leave what nobody asked for', () => {
  const uses = libertyUses(['two'], known);
  addCounts(uses, { two: { reached: 3, used: 1 }, one: { reached: 9, used: 9 } });
  addCounts(uses, {});
  addCounts(uses, { two: { reached: 1, used: 1 } });
  expect(uses).toEqual([{ name: 'two', clause: 'rules: may', effect: 'does two', reached: 4, used: 2 }]);
});

test('should not count for a switch that the kernel lacks', () => {
  expect(() => libertyUses(['three'], known)).toThrow('no liberty three');
});
