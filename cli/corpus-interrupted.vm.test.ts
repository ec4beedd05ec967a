/** `corpus check` that is ended in the middle: by a signal, by ^C, and by the end of its guest. */
import { expect, test } from '@playwright/test';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { processesThatName } from '../vm/testing/processes.ts';
import { testKernel } from '../vm/testing/spec.ts';
import type { Case } from '../model/case.ts';
import { Corpus } from '../harness/run/corpus.ts';
import { geometry, makeCase, openDirect } from '../reproducers/testing/samples.ts';

const program = join(repositoryRoot(), 'dist/iomapfuzz.mjs');
const CASES = 400;

let kernel: string;
test.beforeAll(async () => {
  kernel = (await testKernel()).path;
});

/** Each with a mount of its own, so that replaying all takes long enough to be ended in the middle. */
function slowCorpus(directory: string): void {
  const corpus = Corpus.open(directory);
  for (let n = 1; n <= CASES; n += 1) {
    const testCase: Case = makeCase([openDirect], [], {
      geometry: geometry({
        mount: 'syncInit',
        config: { kind: 'config', blockSizeBytes: 4096, maxBytes: 1n << 30n, maxLinks: n },
      }),
    });
    corpus.add(testCase, { why: `number ${n}`, origin: 'hand', shows: [], kernels: {} });
  }
  corpus.save();
}

interface UnderWay {
  pid: number;
  corpus: string;
  out: string;
  /** QEMU's processes. */
  qemus: () => string[];
  kill: (signal: NodeJS.Signals) => void;
  ended: Promise<{ code: number | null; stdout: string }>;
}

/** Starts `corpus check` in a place of its own, and resolves when some cases are on disk. */
async function underWay(scratch: string, more: string[] = []): Promise<UnderWay> {
  const [corpus, out] = [join(scratch, 'corpus'), join(scratch, 'results')];
  mkdirSync(join(scratch, 'tmp'));
  slowCorpus(corpus);
  const child = spawn(
    process.execPath,
    [program, 'corpus', 'check', '--corpus', corpus, '--kernel', kernel, '--out', out, ...more],
    { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, TMPDIR: join(scratch, 'tmp') } },
  );
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    stdout += piece;
  });
  const ended = new Promise<{ code: number | null; stdout: string }>((resolve) => {
    child.on('close', (code) => {
      resolve({ code, stdout });
    });
  });
  await expect
    .poll(() => linesOf(join(out, 'cases.jsonl')), { timeout: 200_000, intervals: [100] })
    .toBeGreaterThanOrEqual(2);
  return {
    pid: child.pid!,
    corpus,
    out,
    qemus: () => processesThatName(join(scratch, 'tmp')),
    kill: (signal) => {
      child.kill(signal);
    },
    ended,
  };
}

function linesOf(file: string): number {
  try {
    return readFileSync(file, 'utf8').split('\n').length - 1;
  } catch {
    return 0;
  }
}

let scratch: string;
test.beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'corpus-'));
});
test.afterEach(() => {
  rmSync(scratch, { recursive: true });
});

test('killed, it should keep what finished, say that it is incomplete, and leave no QEMU behind', async () => {
  const { kill, ended, qemus, out, corpus } = await underWay(scratch);
  expect(qemus().length).toBeGreaterThan(0);
  kill('SIGKILL');
  await ended;
  const { status, stdout } = spawnSync(process.execPath, [program, 'report', out], { encoding: 'utf8' });
  expect(stdout).toMatch(
    /^NO VERDICT: the run is incomplete \(it was killed, or it is still running\); \d+ cases? judged so far,\s+none deviates/,
  );
  expect(status).toBe(3);
  await expect.poll(qemus, { timeout: 120_000 }).toEqual([]);
  expect(Corpus.open(corpus).entries()).toHaveLength(CASES);
});

test('interrupted, it should note what it saw, say how to go on, and leave no QEMU behind', async () => {
  const { kill, ended, qemus, corpus } = await underWay(scratch, ['--record', 'here']);
  kill('SIGINT');
  const { code, stdout } = await ended;
  expect(code).toBe(3);
  expect(stdout).toContain('NO VERDICT: the run is incomplete (interrupted by SIGINT)');
  const replayed = Number(
    /^(\d+) of 400 cases were replayed, .* and in the index; give the same command again to replay all of them$/m.exec(
      stdout,
    )?.[1],
  );
  expect(replayed).toBeGreaterThan(0);
  expect(
    Corpus.open(corpus)
      .entries()
      .filter(([, { kernels }]) => kernels['here'] !== undefined),
  ).toHaveLength(replayed);
  expect(qemus()).toEqual([]);
});

test('without its guest, it should go on in another one and judge every case', async () => {
  const { ended, qemus } = await underWay(scratch);
  for (const pid of qemus()) {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('qemu')) process.kill(Number(pid), 'SIGKILL');
  }
  const { code, stdout } = await ended;
  expect(stdout).toMatch(new RegExp(`^CONFORMS: all ${CASES} judged cases conform`, 'm'));
  expect(code).toBe(0);
});
