import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { operationsOf } from './fuse-operations.ts';
import { inHeader } from './fuse-structs.ts';
import { decodeReply, decodeRequest, encodeReply } from './fuse-wire.ts';
import { r1, r3 } from './revision.ts';

const operations = operationsOf(r3);
const request = (opcode: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([
    inHeader.encode({ len: 40 + body.length, opcode, unique: 0x1234n, nodeid: 7n, uid: 1, gid: 2, pid: 3 }),
    body,
  ]);
};

test('should have no opcode twice, and iomap opcodes only where the revision has them', () => {
  const numbers = [...operations.values()].map(({ opcode }) => opcode);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect([...operationsOf(r1).values()].some(({ name }) => name === 'IOMAP_CONFIG')).toBe(false);
  expect(operations.get(4094)?.name).toBe('IOMAP_BEGIN');
});

test('should give back every field of every request layout', () => {
  for (const operation of operations.values()) {
    if (!operation.request) continue;
    const { size } = operation.request;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: size, maxLength: size }), (bytes) => {
        const value = operation.request?.decode(Buffer.from(bytes));
        const again = decodeRequest(
          operations,
          request(operation.opcode, operation.request?.encode(value ?? {}) ?? bytes, Buffer.alloc(operation.names)),
          40 + size + operation.names,
        );
        expect(again.args).toEqual(value);
      }),
      { numRuns: 10 },
    );
  }
});

test('should split names and data', () => {
  const rename = request(12, Buffer.from([9, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('old\0new\0'));
  expect(decodeRequest(operations, rename, rename.length)).toMatchObject({
    name: 'RENAME',
    names: ['old', 'new'],
    args: { newdir: 9n },
  });
  const set = request(21, Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('user.a\0xy'));
  const decoded = decodeRequest(operations, set, set.length);
  expect(decoded).toMatchObject({ name: 'SETXATTR', names: ['user.a'] });
  expect(decoded.data.toString()).toBe('xy');
});

test('should keep the bytes of an operation it does not know', () => {
  const unknown = request(999, Buffer.from('abc'));
  const decoded = decodeRequest(operations, unknown, unknown.length);
  expect(decoded.name).toBe('op 999');
  expect(decoded.data.toString()).toBe('abc');
});

test('should refuse a request that ends inside its name', () => {
  const cut = request(1, Buffer.from('name'));
  expect(() => decodeRequest(operations, cut, cut.length)).toThrow(/without the NUL/);
});

test('should fill a short INIT of an old kernel with zeroes', () => {
  const init = request(26, Buffer.from([7, 0, 0, 0, 31, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0]));
  expect(decodeRequest(operations, init, init.length).args).toMatchObject({ major: 7, minor: 31, flags: 1, flags2: 0 });
});

test('should write replies that may lie about their length and unique', () => {
  const honest = encodeReply(5n, -22, Buffer.from('ab'));
  expect([honest.readUInt32LE(0), honest.readInt32LE(4), honest.readBigUInt64LE(8), honest.length]).toEqual([
    18,
    -22,
    5n,
    18,
  ]);
  expect(encodeReply(5n, 0, Buffer.alloc(0), 999).readUInt32LE(0)).toBe(999);
  expect(decodeReply(operations.get(4093), Buffer.alloc(7))).toBeUndefined();
  expect(decodeReply(operations.get(4093), Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]))).toEqual({ newsize: 1n });
});
