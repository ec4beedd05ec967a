import { expect, test } from '@playwright/test';
import type { Case, Step } from '../model/case.ts';
import type { StepResult } from '../model/observation.ts';
import { RWF } from '../model/syscall-flags.ts';
import { judge } from './judge.ts';
import {
  beginExchange,
  failed,
  ioendExchange,
  madeCase,
  mapped,
  MiB,
  observed,
  overwrite,
  writer,
  deviates,
} from './testing/hand-made.ts';

const EIO = 5,
  EINVAL = 22,
  EOPNOTSUPP = 95,
  ATOMIC_WRITE = 0x211,
  ATOMIC_BIO = 0x40;
const wrote: StepResult = { ret: 4096n, errno: 0 };

function atomicCase(
  write: Partial<Extract<Step, { call: 'pwrite' }>> = {},
  more: {
    attr?: Case['geometry']['files'][number]['attrFlags'];
    flags?: Extract<Step, { call: 'open' }>['flags'];
  } = {},
): Case {
  const testCase = madeCase([
    { call: 'pwrite', fd: 0, offset: 4096n, lengthBytes: 4096, writer: 0, rwf: RWF.ATOMIC, ...write },
  ]);
  testCase.geometry.devices = [
    { sizeBytes: MiB, access: 'rw', atomic: true },
    { sizeBytes: MiB, access: 'rw' },
  ];
  testCase.geometry.files[0]!.attrFlags = more.attr ?? ['IOMAP', 'EXCLUSIVE', 'ATOMIC'];
  if (more.flags) testCase.workload[0] = { call: 'open', file: 0, flags: more.flags };
  return testCase;
}
const begin = (opflags = ATOMIC_WRITE, flags = ATOMIC_BIO, dev = 1) =>
  beginExchange(opflags, 4096n, 4096n, mapped(0n, 16384n, 0n, dev, flags), overwrite(0n, 16384n));
const changed = (device = 0) => [{ device, offsetBytes: 4096n, content: [writer(4096n, 4096)] }];

test.describe('an atomic write of one block', () => {
  const verdictOf = (opflags: number, result: StepResult = wrote, changes = changed()) =>
    deviates(judge(atomicCase(), observed({ exchanges: [begin(opflags)], results: [result], changes })));
  test('conforms with opflags 0x211, and with those only', () => {
    expect(verdictOf(ATOMIC_WRITE)).toEqual(['conforms']);
    for (const opflags of [0x11, 0x201, 0x210, 0x231])
      expect(verdictOf(opflags), String(opflags)).toContain('request/begin request');
  });
  test('deviates when less was written, or elsewhere', () => {
    expect(verdictOf(ATOMIC_WRITE, { ret: 512n, errno: 0 })).not.toEqual(['conforms']);
    expect(
      verdictOf(ATOMIC_WRITE, wrote, [{ device: 0, offsetBytes: 4096n, content: [writer(4096n, 512)] }]),
    ).toContain('device/bytes device-bytes');
    expect(verdictOf(ATOMIC_WRITE, wrote, changed(1))).toContain('device/bytes device-bytes');
  });
});

test.describe('what is refused without a request', () => {
  const verdictOf = (testCase: Case, result: StepResult, exchanges = [] as ReturnType<typeof begin>[]) =>
    deviates(judge(testCase, observed({ exchanges, results: [result], changes: result.ret > 0n ? changed() : [] })));
  for (const [name, testCase, errno, rule] of [
    ['a file without ATTR_ATOMIC', atomicCase({}, { attr: ['IOMAP', 'EXCLUSIVE'] }), EOPNOTSUPP, 'atomic/allowed'],
    ['a buffered write', atomicCase({}, { flags: ['rdwr'] }), EOPNOTSUPP, 'atomic/buffered'],
    ['half a block', atomicCase({ lengthBytes: 2048 }), EINVAL, 'atomic/one-block'],
    ['two blocks', atomicCase({ lengthBytes: 8192, offset: 0n }), EINVAL, 'atomic/one-block'],
    ['halves of two blocks', atomicCase({ offset: 2048n }), EINVAL, 'atomic/one-block'],
  ] as const) {
    test(name, () => {
      expect(verdictOf(testCase, failed(errno))).toEqual(['conforms']);
      expect(verdictOf(testCase, failed(EIO))).toContain(`${rule} errno`);
      expect(verdictOf(testCase, failed(errno), [begin()])).toContain('request/none request');
      expect(verdictOf(testCase, wrote, [begin()])).toContain(`${rule} errno`);
    });
  }
});

test.describe('an atomic write to a device that takes none', () => {
  const begun = begin(ATOMIC_WRITE, ATOMIC_BIO, 2);
  test('fails, is reported by IOEND, and writes nothing', () => {
    const seen = (result: StepResult, exchanges: object[], changes = [] as ReturnType<typeof changed>) =>
      deviates(judge(atomicCase(), observed({ exchanges: exchanges as never, results: [result], changes })));
    expect(seen(failed(EINVAL), [begun, ioendExchange(8, 4096n, 4096n, -EINVAL)])).toEqual(['conforms']);
    expect(seen(failed(EINVAL), [begun])).toContain('request/ioend request');
    expect(seen(failed(EINVAL), [begun, ioendExchange(8, 4096n, 4096n, -EINVAL)], changed(1))).toContain(
      'device/bytes device-bytes',
    );
    // As a kernel would that does not make the write atomic.
    expect(seen(wrote, [begun], changed(1))).not.toEqual(['conforms']);
  });
});
