import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import type { Notification } from '../model/notification.ts';
import { revisions } from '../uapi/revision.ts';
import { judge } from '../oracles/judge.ts';
import { runIdeal } from '../oracles/testing/ideal-kernel.ts';
import { geometriesOf } from './fuzz-geometry.ts';
import { notifiedFile } from './notified-file.ts';

const cases = [0, 1, 2, 3].flatMap((n) =>
  fc.sample(notifiedFile({ revision: revisions.r3, geometry: geometriesOf(5, n)[n]! }), {
    seed: 200 + n,
    numRuns: 150,
  }),
);
const notifications = cases.flatMap(({ case: { workload } }) =>
  workload.flatMap((step) => (step.call === 'notify' ? [step.notification] : [])),
);
type Of<K extends Notification['kind']> = Extract<Notification, { kind: K }>;
const ofKind = <K extends Notification['kind']>(wanted: K) =>
  notifications.filter((one): one is Of<K> => one.kind === wanted);

test('should make cases that a kernel which follows the rules passes', () => {
  for (const { case: value, note } of cases) expect(judge(value, runIdeal(value)), note).toEqual({ kind: 'conforms' });
});

test('should draw each field on both sides of each border', () => {
  const near = (values: readonly bigint[], border: bigint): number =>
    values.filter((value) => value - border < 2n && border - value < 2n).length;
  for (const kind of ['store', 'retrieve'] as const) {
    const offsets = ofKind(kind).map(({ offset }) => offset);
    for (const border of [0n, 512n, 4096n, 1n << 31n, 1n << 32n, 1n << 63n, (1n << 64n) - 1n])
      expect(near(offsets, border), `${kind} offset ${border}`).toBeGreaterThan(5);
    const nodes = ofKind(kind).flatMap(({ node }) => ('nodeid' in node ? [node.nodeid] : []));
    for (const border of [0n, 1n << 31n, 1n << 32n, 1n << 63n, (1n << 64n) - 1n])
      expect(near(nodes, border), `${kind} node ${border}`).toBeGreaterThan(2);
  }
  const sizes = (kind: 'store' | 'retrieve'): bigint[] => ofKind(kind).map(({ lengthBytes }) => BigInt(lengthBytes));
  for (const border of [0n, 512n, 4096n, 1n << 16n])
    expect(near(sizes('store'), border), `store size ${border}`).toBeGreaterThan(2);
  for (const border of [0n, 4096n, 1n << 31n, 1n << 32n])
    expect(near(sizes('retrieve'), border), `retrieve size ${border}`).toBeGreaterThan(5);
  for (const field of ['offset', 'length'] as const) {
    const values = ofKind('invalInode').map((one) => one[field]);
    for (const border of [-(1n << 63n), -4096n, 0n, 4096n, 1n << 31n, 1n << 32n, (1n << 63n) - 1n])
      expect(near(values, border), `inval-inode ${field} ${border}`).toBeGreaterThan(2);
  }
});

/** What a kernel with a fault would show; undefined: not in this case. */
const FAULTS: Readonly<Record<string, (index: number) => ReturnType<typeof runIdeal> | undefined>> = {
  'takes a STORE for a file that uses iomap': (index) => {
    const { case: value } = cases[index]!;
    const at = value.workload.findIndex(
      (step) =>
        step.call === 'notify' &&
        step.notification.kind === 'store' &&
        'file' in step.notification.node &&
        step.notification.node.file === 0,
    );
    const seen = runIdeal(value);
    return at < 0
      ? undefined
      : { ...seen, steps: seen.steps.map((step, n) => (n === at ? { ret: 40n, errno: 0 } : step)) };
  },
  'loses dirty pages by INVAL_INODE': (index) => {
    const { case: value } = cases[index]!;
    const kinds = value.workload.map((step) => (step.call === 'notify' ? step.notification.kind : step.call));
    const seen = runIdeal(value);
    const changes = seen.deviceChanges.filter(({ content }) =>
      content.every(({ source, lengthBytes }) => source.kind !== 'writer' || lengthBytes < 16),
    );
    return kinds.indexOf('pwrite') < kinds.lastIndexOf('invalInode') &&
      kinds.includes('pwrite') &&
      changes.length < seen.deviceChanges.length
      ? { ...seen, deviceChanges: changes }
      : undefined;
  },
};
for (const [name, fault] of Object.entries(FAULTS)) {
  test(`should show that a kernel ${name}`, () => {
    const wrong = cases.flatMap((_, index) => {
      const seen = fault(index);
      return seen ? [judge(cases[index]!.case, seen).kind] : [];
    });
    expect(wrong.length).toBeGreaterThan(50);
    expect([...new Set(wrong)]).toEqual(['deviates']);
  });
}
