/** Headers that are as they should be, and headers that are not. */
import { expect, test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { differences } from '../../uapi/numbers.ts';
import { revisions, type RevisionId } from '../../uapi/revision.ts';
import { headerWith, movedHeader, withHeader } from '../testing/uapi-header.ts';
import { readUapiHeader, type HeaderReading } from './read.ts';

const readText = (text: string | Uint8Array, revision: RevisionId = 'r3'): Promise<HeaderReading> =>
  withHeader(text, (path) => readUapiHeader(path, revisions[revision]));
const sound = { withoutIomap: false, lacking: [], contradictions: [] };
/** What the reading of a header is refused by. */
const refusal = (text: string | Uint8Array): Promise<string> =>
  readText(text).then(
    () => 'it was read',
    (error: unknown) => (error as Error).message,
  );

test('should find the numbers of the table in a header that has them', async () => {
  for (const id of ['r1', 'r2', 'r3'] as const) {
    const reading = await readText(headerWith(), id);
    expect(reading).toMatchObject(sound);
    expect(differences(revisions[id], reading.header.numbers)).toEqual([]);
    expect(reading.header.sha256).toMatch(/^[0-9a-f]{64}$/);
  }
});

test('should find bit, minor, opcodes, codes and ioctls where a kernel has others', async () => {
  const reading = await readText(movedHeader());
  expect(reading).toMatchObject(sound);
  const { initBit, minor, opcodes, notifications, ioctls } = reading.header.numbers;
  expect({ initBit, minor, opcodes, notifications, ioctls }).toEqual({
    initBit: 55,
    minor: 101,
    opcodes: {
      FREEZE_FS: 3089,
      UNFREEZE_FS: 3090,
      SHUTDOWN_FS: 3091,
      IOMAP_CONFIG: 3092,
      IOMAP_IOEND: 3093,
      IOMAP_BEGIN: 3094,
      IOMAP_END: 3095,
    },
    notifications: { IOMAP_DEV_INVAL: 299, IOMAP_UPSERT_MAPPINGS: 200, IOMAP_INVAL_MAPPINGS: 201 },
    ioctls: {
      BACKING_OPEN: 0x4010_e501,
      BACKING_CLOSE: 0x4004_e502,
      SYNC_INIT: 0xe503,
      IOMAP_SUPPORT: 0x8010_e54f,
      SET_NOFS: 0x4004_e550,
      ADD_IOMAP: 0xe551,
      IOMAP_SET_BLOCKSIZE: 0x4008_e552,
    },
  });
});

test('should evaluate what the compiler would, whatever it is written with', async () => {
  const { header } = await readText(
    headerWith(
      ['FUSE_IOMAP_TYPE_INLINE (4)', 'FUSE_IOMAP_TYPE_INLINE (FUSE_IOMAP_TYPE_MAPPED + sizeof(uint32_t))'],
      ['FUSE_IOMAP_OP_ZERO (1U << 1)', 'FUSE_IOMAP_OP_ZERO (1U << (3 * 4))'],
      ['  FUSE_IOMAP_END = 4095,', '#if 0\n  FUSE_IOMAP_END = 1,\n#endif\n  FUSE_IOMAP_END,'],
    ),
  );
  expect(header.numbers).toMatchObject({
    mappingTypes: { INLINE: 6 },
    opFlags: { ZERO: 0x1000, WRITEBACK: 0x8000_0000 },
    opcodes: { IOMAP_END: 4095 },
  });
});

test('should name what a header lacks, and only what the revision has', async () => {
  const text = headerWith(
    ['FUSE_NOTIFY_IOMAP_UPSERT_MAPPINGS = 100', 'FUSE_NOTIFY_IOMAP_UPSERT = 100'],
    ['#define FUSE_IOMAP_OP_DAX (1U << 8)\n', ''],
    ['struct fuse_iomap_blocksize', 'struct fuse_iomap_block_size'],
    ['uint64_t new_addr;', 'uint64_t where;'],
  );
  const { lacking, contradictions } = await readText(text);
  expect(lacking).toEqual([
    'FUSE_NOTIFY_IOMAP_UPSERT_MAPPINGS',
    'FUSE_IOMAP_OP_DAX',
    'new_addr of struct fuse_iomap_ioend_in',
    'struct fuse_iomap_blocksize',
  ]);
  expect(contradictions).toEqual([]);
  // Only r3 sets the block size, and r1 has nothing but BEGIN and END.
  expect((await readText(text, 'r2')).lacking).not.toContain('struct fuse_iomap_blocksize');
  expect((await readText(text, 'r1')).lacking).toEqual(['FUSE_IOMAP_OP_DAX']);
});

test('should name a structure that is laid out otherwise', async () => {
  const { contradictions, lacking } = await readText(
    headerWith(
      [/(uint64_t pos;)\n( {2}uint64_t new_addr;)/g, '$2\n  $1'],
      ['uint32_t s_max_links;', 'uint64_t s_max_links;'],
      ['struct fuse_range {', 'struct fuse_range {\n  uint64_t flags;'],
      // What padding is called says nothing.
      ['uint32_t zero;', 'uint32_t reserved1;'],
    ),
  );
  expect(lacking).toEqual([]);
  expect(contradictions).toEqual(
    expect.arrayContaining([
      'pos of struct fuse_iomap_ioend_in is at byte 24, 8 bytes wide, and must be at byte 16, 8 bytes wide',
      'new_addr of struct fuse_iomap_ioend_in is at byte 16, 8 bytes wide, and must be at byte 24, 8 bytes wide',
      's_max_links of struct fuse_iomap_config_out is at byte 64, 8 bytes wide, and must be at byte 64, 4 bytes wide',
      'struct fuse_range has 24 bytes, and must have 16',
      'struct fuse_iomap_dev_inval_out has 32 bytes, and must have 24',
    ]),
  );
  expect(contradictions.filter((one) => /iomap_begin|config_in|iomap_io /.test(one))).toEqual([]);
});

test('should name numbers that no kernel can have', async () => {
  const { contradictions } = await readText(
    headerWith(
      ['FUSE_IOMAP_F_MERGED (1U << 3)', 'FUSE_IOMAP_F_MERGED (3)'],
      ['FUSE_IOMAP_F_STALE (1U << 9)', 'FUSE_IOMAP_F_STALE (1U << 16)'],
      ['FUSE_IOMAP_OP_ZERO (1U << 1)', 'FUSE_IOMAP_OP_ZERO (1U << 0)'],
      ['FUSE_IOMAP_CONFIG = 4092', 'FUSE_IOMAP_CONFIG = 15'],
      ['FUSE_IOMAP_TYPE_INLINE (4)', 'FUSE_IOMAP_TYPE_INLINE (some_function())'],
      ['FUSE_IOMAP_NULL_ADDR (-1ULL)', 'FUSE_IOMAP_NULL_ADDR (0)'],
    ),
  );
  expect(contradictions).toEqual([
    'FUSE_IOMAP_CONFIG is 0xf, and so is FUSE_READ',
    expect.stringMatching(/^FUSE_IOMAP_TYPE_INLINE is no constant \(.*\)$/),
    'FUSE_IOMAP_F_MERGED is 3, and a flag is one bit',
    'FUSE_IOMAP_F_STALE is 0x10000, and has 16 bits on the wire',
    'FUSE_IOMAP_OP_ZERO is 1, and so is FUSE_IOMAP_OP_WRITE',
    'FUSE_IOMAP_NULL_ADDR is 0, and must be 0xffffffffffffffff',
  ]);
  for (const [value, what] of [
    ['0', 'FUSE_IOMAP is 0, and a flag of INIT is one bit'],
    ['1ULL << 43 | 1', 'FUSE_IOMAP is 0x80000000001, and a flag of INIT is one bit'],
    ['1ULL << 30', 'FUSE_IOMAP is bit 30, which is that of FUSE_INIT_EXT'],
  ] as const)
    expect(
      (await readText(headerWith(['FUSE_IOMAP (1ULL << 43)', `FUSE_IOMAP (${value})`]))).contradictions,
      value,
    ).toEqual([what]);
});

test('should know a header without fuse-iomap', async () => {
  for (const text of ['', '#define FUSE_KERNEL_MINOR_VERSION 46\n#define FUSE_HAS_IO_URING_BUFPOOL (1ULL << 43)\n'])
    expect(await readText(text)).toMatchObject({ withoutIomap: true });
  expect(await readText(headerWith())).toMatchObject({ withoutIomap: false });
});

test('should say in one line where a header does not compile', async () => {
  for (const [text, words] of [
    [headerWith(['struct fuse_range {', 'struct fuse_range [']), /fuse\.h:\d+: expected /],
    [`#include <linux/no/such/header.h>\n${headerWith()}`, /fuse\.h:1: linux\/no\/such\/header\.h: No such file/],
    ['\u0000\u001b[31mred', /fuse\.h:1: /],
    ['#error "read me\u001b[2J"\n', /fuse\.h:1: #error/],
    ['int x = ;', /fuse\.h:1: expected expression/],
    ['#include __FILE__\n', /nested depth|too deeply/],
  ] as const) {
    const message = await refusal(text);
    expect(message).toMatch(
      /^the uAPI header \S+\/fuse\.h does not compile: [\x20-\x7e\ufffd]*; give another by --uapi-header/,
    );
    expect(message).toMatch(words);
    expect(message.length).toBeLessThan(600);
  }
});

test('should give up a header that never ends, and leave no compiler behind', async () => {
  test.setTimeout(120_000);
  const compilers = (): string[] =>
    execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes('iomapfuzz-header-') && !line.includes(' ps '));
  expect(await refusal('#include __FILE__\n#include __FILE__\n')).toMatch(
    /more than \d+ seconds|more of it than there is room for/,
  );
  await expect.poll(compilers).toEqual([]);
  expect(await refusal(new Uint8Array(2 << 20).fill(10))).toMatch(/it has 2097152 bytes, which is no <linux\/fuse\.h>/);
  expect(await refusal('#include "/dev/zero"\n')).toContain('does not compile');
});

test('should not run or take in what a header holds besides constants', async () => {
  const marker = `/tmp/iomapfuzz-header-test-${process.pid}`;
  // Read by an assembler, and run by a linked program; there is neither.
  const text = `__asm__(".incbin \\"/no/such/file\\"");\n__attribute__((constructor)) static void run(void) { extern int creat(const char *, int); creat("${marker}", 0600); }\n${headerWith()}`;
  expect(await readText(text)).toMatchObject(sound);
  expect(() => execFileSync('ls', [marker], { stdio: 'ignore' })).toThrow();
});

test('should say of a path that is no file what it is', async () => {
  for (const [path, words] of [
    ['/no/such/fuse.h', /ENOENT/],
    ['/tmp', /a directory/],
    ['/dev/zero', /a device/],
  ] as const)
    await expect(readUapiHeader(path, revisions.r3)).rejects.toThrow(words);
});
