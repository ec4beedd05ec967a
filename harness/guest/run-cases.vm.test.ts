import { expect, test } from '@playwright/test';
import type { Case, Geometry, ScriptLine, Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { Observation } from '../../model/observation.ts';
import { caseGuest } from '../run/testing/case-guest.ts';

const nullAddr = 0xffff_ffff_ffff_ffffn;
const fileBytes = 65536n;
const mapped = (addr: bigint, lengthBytes = fileBytes, device = 0): MappingSpec => ({
  type: 'MAPPED',
  flags: [],
  dev: { device },
  addr,
  offset: 0n,
  length: lengthBytes,
});
const overwrite: MappingSpec = {
  type: 'PURE_OVERWRITE',
  flags: [],
  dev: 0,
  addr: nullAddr,
  offset: 0n,
  length: fileBytes,
};
const begin = (read: MappingSpec): ScriptLine => ({
  on: 'IOMAP_BEGIN',
  reply: { kind: 'mappings', read, write: overwrite },
});
const geometry: Geometry = {
  mount: 'ordinary',
  devices: [
    { sizeBytes: 1 << 20, access: 'rw' },
    { sizeBytes: 69_632, access: 'rw' },
  ],
  files: [{ sizeBytes: fileBytes, attrFlags: ['EXCLUSIVE', 'IOMAP'] }],
};
const open: Step = { call: 'open', file: 0, flags: ['rdwr', 'direct'] };
const readOne: Step = { call: 'pread', fd: 0, offset: 4096n, lengthBytes: 8192 };
const make = (script: ScriptLine[], workload: Step[], rest: Partial<Case> = {}): Case => ({
  schema: 1,
  revision: 'r3',
  geometry,
  script,
  workload,
  debugIomap: false,
  ...rest,
});

const { run, one } = caseGuest();
const fromDevice = (offsetBytes: bigint, lengthBytes: number, device = 0) => ({
  lengthBytes,
  source: { kind: 'device', device, offsetBytes },
});

test('should read what the mapping says, from the device it says', async () => {
  const seen = await one(make([begin(mapped(8192n))], [open, readOne]));
  expect(seen.mount).toMatchObject({ errno: 0, devices: [1, 2] });
  expect(seen.steps[1]).toEqual({ ret: 8192n, errno: 0, data: [fromDevice(12288n, 8192)] });
  expect(seen.transcript.filter(({ name }) => name === 'IOMAP_BEGIN')).toMatchObject([
    { file: 0, request: { opflags: 0x10, pos: 4096n, count: 8192n, attrIno: seen.inodes[0] } },
  ]);
  expect(seen.events).toEqual([]);
  expect(seen.deviceChanges).toEqual([]);
});

test('should see the bytes of a direct write on its device and nothing elsewhere, and give the next case clean devices', async () => {
  const [written, read] = (await run(
    make(
      [begin(mapped(4096n, fileBytes, 1))],
      [open, { call: 'pwrite', fd: 0, offset: 8192n, lengthBytes: 4096, writer: 3 }],
    ),
    make([begin(mapped(4096n, fileBytes, 1))], [open, { call: 'pread', fd: 0, offset: 8192n, lengthBytes: 4096 }]),
  )) as Observation[];
  expect(written!.steps[1]).toEqual({ ret: 4096n, errno: 0 });
  expect(written!.deviceChanges).toEqual([
    {
      device: 1,
      offsetBytes: 12288n,
      content: [{ lengthBytes: 4096, source: { kind: 'writer', writer: 3, offsetBytes: 8192n } }],
    },
  ]);
  expect(read!.steps[1]!.data).toEqual([fromDevice(12288n, 4096, 1)]);
  expect(read!.deviceChanges).toEqual([]);
});

test('should report a refusal by errno and trace event, and by WARN only when the case asks for it', async () => {
  const bad = [begin(mapped(8192n, fileBytes - 1n))];
  const [quiet, loud] = (await run(
    make(bad, [open, readOne]),
    make(bad, [open, readOne], { debugIomap: true }),
  )) as Observation[];
  const condition = '!IS_ALIGNED(map->length, blocksize)';
  expect(quiet!.steps[1]).toEqual({ ret: -1n, errno: 117, tail: [{ lengthBytes: 8192, source: { kind: 'poison' } }] });
  expect(quiet!.events).toMatchObject([{ kind: 'bad-data', condition }]);
  expect(loud!.steps[1]!.errno).toBe(117);
  expect(loud!.events).toMatchObject([
    { kind: 'bad-data', condition },
    { kind: 'bad-mapping-warn', condition },
  ]);
});

test('should answer FIEMAP and seeks from the mappings', async () => {
  const seen = await one(
    make(
      [begin(mapped(8192n))],
      [
        open,
        { call: 'seekData', fd: 0, offset: 5000n },
        { call: 'seekHole', fd: 0, offset: 5000n },
        { call: 'fiemap', fd: 0, start: 0n, lengthBytes: fileBytes, flags: 0, extents: 4 },
      ],
    ),
  );
  expect(seen.steps.slice(1, 3)).toEqual([
    { ret: 5000n, errno: 0 },
    { ret: fileBytes, errno: 0 },
  ]);
  expect(seen.steps[3]).toMatchObject({
    ret: 0n,
    fiemapMapped: 1,
    fiemap: [{ logical: 0n, physical: 8192n, length: fileBytes }],
  });
});

test('should end a request whose reply names another one, instead of hanging', async () => {
  const seen = await one(
    make([{ on: 'IOMAP_BEGIN', reply: { kind: 'raw', payload: '00', unique: 99n } }], [open, readOne]),
  );
  expect(seen.steps[1]).toMatchObject({ ret: -1n, errno: 5 });
  expect(seen.transcript.find(({ name }) => name === 'IOMAP_BEGIN')?.writeErrno).not.toBe(0);
});

test('should use script lines in order and as often as they say', async () => {
  const seen = await one(
    make(
      [
        { ...begin(mapped(8192n)), times: 1 },
        { on: 'IOMAP_BEGIN', reply: { kind: 'error', errno: 61 } },
      ],
      [open, readOne, readOne],
    ),
  );
  expect(seen.steps.map(({ errno }) => errno)).toEqual([0, 0, 61]);
});

test('should read a file without iomap from the server', async () => {
  const seen = await one(
    make([], [{ call: 'open', file: 0, flags: ['rdonly'] }, readOne], {
      geometry: { ...geometry, files: [{ sizeBytes: fileBytes, attrFlags: [] }] },
    }),
  );
  expect(seen.steps[1]!.data).toEqual([{ lengthBytes: 8192, source: { kind: 'server', file: 0, offsetBytes: 4096n } }]);
});

test('should mount after SYNC_INIT, and report a mount that is refused because of CONFIG', async () => {
  const config = { kind: 'error', errno: 13 } as const;
  const [plain, refused] = (await run(
    make([], [open], { geometry: { ...geometry, mount: 'syncInit' } }),
    make([], [open], { geometry: { ...geometry, mount: 'syncInit', config } }),
  )) as Observation[];
  expect(plain!.steps).toEqual([{ ret: 0n, errno: 0 }]);
  expect(refused!.mount.errno).not.toBe(0);
  expect(refused!.steps).toEqual([]);
  expect(refused!.transcript.map(({ name }) => name)).toContain('IOMAP_CONFIG');
});

test('should issue control plane calls on a mount of their own', async () => {
  const seen = await one(
    make(
      [],
      [
        { call: 'fuseIoctl', on: 'mounted', ioctl: 'IOMAP_SUPPORT' },
        { call: 'fuseIoctl', on: 'mounted', ioctl: 'BACKING_OPEN', target: 'regular' },
        { call: 'fuseIoctl', on: 'mounted', ioctl: 'BACKING_CLOSE', id: { device: 1 } },
      ],
    ),
  );
  expect(Buffer.from(seen.steps[0]!.out!).readBigUInt64LE(0) & 1n).toBe(1n);
  expect(seen.steps[1]!.errno).toBe(19);
  expect(seen.steps[2]).toEqual({ ret: 0n, errno: 0 });
  expect(seen.transcript.map(({ name }) => name)).toEqual(expect.arrayContaining(['INIT', 'IOMAP_CONFIG', 'DESTROY']));
});

test('should say why a case cannot be executed, and go on with the next', async () => {
  const [impossible, next] = await run(
    make([], [open], { geometry: { ...geometry, devices: [{ sizeBytes: 1000, access: 'rw' }] } }),
    make([begin(mapped(8192n))], [open, readOne]),
  );
  expect(impossible).toMatch(/no multiple of 512/);
  expect((next as Observation).steps[1]!.errno).toBe(0);
});

test('should keep cases apart in a large batch', async () => {
  const cases = Array.from({ length: 200 }, (_, index) =>
    make([begin(mapped(BigInt(index % 16) * 4096n))], [open, readOne]),
  );
  const seen = (await run(...cases)) as Observation[];
  seen.forEach((observation, index) => {
    expect(observation.steps[1]!.data).toEqual([fromDevice(BigInt(index % 16) * 4096n + 4096n, 8192)]);
    expect(observation.transcript.filter(({ name }) => name === 'IOMAP_BEGIN')).toHaveLength(1);
  });
});
