/** judge from outside: output and exit code of the program itself. */
import { expect, test } from '@playwright/test';
import { buildSync } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { scratch } from '../reports/testing/scratch.ts';

const program = join(repositoryRoot(), 'dist', 'test', 'iomapfuzz-judge.mjs');
test.beforeAll(() => {
  buildSync({
    entryPoints: [join(repositoryRoot(), 'cli/main.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
});

function judge(...argv: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'judge', ...argv], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  return { code: status, out: stdout, err: stderr };
}

interface Stored {
  case: { schema: number };
  observation: Record<string, unknown>;
  verdict?: unknown;
  [key: string]: unknown;
}
const foreign = (name: string): string => join(repositoryRoot(), 'oracles/foreign', `${name}.json`);
const stored = (name: string): Stored => JSON.parse(readFileSync(foreign(name), 'utf8')) as Stored;
function put(directory: string, name: string, value: unknown): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}
/** The bytes that it wrote went where the mapping says, and nothing else happened. */
const deviating = (): Stored => stored('N7-1');
function conforming(): Stored {
  const record = stored('N14-1');
  return { ...record, verdict: 'conforms', observation: { ...record.observation, events: [] } };
}

test('should print the verdict of a record with what deviates, and whether the recorded one is the same', () => {
  const seen = judge(foreign('N7-1'));
  expect(seen).toMatchObject({ code: 1, err: '' });
  expect(seen.out).toMatch(
    /N7-1\.json \(devinval\/dropped notify\): deviates \(as recorded\)\n +device\/read, bytes-read of step 4: expected .*; seen zeros\n1 record: 1 deviate; 1 as recorded/,
  );
  const good = put(scratch(), 'good.json', conforming());
  expect(judge(good)).toMatchObject({
    code: 0,
    out: expect.stringContaining('good.json (upsert/iomap-inode notify violating): conforms (as recorded)'),
  });
  const wrong = put(scratch(), 'wrong.json', { ...conforming(), verdict: 'deviates' });
  expect(judge(wrong)).toMatchObject({ code: 0, out: expect.stringContaining('conforms (RECORDED: deviates)') });
});

test('should not forget a crash because the try that was observed passes', () => {
  const crashed = { ...conforming(), tries: 2, crashes: [{ reason: 'the kernel panicked', console: '' }] };
  const fresh = judge(put(scratch(), 'crashed.json', crashed));
  expect(fresh).toMatchObject({ code: 1, out: expect.stringContaining('the kernel panicked (1 of 2 tries)') });
  const hang = {
    rule: 'kernel/hang',
    aspect: 'kernel-log',
    expected: 'the syscall returns',
    seen: 'a syscall waits for ever (1 of 2 tries)',
  };
  expect(
    judge(put(scratch(), 'hung.json', { ...crashed, verdict: { kind: 'deviates', deviations: [hang] } })).out,
  ).toContain('kernel/hang');
  expect(judge(put(scratch(), 'tried.json', { ...conforming(), tries: 2, crashes: [] })).code).toBe(0);
});

test('should not wait for a pipe, and say that it is none of its files', () => {
  const directory = scratch();
  put(directory, 'a.json', conforming());
  spawnSync('mkfifo', [join(directory, 'b.json'), join(directory, 'c.jsonl')]);
  const { code, out, err } = judge(directory);
  expect([code, `${out}${err}`.match(/no regular file/g)?.length]).toEqual([2, 2]);
});

test('should print one line of JSON a record, with keys that stay', () => {
  const directory = scratch();
  put(directory, 'a.json', conforming());
  put(directory, 'b.json', deviating());
  const { code, out } = judge(directory, '--json');
  const [a, b, ...rest] = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(code).toBe(1);
  expect(rest).toEqual([]);
  expect(a).toEqual({
    file: join(directory, 'a.json'),
    cell: 'upsert/iomap-inode notify violating',
    note: expect.any(String),
    verdict: 'conforms',
    deviations: [],
    recorded: 'conforms',
    agrees: true,
  });
  expect(b).toMatchObject({
    verdict: 'deviates',
    agrees: true,
    deviations: [{ rule: 'device/read', aspect: 'bytes-read', step: 4, expected: expect.any(String), seen: 'zeros' }],
  });
});

test('should read results, findings, lists and case files of findings', () => {
  const run = join(scratch(), 'run');
  const { case: of, observation } = deviating();
  const line = { n: 7, hash: 'aa', note: '', seed: 1, verdict: { kind: 'conforms' }, case: of, observation };
  put(run, 'summary.json', '{"format":1}');
  put(
    run,
    'cases.jsonl',
    [{ n: 6, hash: 'bb', note: '', seed: 1, verdict: { kind: 'conforms' } }, line]
      .map((one) => JSON.stringify(one))
      .join('\n') + '\n{"n": 8, "ha',
  );
  const finding = put(join(run, 'findings'), 'cc.case.json', of);
  put(
    run,
    'findings.jsonl',
    `${JSON.stringify({ rule: 'device/read', file: 'findings/cc.case.json', example: line })}\n`,
  );
  const seen = judge(run);
  expect(seen).toMatchObject({ code: 1, err: '' });
  expect(seen.out).toContain('cases.jsonl:2 (case 7): deviates (RECORDED: conforms)');
  expect(seen.out).toContain('4 records: 2 deviate, 2 without anything to judge');
  expect(judge(finding)).toMatchObject({ code: 1, out: expect.stringContaining('cc.case.json (case 7): deviates') });
  expect(judge(put(scratch(), 'list.json', [conforming(), deviating()]))).toMatchObject({
    code: 1,
    out: expect.stringMatching(/list\.json\[0\].*conforms[\s\S]*list\.json\[1\].*deviates/),
  });
  // Directories of results, at any depth.
  expect(judge(join(run, '..')).out).toContain('cases.jsonl:2 (case 7)');
});

test('should find what the kernel did outside of the cases of a run', () => {
  const run = join(scratch(), 'run');
  const { case: of, observation } = conforming();
  put(
    run,
    'cases.jsonl',
    `${JSON.stringify({ n: 0, hash: 'aa', note: '', seed: 1, verdict: { kind: 'conforms' }, case: of, observation })}\n`,
  );
  put(run, 'summary.json', { format: 1, incidents: [] });
  expect(judge(run).code).toBe(0);
  put(run, 'summary.json', {
    format: 1,
    incidents: [{ reason: 'the kernel panicked: between', when: 'while no case was running', log: '' }],
  });
  expect(judge(run)).toMatchObject({
    code: 1,
    out: expect.stringContaining(
      'kernel/healthy, kernel-log: expected the kernel stays healthy, whatever a server answers; seen the kernel panicked: between',
    ),
  });
});

test('should not judge an observation that can be none of its case', () => {
  const { observation, ...rest } = conforming();
  const steps = observation['steps'] as unknown[];
  for (const wrong of [[...steps, { ret: { $n: '0' }, errno: 0 }], steps.slice(0, -1)]) {
    const seen = judge(put(scratch(), 'other.json', { ...rest, observation: { ...observation, steps: wrong } }));
    expect(seen).toMatchObject({
      code: 2,
      err: expect.stringContaining(`an observation has ${wrong.length} steps, its case ${steps.length}`),
    });
  }
});

test('should say which files of a directory it did not read, and read each that is named', () => {
  const directory = scratch();
  put(directory, 'a.json', conforming());
  const other = put(directory, 'b.txt', deviating());
  expect(judge(directory)).toMatchObject({
    code: 0,
    out: expect.stringContaining('1 record: 1 conform'),
    err: expect.stringMatching(/not read, .*b\.txt \(1\)/),
  });
  expect(judge(directory, '--json').out.trim().split('\n')).toHaveLength(1);
  expect(judge(other)).toMatchObject({ code: 1, err: '' });
});

test('should name what it cannot read and judge the rest', () => {
  const directory = scratch();
  const good = conforming();
  const bad: Record<string, unknown> = {
    'no-json.json': '{',
    'number.json': 7,
    'null.json': null,
    'empty.json': {},
    'text.json': '"case"',
    'no-observation.json': { case: good.case },
    'no-case.json': { observation: good.observation },
    'newer.json': { ...good, case: { ...good.case, schema: 99 } },
    'no-steps.json': { ...good, observation: { ...good.observation, steps: undefined } },
    'wrong-step.json': { ...good, observation: { ...good.observation, steps: [{ ret: 'x', errno: 0 }] } },
    'no-number.json': { ...good, observation: { ...good.observation, inodes: [{ $n: 'x' }] } },
    'no-request.json': {
      ...deviating(),
      observation: {
        ...deviating().observation,
        transcript: [{ seq: 1, unique: { $n: '2' }, opcode: 4094, name: 'IOMAP_BEGIN', nodeid: { $n: '2' } }],
      },
    },
    'deep.json': `${'{"case":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  };
  for (const [name, value] of Object.entries(bad)) put(directory, name, value);
  put(directory, 'good.json', good);
  const seen = judge(directory);
  expect(seen).toMatchObject({
    code: 2,
    out: expect.stringContaining('good.json (upsert/iomap-inode notify violating): conforms'),
  });
  for (const name of Object.keys(bad)) expect(seen.err, name).toMatch(new RegExp(`${name}[^\n]* can't be read: .+`));
  expect(seen.err).toContain('steps.0.ret');
  expect(seen.err).toContain('update iomapfuzz');
  const lines = judge(directory, '--json')
    .out.trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { verdict: string });
  expect(lines.filter(({ verdict }) => verdict === 'unreadable')).toHaveLength(Object.keys(bad).length);
  expect(judge('/nonexistent/record.json')).toMatchObject({
    code: 2,
    err: expect.stringContaining('there is no such file'),
  });
});

test('should print one line for each thing, whatever texts a record holds', () => {
  const evil = { ...deviating(), cell: 'cell\u001b[31m\n::error::x', note: 'a\u202eb' };
  const { out } = judge(put(scratch(), 'evil.json', evil));
  expect(out).not.toMatch(/\u001b|\u202e/);
  expect(out.split('\n')[0]).toMatch(/\(cell ::error::x\): deviates/);
  expect(judge(put(scratch(), 'evil.json', evil), '--json').out).not.toMatch(/\u001b|\u202e|\\u001b/);
});

test('should end with 4 where nothing can be judged, and take no unknown revision', () => {
  const { case: of } = conforming();
  expect(judge(put(scratch(), 'alone.case.json', of))).toMatchObject({
    code: 4,
    out: expect.stringContaining('not judged: a case without an observation'),
  });
  expect(judge(scratch())).toMatchObject({ code: 4, out: expect.stringContaining('0 records: nothing was found') });
  expect(judge(foreign('N7-1'), '--uapi', 'r9')).toMatchObject({ code: 2, err: expect.stringContaining('r1, r2, r3') });
  expect(judge().code).toBe(2);
});

test('should judge by another revision when asked', () => {
  const directory = scratch();
  copyFileSync(foreign('B4-3'), join(directory, 'asked.json'));
  // A read that must not wait asks the server by revision r2 with NOWAIT set, and never without.
  const { out } = judge(directory, '--uapi', 'r2', '--json');
  expect(JSON.parse(out)).toMatchObject({
    verdict: 'deviates',
    deviations: [expect.objectContaining({ expected: expect.stringContaining('NOWAIT') })],
  });
});

test('should not miss reports of a channel that the kernel lacks by the recorded verdict', () => {
  const record = stored('D1-1');
  const silent = { ...record, observation: { ...record.observation, events: [] } };
  const lacks = (verdict: unknown): string => judge(put(scratch(), 'silent.json', { ...silent, verdict })).out;
  expect(lacks({ kind: 'conforms' })).toContain('deviates');
  const unjudged = [
    { aspect: 'trace-event', reason: 'this kernel has no trace event fuse_iomap_bad_data' },
    { aspect: 'warn', reason: 'this kernel has no parameter debug_iomap' },
  ];
  expect(lacks({ kind: 'conforms', unjudged })).toMatch(
    /conforms \(as recorded\)\n +not judged, trace-event: .*\n +not judged, warn/,
  );
  expect(lacks({ kind: 'conforms', unjudged })).toContain('1 record: 1 conform; 1 of them was not judged in part;');
});

test('should say what was not judged because records were lost, and nothing of the kind where none were', () => {
  const record = conforming();
  const events = [{ kind: 'lost-events', source: 'trace', count: 3 }];
  const lossy = { ...record, observation: { ...record.observation, events } };
  expect(judge(put(scratch(), 'lossy.json', lossy))).toMatchObject({
    code: 0,
    out: expect.stringMatching(
      /: conforms.*\n {4}not judged, trace-event: 3 records of the trace were lost\n1 record: 1 conform; 1 of them was not judged in part/,
    ),
  });
  expect(judge(put(scratch(), 'whole.json', record)).out).not.toContain('not judged');
});

test('should find a crash of which no observation is left, and judge its own deviating records again alike', () => {
  const { case: of } = conforming();
  const crashed = {
    n: 3,
    case: of,
    tries: 2,
    crashes: [{ reason: 'the kernel panicked: Oops', console: '' }],
    verdict: { kind: 'deviates', deviations: [] },
  };
  expect(judge(put(scratch(), 'crashed.json', crashed))).toMatchObject({
    code: 1,
    out: expect.stringMatching(/case 3\): deviates \(as recorded\)\n.*the kernel panicked: Oops \(1 of 2 tries\)/),
  });
  expect(judge(put(scratch(), 'none.json', { ...crashed, crashes: [], verdict: 'lost' }))).toMatchObject({ code: 4 });
  // What a verdict did not judge for a reason of its own does not make the kernel's reports count for nothing.
  const record = stored('D1-1');
  const unjudged = [
    { aspect: 'trace-event', reason: 'the kernel says "x" where the rules say "y": a text that they do not know' },
  ];
  const silent = {
    ...record,
    observation: { ...record.observation, events: [] },
    verdict: { kind: 'deviates', deviations: [], unjudged },
  };
  expect(judge(put(scratch(), 'silent.json', silent))).toMatchObject({
    code: 1,
    out: expect.stringContaining('deviates (as recorded)'),
  });
});

test('should not judge a record with events of an unknown kind as conforming', () => {
  const record = conforming();
  const strange = put(scratch(), 'strange.json', {
    ...record,
    observation: { ...record.observation, events: [{ kind: 'kernel-burnt-down', title: 'x' }] },
  });
  expect(judge(strange)).toMatchObject({
    code: 4,
    out: expect.stringMatching(
      /strange\.json .*: not-run \(RECORDED: conforms\): not judged: the kernel reported 'kernel-burnt-down'/,
    ),
  });
  const known = put(scratch(), 'known.json', {
    ...record,
    observation: { ...record.observation, events: [{ kind: 'notice', title: 'x', text: 'x' }] },
  });
  expect(judge(known)).toMatchObject({ code: 0 });
});
