import { expect, test } from '@playwright/test';
import { Liveness, turnMs, type Silence } from './liveness.ts';

/**
 * Turns until it is believed to be locked up, of at most 200; QEMU gets `share` of the processor, and waits for it the
 * share `waits`, where the host counts that.
 */
function turnsUntil(
  liveness: Liveness,
  share: number,
  waits?: number,
): { turns: number; silence: Silence } | undefined {
  for (let turns = 1; turns <= 200; turns++) {
    const silence = liveness.turn({
      usedMs: turns * turnMs * share,
      ...(waits !== undefined && { waitedMs: turns * turnMs * waits }),
    });
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

test('should find a guest locked up that sleeps for ever, within ten seconds, or sixteen on a host that does not say whether it only waits', () => {
  const found = turnsUntil(watching(), 0, 0)!;
  expect(found.silence.how).toBe('sleeps');
  expect(found.turns * turnMs).toBeLessThanOrEqual(10_000);
  const unsure = turnsUntil(watching(), 0)!;
  expect(unsure.silence.how).toBe('sleeps');
  expect(unsure.turns * turnMs).toBeGreaterThan(10_000);
  expect(unsure.turns * turnMs).toBeLessThanOrEqual(16_000);
});

test('should not take a guest for one that sleeps for ever that is ready to run and gets no processor', () => {
  expect(turnsUntil(watching(), 0.02, 0.9)).toBeUndefined();
  expect(turnsUntil(watching(), 0.02, 0.1)!.silence.how).toBe('sleeps');
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
    expect(liveness.turn({ usedMs: turns * turnMs, waitedMs: 0 })).toBeUndefined();
    if (turns % 10 === 0) liveness.heard(false);
  }
});
