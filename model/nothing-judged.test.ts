import { expect, test } from '@playwright/test';
import { honestVerdict } from './nothing-judged.ts';
import type { Unjudged } from './verdict.ts';

const substance: Unjudged['aspect'][] = ['errno', 'result', 'size', 'bytes-read', 'device-bytes', 'request'];
const kindOf = (aspects: readonly Unjudged['aspect'][], step?: number): string =>
  honestVerdict({
    kind: 'conforms',
    unjudged: aspects.map((aspect) => ({
      aspect,
      reason: 'the guest said nothing',
      ...(step !== undefined && { step }),
    })),
  }).kind;

test('should not let a case conform of which only silence was judged', () => {
  expect(kindOf([...substance, 'trace-event', 'warn', 'kernel-log'])).toBe('not-run');
  expect(kindOf(substance)).toBe('not-run');
});

test('should let one conform of which something was judged, or some steps', () => {
  for (const left of substance)
    expect(kindOf([...substance.filter((one) => one !== left), 'trace-event', 'warn', 'kernel-log']), left).toBe(
      'conforms',
    );
  expect(kindOf(['trace-event', 'warn', 'kernel-log'])).toBe('conforms');
  expect(kindOf([...substance, 'trace-event', 'warn'], 2)).toBe('conforms');
});
