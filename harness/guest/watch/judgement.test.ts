import { expect, test } from '@playwright/test';
import { Judgement, looksOfBusy, looksOfKnown, looksOfNew, type Look } from './judgement.ts';

const resting: Look = { position: '1', running: 0, switches: 10, userTicks: 0, idleTicks: 0, allTicks: 0 };
const ticksBetween = 62;

/** How the kernel is said to hang after so many looks; `next` changes a look before the next one. */
function verdictAfter(looks: number, next: (look: Look) => Look): string | undefined {
  const judgement = new Judgement();
  let look = resting;
  for (let n = 0; n <= looks; n++) {
    const { how } = judgement.look(look);
    if (how) return how;
    look = next(look);
  }
  return undefined;
}
const idle = (look: Look): Look => ({
  ...look,
  idleTicks: look.idleTicks + ticksBetween,
  allTicks: look.allTicks + ticksBetween,
});
const busy = (look: Look): Look => ({ ...look, allTicks: look.allTicks + ticksBetween, running: 1 });

test('should find that a kernel waits for ever when nobody could run, look after look', () => {
  expect(verdictAfter(looksOfNew - 1, idle)).toBeUndefined();
  expect(verdictAfter(looksOfNew, idle)).toBe('waits');
});

test('should not take a thread that wakes up now and then for one that waits for ever, but for one that gets nowhere', () => {
  const waking = (look: Look): Look => ({ ...idle(look), switches: look.switches + 1 });
  expect(verdictAfter(looksOfBusy - 1, waking)).toBeUndefined();
  expect(verdictAfter(looksOfBusy, waking)).toBe('restless');
});

test('should find a kernel busy that runs look after look', () => {
  expect(verdictAfter(looksOfBusy - 1, busy)).toBeUndefined();
  expect(verdictAfter(looksOfBusy, busy)).toBe('runs');
});

test('should not blame a kernel for what the guest itself computes', () => {
  expect(verdictAfter(200, (look) => ({ ...busy(look), userTicks: look.userTicks + ticksBetween }))).toBeUndefined();
});

test('should not blame a kernel whose guest gets no processor: nothing runs at the looks, and no time is idle', () => {
  expect(
    verdictAfter(200, (look) => ({ ...look, allTicks: look.allTicks + ticksBetween, switches: look.switches + 1 })),
  ).toBeUndefined();
});

test('should count anew when the kernel gets on', () => {
  let n = 0;
  expect(verdictAfter(200, (look) => ({ ...idle(look), position: String(Math.floor(++n / 10)) }))).toBeUndefined();
});

test('should believe a known hang early, and only while nothing could run', () => {
  const judgement = new Judgement();
  let look = resting;
  for (let n = 0; n < looksOfKnown; n++) {
    expect(judgement.look(look)).toEqual({});
    look = idle(look);
  }
  expect(judgement.look(look)).toEqual({ early: 'waits' });
  expect(judgement.look(busy(look))).toEqual({});
});
