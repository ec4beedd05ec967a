/**
 * Table cases and the server in TypeScript must be indistinguishable: the same cases both ways, in one guest, give the
 * same observations.
 */
import { expect, test } from '@playwright/test';
import { isDeepStrictEqual } from 'node:util';
import { conformancePlan, casesOf } from '../../../plan/plan.ts';
import { execute } from '../execute.ts';
import { LocalGuests } from '../guests.ts';
import { tableCaseOf } from './compile.ts';
import { noProgress } from '../../../vm/kernel/progress.ts';
import { selectKernel } from '../../../vm/kernel/select.ts';
import { agentFiles } from '../../../vm/guest-files.ts';
import type { Case } from '../../../model/case.ts';
import type { Exchange, Observation } from '../../../model/observation.ts';
import { FuzzCases } from '../fuzz/cases.ts';
import { revisions } from '../../../uapi/revision.ts';

let guests: LocalGuests;
test.beforeAll(async () => {
  const kernel = await selectKernel(
    process.env['IOMAPFUZZ_KERNEL'] === undefined ? {} : { kernel: process.env['IOMAPFUZZ_KERNEL'] },
    noProgress,
  );
  guests = new LocalGuests({ kernel, files: agentFiles(), memoryMib: 512, bootTimeoutMs: 120_000 });
});
test.afterAll(async () => {
  await guests.close();
});

async function observe(cases: readonly Case[], tables: boolean): Promise<Observation[]> {
  const seen: Observation[] = [];
  for await (const { index, outcome } of execute(guests, cases, { tables })) {
    if (outcome.kind !== 'observed') throw new Error(`case ${index}: ${outcome.kind}`);
    seen[index] = outcome.observation;
  }
  return seen;
}

/** What the kernel asks once in the life of a mount: whether there is such an operation. */
const askedOnce = ['OPEN', 'FLUSH', 'GETXATTR'];

/** SETATTR of ATIME, MTIME and CTIME: the kernel writes times back when its clock has ticked since, every 4 ms. */
const timesOnly = 0x430;

/** Without what differs from run to run: numbers that count up, times, owners of locks. */
function comparable({ inodes, transcript: all, mount, ...rest }: Observation): unknown {
  const transcript = all.filter(
    ({ name, request }) => !askedOnce.includes(name) && !(name === 'SETATTR' && request['valid'] === timesOnly),
  );
  const file = (value: unknown): unknown => {
    const index = inodes.indexOf(value as bigint);
    return index < 0 ? value : `ino of file ${index}`;
  };
  const neutral = (fields: Record<string, unknown>): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(fields)
        .filter(([key]) => !/time|nodeid|^name|lockOwner/.test(key))
        .map(([key, value]) => [
          key,
          key === 'attr' || key === 'map'
            ? neutral(value as Record<string, unknown>)
            : typeof value === 'bigint'
              ? file(value)
              : value,
        ]),
    );
  return {
    ...rest,
    mount,
    files: inodes.length,
    transcript: transcript.map(({ seq: _seq, unique: _unique, nodeid, request, reply, ...exchange }: Exchange) => ({
      ...exchange,
      node: exchange.file === undefined ? nodeid : undefined,
      request: neutral(request),
      reply: reply && {
        error: reply.error,
        bytes: reply.payload.length,
        ...(reply.fields ? { fields: neutral(reply.fields) } : { payload: reply.payload }),
      },
    })),
  };
}

/**
 * When a kernel writes back of its own accord is up to its clock: what differs once is looked at again, and must be the
 * same then.
 */
async function expectTheSame(cases: readonly Case[]): Promise<void> {
  const differing = await differences(cases);
  expect(differing.length).toBeLessThan(5);
  for (const { case: value } of differing) {
    const [again] = await differences([value]);
    expect(again?.quick, `${value.provenance?.origin} ${value.provenance?.path ?? ''}`).toEqual(again?.slow);
  }
}

async function differences(cases: readonly Case[]): Promise<{ case: Case; quick: unknown; slow: unknown }[]> {
  const [quick, slow] = [await observe(cases, true), await observe(cases, false)];
  return cases
    .map((value, index) => ({ case: value, quick: comparable(quick[index]!), slow: comparable(slow[index]!) }))
    .filter((one) => !isDeepStrictEqual(one.quick, one.slow));
}

test('should give the same observations of the conformance plan', async () => {
  const cases = conformancePlan(revisions.r3)
    .flatMap((cell) => casesOf(cell, { seed: 1, runs: 1 }))
    .map((run) => run.case)
    .filter((value) => tableCaseOf(value));
  expect(cases.length).toBeGreaterThan(1800);
  await expectTheSame(cases);
});

test('should give the same observations of a campaign', async () => {
  const drawn = new FuzzCases({ seed: 5, revision: 'r3', version: '0' });
  const cases = Array.from({ length: 600 }, (_, index) => drawn.at(index).case).filter((value) => tableCaseOf(value));
  expect(cases.length).toBeGreaterThan(500);
  await expectTheSame(cases);
});
