/** `iomapfuzz test`: everything that must pass before a change lands. */
import { Command } from 'commander';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { repositoryRoot } from '../files/repository-root.ts';
import { InterruptedError, messageOf } from '../model/errors.ts';
import { runJob } from '../vm/host/job.ts';
import { exitCodes } from './exit-codes.ts';

interface Stage {
  name: string;
  /** Program and arguments, run from the repository's root. */
  argv: [string, ...string[]];
  /** A Playwright project's stage counts its tests; the others count as one. */
  playwright?: boolean;
  /** Only when it is named: it takes long, or needs more than a change is worth. */
  extra?: boolean;
  env?: Record<string, string>;
}

const stages: Stage[] = [
  { name: 'lint', argv: ['npx', '--no-install', 'eslint', '.', '--max-warnings=0'] },
  { name: 'format', argv: ['npx', '--no-install', 'prettier', '--check', '.', '--log-level', 'warn'] },
  { name: 'circles', argv: ['npm', 'run', '--silent', 'circles'] },
  { name: 'unused', argv: ['npm', 'run', '--silent', 'knip'] },
  { name: 'types', argv: ['npm', 'run', '--silent', 'types'] },
  // unit and browser tests first: they are quick, and a broken unit explains a broken suite in the VM.
  // Half an hour long: what the rules leave open.
  ...['unit', 'browser', 'vm', 'conformance', 'liberties'].map((project) => ({
    name: project,
    argv: [
      'npx',
      '--no-install',
      'playwright',
      'test',
      `--project=${project}`,
      '--reporter=list,json',
    ] as Stage['argv'],
    playwright: true,
    extra: project === 'liberties',
  })),
  // Ten thousand of these are part of the unit tests.
  {
    name: 'mutations',
    playwright: true,
    extra: true,
    env: { IOMAPFUZZ_MUTATIONS: process.env['IOMAPFUZZ_MUTATIONS'] ?? '1000000' },
    argv: [
      'npx',
      '--no-install',
      'playwright',
      'test',
      '--project=unit',
      '--reporter=list,json',
      'harness/run/mutations.test.ts',
    ],
  },
  {
    name: 'kills',
    playwright: true,
    extra: true,
    env: { IOMAPFUZZ_KILLS: process.env['IOMAPFUZZ_KILLS'] ?? '100' },
    argv: ['npx', '--no-install', 'playwright', 'test', '--project=vm', '--reporter=list,json', 'cli/kills.vm.test.ts'],
  },
];

/** What a stage came to; `failures` names each failed test and the first lines of its error. */
interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  failures: string[];
}

/** Playwright's JSON report, as far as it is read here (node_modules/playwright/types/testReporter.d.ts). */
interface JsonReport {
  stats: { expected: number; unexpected: number; flaky: number; skipped: number };
  suites: JsonSuite[];
  errors: { message?: string }[];
}

interface JsonSuite {
  suites?: JsonSuite[];
  specs?: {
    title: string;
    file: string;
    line: number;
    tests: { status: string; results: { errors: { message?: string }[] }[] }[];
  }[];
}

/** Enough of an error to know which assertion it was. */
const errorLines = 12;

export function testCommand(): Command {
  return new Command('test')
    .description(
      'run lint, the check of the format, the searches for import circles and for what nothing uses, types, unit tests, the suites in the VM and the browser tests of the report',
    )
    .argument(
      '[stage...]',
      `only these stages: ${stages.map(({ name, extra }) => (extra === true ? `${name} (only when named)` : name)).join(', ')}`,
    )
    .addHelpText('after', exitCodes('0 all passed, 1 something failed, 2 usage, 4 nothing ran.'))
    .action(async (only: string[], _options, command: Command) => {
      const unknown = only.filter((name) => !stages.some((stage) => stage.name === name));
      if (unknown.length > 0)
        command.error(
          `error: there is no stage ${unknown.join(', ')}; there are: ${stages.map(({ name }) => name).join(', ')}`,
        );
      const total: Tally = { passed: 0, failed: 0, skipped: 0, failures: [] };
      for (const stage of stages.filter(({ name, extra }) =>
        only.length === 0 ? extra !== true : only.includes(name),
      )) {
        const startedMs = performance.now();
        console.log(`\n== ${stage.name}`);
        const tally = await runStage(stage);
        console.log(
          `== ${stage.name}: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped in ${Math.round((performance.now() - startedMs) / 1000)} s`,
        );
        total.passed += tally.passed;
        total.failed += tally.failed;
        total.skipped += tally.skipped;
        total.failures.push(...tally.failures.map((failure) => `[${stage.name}] ${failure}`));
      }
      // Again at the end: logs of CI systems are often cut, and never there.
      if (total.failures.length > 0) console.log(`\n== failed\n${total.failures.join('\n')}`);
      // Alone on its line: the form in which CI systems look for it.
      console.log(
        `\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
      );
      if (total.failed > 0) process.exitCode = 1;
      else if (total.passed === 0) process.exitCode = 4;
    });
}

async function runStage(stage: Stage): Promise<Tally> {
  const scratch = mkdtempSync(join(tmpdir(), 'iomapfuzz-test-'));
  const report = join(scratch, 'report.json');
  try {
    const code = await run(stage.argv, {
      PLAYWRIGHT_JSON_OUTPUT_NAME: report,
      PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1',
      ...stage.env,
    });
    if (!stage.playwright) {
      return code === 0
        ? { passed: 1, failed: 0, skipped: 0, failures: [] }
        : { passed: 0, failed: 1, skipped: 0, failures: [`${stage.argv.join(' ')}: exit code ${code}`] };
    }
    const tally = readTally(report);
    // Playwright can fail without a failing test: a file that does not load, a global set-up that throws.
    if (code !== 0 && tally.failed === 0) {
      tally.failed = 1;
      if (tally.failures.length === 0)
        tally.failures.push(`${stage.argv.join(' ')}: exit code ${code} without a failed test`);
    }
    return tally;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readTally(path: string): Tally {
  try {
    const { stats, suites, errors } = JSON.parse(readFileSync(path, 'utf8')) as JsonReport;
    return {
      passed: stats.expected,
      failed: stats.unexpected + stats.flaky,
      skipped: stats.skipped,
      failures: [...errors.map(firstLines), ...suites.flatMap(failuresOf)],
    };
  } catch {
    // No report was written; the exit code decides.
    return { passed: 0, failed: 0, skipped: 0, failures: [] };
  }
}

function failuresOf(suite: JsonSuite): string[] {
  const own = (suite.specs ?? []).flatMap(({ title, file, line, tests }) =>
    tests
      .filter(({ status }) => status === 'unexpected' || status === 'flaky')
      .map(({ results }) =>
        [`${file}:${line} ${title}`, ...results.flatMap(({ errors }) => errors.slice(0, 1).map(firstLines))].join('\n'),
      ),
  );
  return [...own, ...(suite.suites ?? []).flatMap(failuresOf)];
}

/** An error's first lines, indented, without the colours of a terminal. */
function firstLines({ message = '' }: { message?: string }): string {
  return stripVTControlCharacters(message)
    .split('\n')
    .slice(0, errorLines)
    .map((line) => `    ${line}`)
    .join('\n');
}

/**
 * Its output is ours; resolves to the exit code, 127 where it cannot be started. Whatever ends us ends it, and the
 * guests that it has.
 */
async function run(argv: Stage['argv'], env: Record<string, string>): Promise<number> {
  try {
    const { code } = await runJob(argv, {
      cwd: repositoryRoot(),
      // Stages run in the caller's language, as they would by themselves.
      env: { LC_ALL: process.env['LC_ALL'], ...env },
      onLine: (line) => {
        console.log(line);
      },
    });
    return code;
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    console.error(messageOf(error));
    return 127;
  }
}
