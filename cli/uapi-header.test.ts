/**
 * Kernels whose uAPI header is read, from outside: output, results and exit codes. What stands in for QEMU answers as a
 * kernel would that has the numbers of a file.
 */
import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import type { RunSummary } from '../model/run-summary.ts';
import { decodeCase, encodeCase } from '../model/case.ts';
import { jsonSafe } from '../model/json-safe.ts';
import { runIdeal } from '../oracles/testing/ideal-kernel.ts';
import { revisionWith, type Numbers } from '../uapi/numbers.ts';
import { revisions } from '../uapi/revision.ts';
import { standInTree } from '../vm/testing/stand-in-kernel.ts';
import { headerWith, movedHeader } from '../vm/testing/uapi-header.ts';
import { readUapiHeader } from '../vm/uapi-header/read.ts';
import { installStandIn, type Installed } from './testing/stand-in/install.ts';

const directory = join(repositoryRoot(), 'dist', 'test', 'uapi-header');
let installed: Installed;
const file = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};
let moved: string, same: string, ofKernel: string;
test.beforeAll(async () => {
  installed = installStandIn(directory);
  moved = file('moved.h', movedHeader());
  same = file('same.h', headerWith());
  const { header } = await readUapiHeader(moved, revisions.r3);
  ofKernel = file('numbers.json', JSON.stringify(header.numbers));
});

/** `numbers`: of the kernel that stands in; absent: those of the table. */
function run(argv: readonly string[], { numbers, state }: { numbers?: string; state?: string } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [installed.program, ...argv], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    env: {
      ...process.env,
      PATH: installed.path,
      XDG_CACHE_HOME: join(directory, 'cache'),
      IOMAPFUZZ_LIE: 'tells the truth',
      ...(state !== undefined && { IOMAPFUZZ_LIE_STATE: state }),
      ...(numbers !== undefined && { IOMAPFUZZ_KERNEL_NUMBERS: numbers }),
    },
  });
  return { code: status, out: stdout, err: stderr, text: `${stdout}${stderr}`.replace(/\s+/g, ' ') };
}

/** A part of the plan on that kernel; the results are in `out`. */
function conformance(out: string, argv: readonly string[], numbers?: string) {
  mkdirSync(out, { recursive: true });
  const ran = run(
    [
      'conformance',
      ...(argv.includes('--kdir') ? [] : ['--kernel', installed.kernel]),
      ...['--accel', 'tcg', '--rule', 'map/length-nonzero', '--path', 'seek-data', '--seed', '1', '--runs', '2'],
      ...['--minimise', '1s', '--out', join(out, 'results'), ...argv],
    ],
    { state: join(out, 'state'), ...(numbers !== undefined && { numbers }) },
  );
  const summary = join(out, 'results/summary.json');
  return {
    ...ran,
    summary: existsSync(summary) ? (JSON.parse(readFileSync(summary, 'utf8')) as RunSummary) : undefined,
  };
}

test('should speak to a kernel by the numbers of its header, and say so', ({}, info) => {
  const out = info.outputDir;
  const right = conformance(join(out, 'right'), ['--uapi-header', moved], ofKernel);
  expect(right, right.text).toMatchObject({ code: 0 });
  expect(right.text).toContain(`numbers of ${moved}: the bit of FUSE_IOMAP is 55 (not 43)`);
  expect(right.text).toMatch(
    /FUSE_IOMAP_BEGIN is 3094 \(not 4094\).*FUSE_DEV_IOC_SET_NOFS is 0x4004e550 \(not 0x4004e564\)/,
  );
  expect(right.summary).toMatchObject({
    uapiHeader: { path: moved, numbers: { initBit: 55, opcodes: { IOMAP_BEGIN: 3094 } } },
  });
  // The same kernel, asked by the numbers of the table.
  const wrong = conformance(join(out, 'wrong'), [], ofKernel);
  expect(wrong, wrong.text).toMatchObject({ code: 1 });
  expect(wrong.summary).not.toHaveProperty('uapiHeader');
});

test('should read the results of such a run by its numbers, whoever reads them', ({}, info) => {
  const out = info.outputDir;
  // Judged by a header of its own the kernel of the table deviates: its results hold observations.
  const deviating = conformance(out, ['--uapi-header', moved]);
  expect(deviating, deviating.text).toMatchObject({ code: 1 });
  const results = join(out, 'results');
  const again = run(['judge', results]);
  expect(again.code, again.text).toBe(1);
  expect(again.text).not.toContain('RECORDED');
  expect(again.text).toMatch(/[1-9]\d* as recorded/);
  for (const [format, told] of [
    ['markdown', /with the numbers of .*moved\.h.*: the bit of FUSE/],
    ['mail', /Numbers:\s+of .*moved\.h: the bit of FUSE/],
  ] as const) {
    const report = run(['report', results, '--format', format]);
    expect(report.text, report.text).toMatch(told);
  }
  // Commands that show it again name the header, and a program that is written of the finding speaks by it.
  const summary = readFileSync(join(results, 'findings.jsonl'), 'utf8').split('\n')[0]!;
  const { file: finding } = JSON.parse(summary) as { file: string };
  const program = run(['repro', join(results, finding), '--emit', 'c']);
  expect(program.code, program.err).toBe(0);
  expect(program.out).toMatch(/#define INIT_IOMAP\s+\(1U << 23\)/);
  expect(program.out).toContain('with the numbers of');
});

test('should judge a record of a kernel by the header that is named', () => {
  const testCase = decodeCase(
    JSON.parse(readFileSync(join(repositoryRoot(), 'oracles/foreign/N7-1.json'), 'utf8')).case,
  );
  const numbers = JSON.parse(readFileSync(ofKernel, 'utf8')) as Numbers;
  const observation = runIdeal(testCase, { revision: revisionWith(testCase.revision, numbers) });
  const record = file(
    'record.json',
    JSON.stringify({ case: encodeCase(testCase), observation: jsonSafe(observation), verdict: 'conforms' }),
  );
  expect(run(['judge', '--uapi-header', moved, record])).toMatchObject({ code: 0 });
  for (const other of [[], ['--uapi-header', 'none'], ['--uapi-header', same]])
    expect(run(['judge', ...other, record]).text).toContain('init/offers-iomap');
});

test('should change nothing by a header that has the numbers of the table', ({}, info) => {
  const { code, text, summary } = conformance(info.outputDir, ['--uapi-header', same]);
  expect(code, text).toBe(0);
  expect(text).toContain(`numbers of ${same}: as in the table of revision r3`);
  expect(summary).toMatchObject({ uapiHeader: { path: same } });
  const drawn = (...argv: string[]): string =>
    /sha256 of their hashes: (\w+)/.exec(run(['fuzz', '--dry-run', '--seed', '1', '--runs', '300', ...argv]).out)![1]!;
  expect(drawn('--uapi-header', same)).toBe(drawn());
  expect(drawn('--uapi-header', 'none')).toBe(drawn());
  expect(run(['fuzz', '--dry-run', '--seed', '1', '--runs', '1', '--uapi-header', moved]).text).toContain(
    `numbers of ${moved}: the bit of FUSE_IOMAP is 55 (not 43)`,
  );
});

test('should read the header of a tree by itself, and remember it with the image', ({}, info) => {
  test.setTimeout(120_000);
  const out = info.outputDir;
  const { out: config } = run(['kernel', 'config']);
  const tree = standInTree(join(out, 'tree'), { config });
  const uapi = join(tree, 'include/uapi/linux');
  mkdirSync(uapi, { recursive: true });
  writeFileSync(join(uapi, 'fuse.h'), movedHeader());
  const made = conformance(join(out, 'made'), ['--kdir', tree], ofKernel);
  expect(made, made.text).toMatchObject({ code: 0 });
  expect(made.text).toContain(`numbers of ${uapi}/fuse.h: the bit of FUSE_IOMAP is 55`);
  expect(made.summary).toMatchObject({ uapiHeader: { path: join(uapi, 'fuse.h'), numbers: { initBit: 55 } } });
  // The tree goes on; the image is what it was.
  writeFileSync(join(uapi, 'fuse.h'), headerWith());
  const image = run(['repro', '1:3', '--emit', 'c', '--kernel', join(tree, 'arch/x86/boot/bzImage')]);
  expect(image.out, image.text).toMatch(/#define INIT_IOMAP\s+\(1U << 23\)/);
  // Named ones come first.
  const other = conformance(join(out, 'other'), ['--kdir', tree, '--uapi-header', 'none']);
  expect(other, other.text).toMatchObject({ code: 0 });
  expect(other.summary).not.toHaveProperty('uapiHeader');
  // A tree without fuse-iomap in its header is told of as ever, and one with a header that is of no use before make.
  writeFileSync(join(uapi, 'fuse.h'), '#define FUSE_KERNEL_MINOR_VERSION 46\n');
  expect(conformance(join(out, 'without'), ['--kdir', tree])).toMatchObject({ code: 0 });
  writeFileSync(join(uapi, 'fuse.h'), headerWith(['FUSE_IOMAP_END = 4095', 'FUSE_IOMAP_ENDED = 4095']));
  const lacking = conformance(join(out, 'lacking'), ['--kdir', tree]);
  expect(lacking, lacking.text).toMatchObject({ code: 2, out: '' });
  expect(lacking.err).toBe(
    `iomapfuzz: the uAPI header ${uapi}/fuse.h lacks FUSE_IOMAP_END, which revision r3 has: judge by a revision that it has all of (--uapi), or give --uapi-header none to go by the numbers of r3 itself\n`,
  );
});

test('should emit C by the numbers of a header', () => {
  const emitted = run(['repro', '1:3', '--emit', 'c', '--uapi-header', moved]);
  expect(emitted.code, emitted.err).toBe(0);
  expect(emitted.out).toMatch(/OP_IOMAP_CONFIG = 3092/);
  expect(emitted.out).toMatch(/#define IOMAP_MINOR\s+101/);
  const low = file('low.h', headerWith(['FUSE_IOMAP (1ULL << 43)', 'FUSE_IOMAP (1ULL << 20)']));
  const { out } = run(['repro', '1:3', '--emit', 'c', '--uapi-header', low]);
  expect(out).toMatch(/#define INIT_IOMAP\s+\(1U << 20\)\s+\/\* in flags of INIT \*\//);
  for (const [name, text] of [
    ['moved.c', emitted.out],
    ['low.c', out],
  ] as const) {
    const source = file(name, text);
    const compiled = spawnSync('gcc', ['-Wall', '-Wextra', '-O2', '-pthread', '-c', '-o', `${source}.o`, source], {
      encoding: 'utf8',
    });
    expect(compiled).toMatchObject({ status: 0, stderr: '' });
  }
});

test('should refuse a header in one line that names it, and what is wrong with it', () => {
  const commands = [
    ['fuzz', '--dry-run', '--runs', '1'],
    ['conformance', '--kernel', installed.kernel],
    ['bench', '--kernel', installed.kernel],
    ['judge', join(repositoryRoot(), 'oracles/foreign/N7-1.json')],
  ];
  for (const [text, words] of [
    [
      headerWith(['FUSE_IOMAP (1ULL << 43)', 'FUSE_IOMAPS (1ULL << 43)']),
      /lacks FUSE_IOMAP, which revision r3 has: .*--uapi-header none/,
    ],
    [
      headerWith(['uint32_t opflags;\n  uint32_t reserved;', 'uint32_t reserved;\n  uint32_t opflags;']),
      /contradicts revision r3: opflags of struct fuse_iomap_begin_in is at byte 4, 4 bytes wide, and must be at byte 0, .* \(and 1 more: opflags of struct fuse_iomap_end_in .*\)/,
    ],
    ['struct {', /does not compile: .*broken\.h: expected .* at end of input/],
    ['int x = ;', /does not compile: .*broken\.h:1: expected expression/],
    ['', /has nothing of fuse-iomap: give that of the kernel under test/],
    [`${headerWith()}${' '.repeat(2 << 20)}`, /cannot be read: it has \d+ bytes/],
  ] as const) {
    const broken = file('broken.h', text);
    const first = words.source.startsWith('lacks');
    for (const argv of [...(first ? commands : []), ['repro', '1:3', '--emit', 'c']]) {
      const { code, out, err } = run([...argv, '--uapi-header', broken]);
      expect({ code, out }, err).toEqual({ code: 2, out: '' });
      expect(err).toMatch(/^iomapfuzz: the uAPI header [^\n]*broken\.h[^\n]*\n$/);
      expect(err).toMatch(words);
    }
  }
  // A revision that it has all of takes it.
  const older = file(
    'r2.h',
    headerWith(
      [/#define FUSE_DEV_IOC_IOMAP_SET_BLOCKSIZE.*\n/g, ''],
      [/struct fuse_iomap_blocksize \{[^}]*\};\n/g, ''],
    ),
  );
  expect(run(['fuzz', '--dry-run', '--runs', '1', '--uapi-header', older])).toMatchObject({ code: 2 });
  expect(run(['fuzz', '--dry-run', '--runs', '50', '--uapi', 'r2', '--uapi-header', older]).text).toContain(
    'as in the table of revision r2',
  );
});
