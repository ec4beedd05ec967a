import { expect, test } from '@playwright/test';
import { Liveness, turnMs, type Silence } from './liveness.ts';

/** Turns until it is believed to be locked up, of at most 200; QEMU gets this share of the processor. */
function turnsUntil(liveness: Liveness, share: number): { turns: number; silence: Silence } | undefined {
  for (let turns = 1; turns <= 200; turns++) {
    const silence = liveness.turn(turns * turnMs * share);
    if (silence) return { turns, silence };
  }
  return undefined;
}
const watching = (): Liveness => {
  const liveness = new Liveness();
  liveness.heard(true);
  return liveness;
};

test('should find a guest locked up that runs and says nothing, within eight seconds', () => {
  const found = turnsUntil(watching(), 1)!;
  expect(found.silence.how).toBe('runs');
  expect(found.turns * turnMs).toBeLessThanOrEqual(8000);
});

test('should find a guest locked up that sleeps for ever, within sixteen seconds', () => {
  const found = turnsUntil(watching(), 0)!;
  expect(found.silence.how).toBe('sleeps');
  expect(found.turns * turnMs).toBeLessThanOrEqual(16_000);
});

test('should not take a guest that gets a fifth of a processor for one that is locked up until it used as much as another', () => {
  const [loaded, alone] = [turnsUntil(watching(), 0.2)!, turnsUntil(watching(), 1)!];
  expect(loaded.turns).toBeGreaterThan(2 * alone.turns);
});

test('should wait less for a guest whose case has locked up another', () => {
  const liveness = watching();
  liveness.impatient = true;
  expect(turnsUntil(liveness, 1)!.turns).toBeLessThan(turnsUntil(watching(), 1)!.turns / 2 + 1);
});

test('should say nothing of a guest that never said that it watches its kernel, nor of one that is stopped', () => {
  expect(turnsUntil(new Liveness(), 1)).toBeUndefined();
  const liveness = watching();
  for (let turns = 0; turns < 200; turns++) expect(liveness.turn(undefined)).toBeUndefined();
});

test('should begin anew after each word', () => {
  const liveness = watching();
  for (let turns = 1; turns <= 200; turns++) {
    expect(liveness.turn(turns * turnMs)).toBeUndefined();
    if (turns % 10 === 0) liveness.heard(false);
  }
});
