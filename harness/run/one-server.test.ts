/**
 * The same requests to the server in TypeScript, to the addon's, and to an emitted program's: they must answer with the
 * same bytes. A socket stands in for /dev/fuse.
 */
import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Case, ScriptLine } from '../../model/case.ts';
import { fileName, firstCaseNode, inoOffset, nodeidOf, nodesPerCase } from '../../model/nodes.ts';
import { serverBytes } from '../../model/pattern.ts';
import { encodeTableCase } from '../../model/table-case.ts';
import { tableResults } from '../../model/table-result.ts';
import { predict } from '../../oracles/predict.ts';
import { emitC } from '../../reproducers/emit-c.ts';
import { encodeAnswer } from '../../server/answer.ts';
import { CaseServer } from '../../server/case-server.ts';
import { FUSE_ROOT_ID, SETATTR_VALID } from '../../uapi/fuse-flags.ts';
import { operationsByName, operationsOf } from '../../uapi/fuse-operations.ts';
import { inHeader, outHeader } from '../../uapi/fuse-structs.ts';
import { decodeRequest } from '../../uapi/fuse-wire.ts';
import { revisionWith } from '../../uapi/numbers.ts';
import { NULL_ADDR, revisions, type Revision } from '../../uapi/revision.ts';
import { builtAddonPath } from '../native/built.ts';
import type { TableOptions } from '../native/index.ts';
import { tableCaseOf } from './table/compile.ts';
import { movedNumbers } from './testing/moved-numbers.ts';

/** Of the test at hand. */
let revision: Revision = revisions.r3;
const SERIAL = 0;
/** Of the case's devices. */
const COOKIES = [1, 2];

interface Asked {
  name: string;
  /** Of the case's files. */
  file: number;
  args?: Record<string, number | bigint>;
  data?: Buffer;
}

const half = { offset: 0n, length: 65536n, addr: 65536n };
const overwrite = { ...half, addr: NULL_ADDR, type: 'PURE_OVERWRITE' as const, flags: [], dev: 0 };
const mappings = (device: number): ScriptLine['reply'] => ({
  kind: 'mappings',
  read: { ...half, type: 'MAPPED', flags: ['SHARED'], dev: { device } },
  write: overwrite,
});

const caseOf = (script: ScriptLine[]): Case => ({
  schema: 1,
  revision: 'r3',
  debugIomap: false,
  geometry: {
    mount: 'ordinary',
    devices: [
      { sizeBytes: 1 << 20, access: 'rw' },
      { sizeBytes: 1 << 20, access: 'rw' },
    ],
    files: [
      { sizeBytes: 4096n, attrFlags: ['IOMAP', 'EXCLUSIVE'] },
      { sizeBytes: 12345n, attrFlags: ['IOMAP', 'EXCLUSIVE', 'SYNC'] },
    ],
  },
  script,
  // What makes an emitted program answer all of these requests.
  workload: [
    { call: 'open', file: 0, flags: ['rdwr'] },
    { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 0 },
    { call: 'fallocate', fd: 0, mode: 0, offset: 0n, lengthBytes: 4096n },
    { call: 'ftruncate', fd: 0, sizeBytes: 8192n },
    { call: 'seekData', fd: 0, offset: 0n },
    { call: 'fsync', fd: 0 },
  ],
});

/** The request as the kernel would write it. `unique`: its number. `lookup`: the name of a file for LOOKUP. */
function encode({ name, file, args = {}, data }: Asked, unique: number, lookup: (file: number) => string): Buffer {
  const operation = operationsByName(revision).get(name)!;
  const body = Buffer.concat([
    operation.request?.encode(args) ?? Buffer.alloc(0),
    ...(operation.names === 1 ? [Buffer.from(`${name === 'LOOKUP' ? lookup(file) : 'user.name'}\0`)] : []),
    data ?? Buffer.alloc(0),
  ]);
  return Buffer.concat([
    inHeader.encode({
      len: inHeader.size + body.length,
      opcode: operation.opcode,
      unique: BigInt(unique),
      nodeid: name === 'LOOKUP' ? BigInt(FUSE_ROOT_ID) : nodeidOf(SERIAL, file),
    }),
    body,
  ]);
}

/** What the server in TypeScript answers; undefined: nothing. */
function byTypeScript(testCase: Case, asked: readonly Asked[]): (Buffer | undefined)[] {
  const server = new CaseServer({
    revision,
    opens: false,
    config: undefined,
    files: testCase.geometry.files,
    script: testCase.script,
    serial: SERIAL,
    cookies: () => COOKIES,
    read: serverBytes,
  });
  return asked.map((one, index) => {
    const bytes = encode(one, index + 1, (file) => fileName(SERIAL, file));
    const request = decodeRequest(operationsOf(revision), bytes, bytes.length);
    return encodeAnswer(request.unique, server.answer(request).answer);
  });
}

/** Two threads of the addon: one waits in open(2) of a FIFO, as the case's workload, the other answers meanwhile. */
const threads = `
const { parentPort, workerData: { addon, role, ...rest } } = require('node:worker_threads');
const module_ = { exports: {} };
process.dlopen(module_, addon);
const native = module_.exports;
if (role === 'workload') parentPort.postMessage(native.runTable(rest.cases, 0, rest.serial, rest.options));
else {
  const buffer = Buffer.alloc(1 << 16);
  const EAGAIN = 11, POLLIN = 1;
  // Before the case runs nobody answers.
  for (const words = new Uint32Array(7); words[0] === 0; native.progress(words)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  for (;;) {
    const got = native.readUnanswered(rest.fd, buffer, 0, buffer.length);
    if (got === -EAGAIN) native.poll(rest.fd, POLLIN, 1000);
    else {
      parentPort.postMessage(got);
      break;
    }
  }
}`;

/** What the addon answers, and whether it answered everything. */
async function byAddon(
  testCase: Case,
  asked: readonly Asked[],
  expected: readonly (Buffer | undefined)[],
  folder: string,
): Promise<{ answers: (Buffer | undefined)[]; beyond: boolean }> {
  const table = tableCaseOf({ ...testCase, workload: [{ call: 'open', file: 0, flags: ['rdonly'] }] }, revision)!;
  const fifo = join(folder, fileName(SERIAL, 0));
  execFileSync('mkfifo', [fifo]);
  const nothing = openSync('/dev/null', 'r');
  const [kernel, dev] = await socketPair(join(folder, 'fuse'));
  const u32s = (values: readonly number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);
  const options: TableOptions = {
    firstNodeid: firstCaseNode,
    nodesPerCase,
    inoOffset,
    mountPoint: folder,
    fuseFd: dev.fd,
    opBegin: revision.opcodes.IOMAP_BEGIN!,
    opEnd: revision.opcodes.IOMAP_END!,
    opIoend: revision.opcodes.IOMAP_IOEND!,
    typeHole: revision.mappingTypes.HOLE!,
    typePureOverwrite: revision.mappingTypes.PURE_OVERWRITE!,
    cookies: u32s(COOKIES),
    deviceFds: u32s([]),
    traceFd: nothing,
    kmsgFd: nothing,
  };
  const addon = builtAddonPath();
  const spawn = (workerData: object): Worker =>
    new Worker(threads, { eval: true, workerData: { addon, ...workerData } });
  const workload = spawn({ role: 'workload', cases: encodeTableCase(table, 0), serial: SERIAL, options });
  const results = new Promise<Buffer>((resolve, reject) => {
    workload.once('message', (bytes: Uint8Array) => {
      resolve(Buffer.from(bytes));
    });
    workload.once('error', reject);
  });
  const server = spawn({ role: 'server', fd: dev.fd });
  const unanswered = new Promise<never>((_, reject) => {
    server.once('message', (bytes: number) => {
      if (bytes > 0) reject(new Error(`the addon left a request of ${bytes} bytes to others`));
    });
  });
  unanswered.catch(() => undefined);
  const answers: (Buffer | undefined)[] = [];
  const replies = repliesOf(kernel);
  for (const [index, one] of asked.entries()) {
    kernel.write(encode(one, index + 1, (file) => fileName(SERIAL, file)));
    answers.push(expected[index] === undefined ? undefined : await Promise.race([replies(), unanswered]));
  }
  closeSync(openSync(fifo, 'w'));
  const [result] = tableResults(await results);
  kernel.destroy();
  dev.close();
  await Promise.all([workload.terminate(), server.terminate()]);
  closeSync(nothing);
  return { answers, beyond: result!.beyond };
}

/** Two ends; of one only the number is used. */
async function socketPair(path: string): Promise<[Socket, { fd: number; close: () => void }]> {
  const listening: Server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => listening.listen(path, resolve));
  const accepted = new Promise<Socket>((resolve) => listening.once('connection', resolve));
  const client = createConnection(path);
  const other = await accepted;
  listening.close();
  const { fd } = (other as unknown as { _handle: { fd: number } })._handle;
  return [client, { fd, close: () => other.destroy() }];
}

/** The replies that come, one a call. */
function repliesOf(socket: Socket): () => Promise<Buffer> {
  let got = Buffer.alloc(0);
  let wake = (): void => undefined;
  socket.on('data', (bytes: Buffer) => {
    got = Buffer.concat([got, bytes]);
    wake();
  });
  return async () => {
    while (got.length < outHeader.size || got.length < got.readUInt32LE(0))
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    const reply = got.subarray(0, got.readUInt32LE(0));
    got = got.subarray(reply.length);
    return reply;
  };
}

/** Hands requests from stdin to the program's server, and its replies to the file that is named. */
const harness = `
#include <sys/socket.h>
#include <poll.h>
int main(int argc, char **argv)
{
	static uint8_t bytes[1 << 20];
	uint32_t length;
	int pair[2], out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	pthread_t thread;
	(void)argc;
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
	fuse_fd = pair[0];
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t n = 0; n < DEVICES; n++)
		devices[n].cookie = n + 1;
	pthread_create(&thread, NULL, serve, NULL);
	while (fread(&length, sizeof(length), 1, stdin) == 1) {
		uint32_t silent = length >> 31;
		length &= 0x7fffffff;
		if (fread(bytes, length, 1, stdin) != 1)
			return 3;
		progress->requests = 0;
		if (write(pair[1], bytes, length) != length)
			return 4;
		ssize_t got = silent ? 0 : read(pair[1], bytes, sizeof(bytes));
		length = got;
		if (write(out, &length, sizeof(length)) != sizeof(length) || write(out, bytes, got) != got)
			return 5;
	}
	_exit(0);
}
`;

/** What an emitted program answers. */
function byEmitted(
  testCase: Case,
  asked: readonly Asked[],
  expected: readonly (Buffer | undefined)[],
  folder: string,
): (Buffer | undefined)[] {
  writeFileSync(join(folder, 'repro.c'), emitC(testCase, { kind: 'conforms', deviations: [] } as never, revision));
  writeFileSync(join(folder, 'main.c'), `#define main emitted_main\n#include "repro.c"\n#undef main\n${harness}`);
  execFileSync('gcc', ['-O1', '-pthread', '-w', '-o', join(folder, 'main'), join(folder, 'main.c')]);
  const input = asked.flatMap((one, index) => {
    const bytes = encode(one, index + 1, (file) => `file${file}`);
    const head = Buffer.alloc(4);
    head.writeUInt32LE((bytes.length | (expected[index] === undefined ? 0x8000_0000 : 0)) >>> 0);
    return [head, bytes];
  });
  const { status } = spawnSync(join(folder, 'main'), [join(folder, 'out')], {
    input: Buffer.concat(input),
    maxBuffer: 1 << 28,
  });
  expect(status).toBe(0);
  const out = readFileSync(join(folder, 'out'));
  const answers: (Buffer | undefined)[] = [];
  for (let at = 0; at < out.length;) {
    const length = out.readUInt32LE(at);
    answers.push(length === 0 ? undefined : out.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return answers;
}

const inFolder = async (run: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'iomapfuzz-one-server.'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const hex = (answers: readonly (Buffer | undefined)[], asked: readonly Asked[]): string[] =>
  answers.map((answer, index) => `${index} ${asked[index]!.name} ${answer?.toString('hex') ?? 'nothing'}`);

async function answersAlike(testCase: Case, asked: readonly Asked[]): Promise<void> {
  await inFolder(async (folder) => {
    const typescript = byTypeScript(testCase, asked);
    const { answers, beyond } = await byAddon(testCase, asked, typescript, folder);
    expect(hex(answers, asked)).toEqual(hex(typescript, asked));
    expect(beyond).toBe(false);
    expect(hex(byEmitted(testCase, asked, typescript, folder), asked)).toEqual(hex(typescript, asked));
  });
}

const begin = (pos: bigint, count: bigint, opflags = 0, file = 0): Asked => ({
  name: 'IOMAP_BEGIN',
  file,
  args: { opflags, pos, count },
});
const ioend = (pos: bigint, written: bigint, error = 0, file = 0): Asked => ({
  name: 'IOMAP_IOEND',
  file,
  args: { flags: 0x18, pos, written, error, newAddr: NULL_ADDR },
});
const { SIZE, MODE, UID, GID, ATIME, MTIME, CTIME } = SETATTR_VALID;
const times = { atime: 5n, atimensec: 6, mtime: 7n, mtimensec: 8, ctime: 9n, ctimensec: 10 };

const ordinaryRequests: readonly Asked[] = [
  { name: 'LOOKUP', file: 0 },
  { name: 'LOOKUP', file: 1 },
  { name: 'GETATTR', file: 1 },
  { name: 'OPEN', file: 0 },
  { name: 'GETXATTR', file: 0 },
  { name: 'FLUSH', file: 0 },
  begin(0n, 1n),
  begin(4097n, 8191n, 1),
  begin(4096n, 0n),
  begin((1n << 63n) - 4096n, 4096n),
  begin((1n << 63n) - 5000n, 5000n, 0x11, 1),
  { name: 'IOMAP_END', file: 0, args: { pos: 0n, count: 4096n, written: 4096n } },
  ioend(4096n, 4096n),
  ioend(4096n, 4096n),
  ioend(0n, 100n),
  ioend(65536n, 4096n, -5),
  { name: 'SETATTR', file: 0, args: { valid: SIZE | MTIME | CTIME, size: 5000n, ...times } },
  { name: 'SETATTR', file: 1, args: { valid: MODE | UID | GID | ATIME, mode: 0o100600, uid: 7, gid: 8, ...times } },
  { name: 'GETATTR', file: 0 },
  { name: 'GETATTR', file: 1 },
  { name: 'LSEEK', file: 0, args: { offset: 100n, whence: 3 } },
  { name: 'LSEEK', file: 0, args: { offset: 100n, whence: 4 } },
  { name: 'LSEEK', file: 0, args: { offset: 5000n, whence: 3 } },
  { name: 'FALLOCATE', file: 0, args: { offset: 5000n, length: 1000n, mode: 1 } },
  { name: 'LSEEK', file: 0, args: { offset: 0n, whence: 4 } },
  { name: 'FALLOCATE', file: 0, args: { offset: 5000n, length: 1000n, mode: 0 } },
  { name: 'LSEEK', file: 0, args: { offset: 0n, whence: 4 } },
  { name: 'FSYNC', file: 0 },
  { name: 'FORGET', file: 0, args: { nlookup: 1n } },
];

for (const [whose, its] of [
  ['by the numbers of the table', revisions.r3],
  ['by those of a kernel', revisionWith('r3', movedNumbers())],
] as const) {
  test(`what no line of a script answers is answered alike, ${whose}`, async () => {
    revision = its;
    await answersAlike(caseOf([]), ordinaryRequests);
  });

  test(`a script answers alike: by conditions, in order, as often as it says, ${whose}`, async () => {
    revision = its;
    const testCase = caseOf([
      {
        on: 'IOMAP_BEGIN',
        file: 0,
        opflagsSet: 1,
        opflagsClear: 2,
        posFrom: 4096n,
        posTo: 8192n,
        times: 2,
        reply: mappings(0),
      },
      { on: 'IOMAP_BEGIN', opflagsSet: 0x8000_0000, reply: { kind: 'error', errno: 28 } },
      { on: 'IOMAP_BEGIN', file: 1, reply: mappings(1) },
      { on: 'IOMAP_IOEND', posFrom: 8192n, reply: { kind: 'ioend', newsizeBytes: 1n << 40n } },
      { on: 'IOMAP_END', times: 1, reply: { kind: 'raw', payload: '00112233', error: -5 } },
      { on: 'IOMAP_END', times: 1, reply: { kind: 'raw', payload: '', unique: 77n } },
      { on: 'LOOKUP', file: 1, times: 1, reply: { kind: 'error', errno: 116 } },
      { on: 'FSYNC', reply: { kind: 'empty' } },
    ]);
    const end: Asked = { name: 'IOMAP_END', file: 0, args: { opflags: 1 } };
    await answersAlike(testCase, [
      { name: 'LOOKUP', file: 1 },
      { name: 'LOOKUP', file: 1 },
      begin(4096n, 10n, 1),
      begin(4096n, 10n, 3),
      begin(8192n, 10n, 1),
      begin(8191n, 10n, 0x11),
      begin(4096n, 10n, 1),
      begin(4096n, 10n, 0x8000_0001),
      begin(4096n, 10n, 1, 1),
      ioend(8191n, 10n),
      ioend(8192n, 10n),
      ioend(0n, 5n),
      end,
      end,
      end,
      { name: 'FSYNC', file: 1 },
    ]);
  });

  test(`any requests are answered alike, with and without a script, ${whose}`, async () => {
    revision = its;
    const position = fc.oneof(
      fc.bigInt({ min: 0n, max: 70_000n }),
      fc.bigInt({ min: (1n << 63n) - 9000n, max: (1n << 63n) - 1n }),
    );
    const bytes = fc.bigInt({ min: 0n, max: 20_000n });
    const file = fc.nat(1);
    const opflags = fc.constantFrom(0, 1, 2, 4, 0x11, 0x8000_0000);
    const asked = fc.oneof(
      fc
        .record({ file, pos: position, count: bytes, opflags })
        .map((one) => begin(one.pos, one.count, one.opflags, one.file)),
      fc
        .record({ file, pos: position, written: bytes, error: fc.constantFrom(0, 0, -5) })
        .map((one) => ioend(one.pos, one.written, one.error, one.file)),
      fc
        .record({ file, size: position })
        .map((one): Asked => ({
          name: 'SETATTR',
          file: one.file,
          args: { valid: SIZE | MTIME | CTIME, size: one.size, ...times },
        })),
      fc
        .record({ file, offset: position, whence: fc.constantFrom(3, 4) })
        .map((one): Asked => ({ name: 'LSEEK', file: one.file, args: { offset: one.offset, whence: one.whence } })),
      fc
        .record({ file, offset: bytes, length: bytes, mode: fc.constantFrom(0, 1, 3, 0x10) })
        .map((one): Asked => ({
          name: 'FALLOCATE',
          file: one.file,
          args: { offset: one.offset, length: one.length, mode: one.mode },
        })),
      file.map((one): Asked => ({ name: 'GETATTR', file: one })),
    );
    const drawn = fc.sample(asked, { seed: 1, numRuns: 500 });
    await answersAlike(caseOf([]), drawn);
    await answersAlike(
      caseOf([
        { on: 'IOMAP_BEGIN', opflagsSet: 1, posTo: 30_000n, times: 20, reply: mappings(0) },
        { on: 'IOMAP_IOEND', file: 0, posFrom: 1000n, times: 30, reply: { kind: 'ioend', newsizeBytes: 99_999n } },
        { on: 'SETATTR', file: 1, times: 3, reply: { kind: 'error', errno: 5 } },
      ]),
      drawn,
    );
  });
}

test('a prediction remembers the size that an IOEND told, as the servers do: a second write appends nothing', () => {
  const write = { call: 'pwrite', fd: 0, offset: 4096n, lengthBytes: 4096, writer: 0 } as const;
  const { requests } = predict({
    ...caseOf([
      {
        on: 'IOMAP_BEGIN',
        reply: { kind: 'mappings', read: { ...half, type: 'MAPPED', flags: [], dev: { device: 0 } }, write: overwrite },
      },
    ]),
    workload: [{ call: 'open', file: 0, flags: ['rdwr', 'direct'] }, write, write],
  });
  expect(requests[0]!.map(({ name }) => name)).toContain('IOMAP_IOEND');
  for (const reading of requests) expect(reading.filter(({ name }) => name === 'IOMAP_IOEND')).toHaveLength(1);
});
