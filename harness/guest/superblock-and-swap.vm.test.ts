/** Steps about more than a file: what they do in a guest, and that they leave nothing behind for the next case. */
import { expect, test } from '@playwright/test';
import type { Case, Geometry, ScriptLine, Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { Observation } from '../../model/observation.ts';
import { RWF } from '../../model/syscall-flags.ts';
import { caseGuest } from '../run/testing/case-guest.ts';

const PAGE = 4096,
  PAGES = 8,
  addr = 65_536n;
const fileBytes = BigInt(PAGES * PAGE);
const mapped = (device = 0, flags: MappingSpec['flags'] = []): MappingSpec => ({
  type: 'MAPPED',
  flags,
  dev: { device },
  addr,
  offset: 0n,
  length: fileBytes,
});
const begin = (read: MappingSpec): ScriptLine => ({
  on: 'IOMAP_BEGIN',
  reply: {
    kind: 'mappings',
    read,
    write: { type: 'PURE_OVERWRITE', flags: [], dev: 0, addr: 0xffff_ffff_ffff_ffffn, offset: 0n, length: fileBytes },
  },
});
const geometry = (devices: Geometry['devices'] = [{ sizeBytes: 1 << 20, access: 'rw' }]): Geometry => ({
  mount: 'ordinary',
  devices,
  files: [{ sizeBytes: fileBytes, attrFlags: ['EXCLUSIVE', 'IOMAP', 'ATOMIC'] }],
});
const make = (workload: Step[], script: ScriptLine[] = [begin(mapped())], devices?: Geometry['devices']): Case => ({
  schema: 1,
  revision: 'r3',
  geometry: geometry(devices),
  script,
  workload,
  debugIomap: false,
});
const open: Step = { call: 'open', file: 0, flags: ['rdwr', 'direct'] };
const swapon: Step = { call: 'swapon', file: 0, header: { device: 0, offset: addr, pages: PAGES } };

const { run } = caseGuest();
const names = (seen: Observation): string[] => seen.transcript.map(({ name }) => name);
const errnosOf = (seen: Observation): number[] => seen.steps.map(({ errno }) => errno);

test('should page out to the device that the swap file is mapped to, and nowhere else', async () => {
  const [seen] = (await run(
    make([swapon, { call: 'pageOut', lengthBytes: 4 * PAGE, writer: 9 }, { call: 'swapoff', file: 0 }]),
  )) as [Observation];
  expect(errnosOf(seen)).toEqual([0, 0, 0]);
  expect(seen.steps[1]!.data).toEqual([
    { lengthBytes: 4 * PAGE, source: { kind: 'writer', writer: 9, offsetBytes: 0n } },
  ]);
  // Which of the places the kernel takes is its own business; the header's is not one of them.
  expect(seen.deviceChanges.length).toBeGreaterThan(0);
  for (const { device, offsetBytes, content } of seen.deviceChanges) {
    expect(device).toBe(0);
    expect(
      offsetBytes >= addr + BigInt(PAGE) &&
        offsetBytes + BigInt(content.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)) <= addr + fileBytes,
    ).toBe(true);
    for (const { source } of content) expect(source).toMatchObject({ kind: 'writer', writer: 9 });
  }
  expect(names(seen).filter((name) => name === 'IOMAP_IOEND')).toHaveLength(1);
});

test('should take a swap file that a case leaves in use out of use', async () => {
  const [left, next] = (await run(
    make([swapon]),
    make([open, { call: 'pread', fd: 0, offset: 0n, lengthBytes: PAGE }]),
  )) as [Observation, Observation];
  expect(errnosOf(left)).toEqual([0]);
  expect(names(left)).toContain('IOMAP_IOEND');
  expect(left.deviceChanges).toEqual([]);
  // On the same mount.
  expect(errnosOf(next)).toEqual([0, 0]);
});

test('should thaw what a case leaves frozen, also by cutting off a server that refuses', async () => {
  const freeze: Step = { call: 'freeze', fd: 0 };
  const refuses: ScriptLine = { on: 'UNFREEZE_FS', reply: { kind: 'error', errno: 5 } };
  const [left, refused, next] = (await run(
    make([open, freeze]),
    make([open, freeze, { call: 'thaw', fd: 0 }], [refuses]),
    make([open, freeze, { call: 'thaw', fd: 0 }]),
  )) as [Observation, Observation, Observation];
  expect(errnosOf(left)).toEqual([0, 0]);
  expect(names(left).filter((name) => name.endsWith('FREEZE_FS') || name === 'DESTROY')).toEqual([
    'FREEZE_FS',
    'UNFREEZE_FS',
    'DESTROY',
  ]);
  expect(errnosOf(refused)).toEqual([0, 0, 5]);
  expect(refused.unmountErrno).toBe(0);
  expect(refused.events).toEqual([]);
  expect(errnosOf(next)).toEqual([0, 0, 0]);
});

test('should end a case before a step that would wait for ever for a thaw, and say what was seen until then', async () => {
  const write: Step = { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: PAGE, writer: 0 };
  const freeze: Step = { call: 'freeze', fd: 0 };
  const [seen, next] = (await run(make([open, freeze, write, { call: 'fsync', fd: 0 }]), make([open, write]))) as [
    Observation,
    Observation,
  ];
  expect(errnosOf(seen)).toEqual([0, 0]);
  expect(seen.cut).toEqual({ step: 2, exchanges: 0, why: 'frozen' });
  expect(names(seen).filter((name) => name.endsWith('FREEZE_FS'))).toEqual(['FREEZE_FS', 'UNFREEZE_FS']);
  expect(errnosOf(next)).toEqual([0, 0]);
});

test('should write atomically to the devices that can, and to no others', async () => {
  const write: Step = { call: 'pwrite', fd: 0, offset: 4096n, lengthBytes: PAGE, writer: 0, rwf: RWF.ATOMIC };
  const devices: Geometry['devices'] = [
    { sizeBytes: 1 << 20, access: 'rw', atomic: true },
    { sizeBytes: 1 << 20, access: 'rw' },
  ];
  const [able, unable] = (await run(
    ...[0, 1].map((device) => make([open, write], [begin(mapped(device, ['ATOMIC_BIO']))], devices)),
  )) as [Observation, Observation];
  expect(able.steps[1]).toEqual({ ret: BigInt(PAGE), errno: 0 });
  expect(able.deviceChanges).toEqual([
    {
      device: 0,
      offsetBytes: addr + 4096n,
      content: [{ lengthBytes: PAGE, source: { kind: 'writer', writer: 0, offsetBytes: 4096n } }],
    },
  ]);
  expect(unable.steps[1]!.ret).toBe(-1n);
  expect(unable.deviceChanges).toEqual([]);
});
