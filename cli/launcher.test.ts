/**
 * `./iomapfuzz` itself: what it installs and compiles is done by stand-ins here, in a copy of the repository's outline.
 */
import { expect, test } from '@playwright/test';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { findTool } from '../vm/host/tools.ts';
import { repositoryRoot } from '../files/repository-root.ts';
import { expectNoneOf, interruptWhenStarted } from '../vm/testing/interrupted-child.ts';
import { processesThatName } from '../vm/testing/processes.ts';

/** What the launcher and its stand-ins need of a machine; g++ is none of it. */
const programs = [
  'bash',
  'sh',
  'make',
  'python3',
  'flock',
  'find',
  'tail',
  'grep',
  'id',
  'mktemp',
  'sha256sum',
  'cut',
  'cat',
  'env',
  'dirname',
  'readlink',
  'rm',
  'mv',
  'sleep',
  'touch',
  'mkdir',
];

interface Outline {
  directory: string;
  env: NodeJS.ProcessEnv;
  /** Puts a program on PATH. `$TMPDIR` is this outline's own. */
  standIn(name: string, script: string): void;
}

/** Folders whose files the launcher compares with what was compiled. */
const sourceFolders = (): string[] =>
  /find ([a-z ]+) package\.json/.exec(readFileSync(join(repositoryRoot(), 'iomapfuzz'), 'utf8'))![1]!.split(' ');

/** Everything is there, and nothing has been installed or compiled yet. */
function outline(scratch: string): Outline {
  const [directory, bin, temporary] = ['root', 'bin', 'tmp'].map((name) => join(scratch, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [bin, temporary, join(directory, 'harness/native')]) mkdirSync(folder, { recursive: true });
  for (const name of ['iomapfuzz', 'package.json', 'package-lock.json', 'build.mjs', 'harness/native/binding.gyp'])
    copyFileSync(join(repositoryRoot(), name), join(directory, name));
  for (const name of sourceFolders()) mkdirSync(join(directory, name), { recursive: true });
  for (const name of programs) symlinkSync(findTool(name)!, join(bin, name));
  const standIn = (name: string, script: string): void => {
    // The name may be a link to the machine's own program, which must not be written to.
    rmSync(join(bin, name), { force: true });
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { flag: 'wx' });
    chmodSync(join(bin, name), 0o755);
  };
  standIn('g++', '');
  standIn('npm', 'mkdir -p node_modules');
  standIn(
    'node',
    `case "$*" in
*build.mjs) mkdir -p dist ;;
*iomapfuzz.mjs*) echo "the program ran: $*" ;;
*) exec '${process.execPath}' "$@" ;;
esac`,
  );
  return { directory, env: { ...process.env, PATH: bin, TMPDIR: temporary }, standIn };
}

/** Leaves its process id and that of a child, and goes on for long. */
const endless = 'sleep 1000 & echo $$ $! >"$TMPDIR/../started"; wait';

const run = (
  { directory, env }: Outline,
  ...words: string[]
): { status: number | null; stdout: string; stderr: string } =>
  spawnSync('bash', [join(directory, 'iomapfuzz'), ...(words.length > 0 ? words : ['report', 'x'])], {
    encoding: 'utf8',
    env,
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });

test('should compile again when a source of any folder is newer', () => {
  const holdsSources = (name: string): boolean =>
    readdirSync(join(repositoryRoot(), name), { recursive: true, encoding: 'utf8' }).some((file) => /\.ts$/.test(file));
  const other = ['node_modules', 'dist', 'docs', 'corpora', 'examples', 'test-results', 'playwright-report'];
  const folders = readdirSync(repositoryRoot(), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !other.includes(entry.name))
    .map(({ name }) => name);
  expect(sourceFolders().sort()).toEqual(folders.filter(holdsSources).sort());
});

test('should install, compile and run; a second time only run', ({}, info) => {
  const fileOutline = outline(info.outputPath('scratch'));
  expect(run(fileOutline)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^the program ran: .*report x\n$/),
    stderr: expect.stringMatching(/installing npm packages.*\n.*compiling/),
  });
  expect(run(fileOutline)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^the program ran: /),
    stderr: '',
  });
  expect(readdirSync(fileOutline.env['TMPDIR']!)).toEqual([]);
});

test('should tell the program that its output is closed, and nothing when it is open or goes to /dev/null', ({}, info) => {
  const fileOutline = outline(info.outputPath('scratch'));
  run(fileOutline);
  fileOutline.standIn(
    'node',
    `case "$*" in *iomapfuzz.mjs*) echo "closed: $IOMAPFUZZ_CLOSED_OUTPUT" >&2 ;; *) exec '${process.execPath}' "$@" ;; esac`,
  );
  const stderrOf = (redirection: string): string =>
    spawnSync('sh', ['-c', `bash '${join(fileOutline.directory, 'iomapfuzz')}' report x ${redirection}`], {
      encoding: 'utf8',
      env: { ...fileOutline.env, IOMAPFUZZ_CLOSED_OUTPUT: '' },
    }).stderr;
  expect(stderrOf('>&-')).toBe('closed: 1\n');
  for (const open of ['', '>/dev/null', '| cat']) expect(stderrOf(open), open).toBe('closed: \n');
});

const steps: readonly {
  name: string;
  during: string;
  disturb: (fileOutline: Outline) => void;
  mend: (fileOutline: Outline) => void;
}[] = [
  {
    name: 'npm',
    during: 'installing npm packages',
    disturb: ({ standIn }) => {
      standIn('npm', endless);
    },
    mend: ({ standIn }) => {
      standIn('npm', 'mkdir -p node_modules');
    },
  },
  {
    name: 'the compiler',
    during: 'compiling',
    disturb: ({ standIn }) => {
      standIn('node', `case "$*" in *native/build.mjs) ${endless} ;; *) exec '${process.execPath}' "$@" ;; esac`);
    },
    mend: ({ standIn }) => {
      standIn(
        'node',
        `case "$*" in *build.mjs) mkdir -p dist ;; *iomapfuzz.mjs*) echo "the program ran" ;; *) exec '${process.execPath}' "$@" ;; esac`,
      );
    },
  },
  {
    name: 'the wait for another one',
    during: 'waiting for another iomapfuzz',
    disturb: ({ standIn }) => {
      standIn('flock', `case "$1" in -n) exit 1 ;; *) ${endless} ;; esac`);
    },
    mend: ({ standIn }) => {
      standIn('flock', '');
    },
  },
];

for (const { name, during, disturb, mend } of steps) {
  for (const [signal, ignored] of [
    ['SIGTERM', ''],
    ['SIGTERM', 'trap "" INT; '],
    ['SIGINT', ''],
  ] as const) {
    test(`${signal} should end ${name} with 3 and leave nothing that breaks the next run${ignored === '' ? '' : ' (as in a background job, which ignores SIGINT)'}`, async ({}, info) => {
      const scratch = info.outputPath('scratch');
      const fileOutline = outline(scratch);
      disturb(fileOutline);
      const started = join(scratch, 'started');
      const child = spawn('bash', ['-c', `${ignored}exec bash ${join(fileOutline.directory, 'iomapfuzz')} report x`], {
        env: fileOutline.env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const { end, said, tookMs } = await interruptWhenStarted(child, started, signal, 60_000);
      expect(end, said).toBe(3);
      // A generous deadline; the stand-ins take a quarter of an hour.
      expect(tookMs).toBeLessThan(30_000);
      expect(said).toContain(`iomapfuzz: interrupted by ${signal} while ${during}`);
      expect(said).toContain('run this again');
      await expectNoneOf(started);
      expect(processesThatName(scratch)).toEqual([]);
      expect(readdirSync(fileOutline.env['TMPDIR']!)).toEqual([]);
      mend(fileOutline);
      expect(run(fileOutline)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^the program ran/) });
    });
  }
}

/** What apt 2.6.1 prints. `update` ends with 0 although nothing was fetched. */
const resolves = `case "$*" in
update) echo "Err:1 http://mirror.invalid/debian bookworm InRelease"; echo "  Could not resolve 'mirror.invalid'"; echo "W: Some index files failed to download. They have been ignored, or old ones used instead." >&2 ;;
*) echo "Reading package lists..."; echo "E: Unable to locate package g++" >&2; exit 100 ;;
esac`;
const lacks =
  'case "$*" in update) echo "Hit:1 http://mirror.example/debian bookworm InRelease" ;; *) echo "E: Unable to locate package g++" >&2; exit 100 ;; esac';

/** Names of the packages that a command asks for on a machine that can neither boot a guest nor build a kernel. */
function packagesFor(fileOutline: Outline, line: string): string[] {
  const { status, stdout, stderr } = run(fileOutline, ...line.split(' '));
  const missing = /^iomapfuzz: missing here: (.*) \(names of Debian packages\)/m.exec(stderr)?.[1];
  expect([status, missing === undefined ? stdout.trim() : ''], `${line}: ${stderr}`).toEqual(
    missing === undefined ? [0, expect.stringContaining(`iomapfuzz.mjs ${line}`)] : [3, ''],
  );
  return missing?.split(' ') ?? [];
}

test('should ask for QEMU and build tools only for commands that need them', ({}, info) => {
  const fileOutline = outline(info.outputPath('scratch'));
  for (const line of [
    '--version',
    'help conformance',
    'conformance --list',
    'conformance --rule map/* --list --uapi r2',
    'conformance --help',
    'fuzz --seed 1 --runs 10 --dry-run',
    'repro case.json --emit c',
    'repro --emit=c case.json',
    'corpus add case.json',
    'corpus list --corpus corpora',
    'report results',
    'compare before after',
    'merge one two --out both',
    'judge record.json',
    'kernel list',
    'kernel config',
    'kernel build --help',
  ])
    expect(packagesFor(fileOutline, line), line).toEqual([]);
  for (const line of [
    'conformance',
    'conformance --rule map/* --list-nothing',
    'conformance -- --list',
    'conformance --kdir tree',
    'fuzz --runs 10',
    'fuzz -- --dry-run',
    'repro case.json',
    'repro case.json --emit mail',
    'repro case.json --emit c --times 2',
    'repro case.json --emit c --times=2',
    'corpus check',
    'corpus minimise',
    'bench',
    'nightly --history nights',
    'vm run ls',
    // Its own option is another program's.
    'serve script.ts -- boot --kernel bzImage',
    'serve script.ts -- boot --kernel=bzImage',
  ])
    expect(packagesFor(fileOutline, line), line).toEqual(expect.arrayContaining(['qemu-system-x86', 'flex', 'bison']));
  for (const line of [
    'conformance --kernel bzImage',
    'fuzz --kernel=bzImage --runs 10',
    'serve script.ts --kernel bzImage -- cat file',
  ]) {
    const packages = packagesFor(fileOutline, line);
    expect(packages, line).toContain('qemu-system-x86');
    expect(packages, line).not.toContain('flex');
  }
  const packages = packagesFor(fileOutline, 'kernel build --flavour fast');
  expect(packages).toContain('flex');
  expect(packages).not.toContain('qemu-system-x86');
});

test('should say that the mirror cannot be reached when that is why a package cannot be installed, and only then', ({}, info) => {
  const fileOutline = outline(info.outputPath('scratch'));
  fileOutline.standIn('id', 'echo 0');
  rmSync(join(fileOutline.env['PATH']!, 'g++'));
  fileOutline.standIn('apt-get', resolves);
  const { status, stderr } = run(fileOutline);
  expect([status, stderr]).toEqual([
    3,
    expect.stringContaining(
      "missing here: g++, and the package mirror could not be reached (Could not resolve 'mirror.invalid'): connect this machine to the network",
    ),
  ]);
  expect(stderr).not.toContain('Unable to locate');
  fileOutline.standIn('apt-get', lacks);
  const other = run(fileOutline);
  expect([other.status, other.stderr]).toEqual([3, expect.stringContaining('apt-get could not install g++')]);
  expect(other.stderr).toContain('Unable to locate package g++');
  expect(other.stderr).not.toContain('could not be reached');
});

test('should not break off apt-get while it changes the machine', async ({}, info) => {
  const scratch = info.outputPath('scratch');
  const fileOutline = outline(scratch);
  fileOutline.standIn('id', 'echo 0');
  rmSync(join(fileOutline.env['PATH']!, 'g++'));
  fileOutline.standIn(
    'apt-get',
    `case "$*" in update|*--download-only) ;; *) touch "$TMPDIR/../started"; while [ ! -e "$TMPDIR/../go-on" ]; do sleep 0.1; done; touch "$TMPDIR/../whole" ;; esac`,
  );
  const child = spawn('bash', [join(fileOutline.directory, 'iomapfuzz'), 'report', 'x'], {
    env: fileOutline.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  const ended = new Promise<unknown>((resolve) => {
    child.on('close', (code, by) => {
      resolve(by ?? code);
    });
  });
  await expect.poll(() => existsSync(join(scratch, 'started')), { timeout: 60_000 }).toBe(true);
  child.kill('SIGTERM');
  await expect.poll(() => said, { timeout: 60_000 }).toContain('waiting until apt-get has ended');
  writeFileSync(join(scratch, 'go-on'), '');
  expect(await ended, said).toBe(3);
  expect(existsSync(join(scratch, 'whole'))).toBe(true);
});

test('should say that the npm registry cannot be reached when that is why packages cannot be installed, and only then', ({}, info) => {
  const fileOutline = outline(info.outputPath('scratch'));
  fileOutline.standIn('npm', 'echo "npm error code ENOTFOUND" >&2; exit 1');
  expect(run(fileOutline)).toMatchObject({
    status: 3,
    stderr: expect.stringMatching(/ENOTFOUND[\s\S]*the npm registry could not be reached/),
  });
  fileOutline.standIn('npm', 'echo "npm error code EINTEGRITY" >&2; exit 1');
  expect(run(fileOutline)).toMatchObject({
    status: 3,
    stderr: expect.stringMatching(/EINTEGRITY[\s\S]*npm ci failed in/),
  });
});
