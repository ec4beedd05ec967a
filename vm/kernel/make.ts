/** Configures and makes a kernel, and says what went wrong in the compiler's own words. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { InfrastructureError, KernelBuildError } from '../../model/errors.ts';
import { requireSpace } from '../host/disk.ts';
import { runJob } from '../host/job.ts';
import { findTool, installHint, missingTools } from '../host/tools.ts';
import { parseConfig, parseFragment } from './parse-config.ts';
import type { Fragment } from './fragments.ts';
import type { Progress } from './progress.ts';

/** A debug build with its vmlinux; the fast one takes a fifth of it. */
const objectsMib = 1500;
/** Linking again what changed a little. */
const incrementalMib = 300;

/**
 * Throws InfrastructureError that names every program and header that is missing, with the command that installs them.
 */
export function requireBuildTools(): void {
  const missing = missingTools('kernel build');
  if (missing.length === 0) return;
  const names = missing.map((tool) => tool.name);
  throw new InfrastructureError(`a kernel cannot be built here, missing: ${names.join(', ')}. ${installHint(names)}`);
}

/** Compiler and linker as they name themselves; part of a kernel's identity. */
export function toolchain(): string {
  if (findTool('gcc') === undefined || findTool('ld') === undefined) requireBuildTools();
  const firstLine = (program: string): string =>
    execFileSync(program, ['--version'], { encoding: 'utf8' }).split('\n')[0]!;
  return `${firstLine('gcc')}; ${firstLine('ld')}`;
}

/**
 * Writes `objects`/.config: the smallest configuration plus the fragments. Throws InfrastructureError when Kconfig
 * drops something that a fragment asks for.
 */
export async function configure(
  tree: string,
  objects: string,
  fragments: readonly Fragment[],
  progress: Progress,
): Promise<void> {
  progress.step('configuring');
  const log = join(objects, '../build.log');
  rmSync(log, { force: true });
  const run = async (...argv: [string, ...string[]]): Promise<void> => {
    const { code, tail } = await runJob(argv, { cwd: tree, log, env: plainMake });
    if (code !== 0) throw buildError('the kernel cannot be configured', tail, log);
  };
  await run('make', `O=${objects}`, 'tinyconfig');
  await run(
    'scripts/kconfig/merge_config.sh',
    '-m',
    '-O',
    objects,
    join(objects, '.config'),
    ...fragments.map(({ path }) => path),
  );
  await run('make', `O=${objects}`, 'olddefconfig');
  const config = parseConfig(readFileSync(join(objects, '.config'), 'utf8'));
  const wanted = new Map(fragments.flatMap(({ text }) => [...parseFragment(text)]));
  const dropped = [...wanted]
    .filter(([symbol, value]) => (config.get(symbol) ?? 'n') !== value)
    .map(([symbol, value]) => `CONFIG_${symbol}=${value} (is ${config.get(symbol) ?? 'not set'})`);
  if (dropped.length > 0)
    throw new InfrastructureError(`Kconfig did not keep what the fragments ask for: ${dropped.join(', ')}`);
}

/** What would send make elsewhere: the image that is tested afterwards would be an old one. */
const plainMake: Record<string, string | undefined> = {
  O: undefined,
  KBUILD_OUTPUT: undefined,
  KBUILD_EXTMOD: undefined,
  KCONFIG_CONFIG: undefined,
  ARCH: undefined,
  SUBARCH: undefined,
  MAKEFLAGS: undefined,
  GNUMAKEFLAGS: undefined,
  MAKELEVEL: undefined,
  MAKEFILES: undefined,
};

const imageIn = (output: string): string => join(output, 'arch/x86/boot/bzImage');

/**
 * Makes arch/x86/boot/bzImage; `output` is the directory of the objects, the tree itself or one beside it. Throws
 * KernelBuildError.
 */
export async function makeImage(
  tree: string,
  output: string,
  log: string,
  progress: Progress,
  makeArguments: readonly string[] = [],
): Promise<void> {
  requireSpace(output, existsSync(join(output, 'vmlinux')) ? incrementalMib : objectsMib, 'a kernel build');
  // Beside the log: a tree of somebody's gets nothing but what make puts there.
  const countFile = join(dirname(log), 'steps');
  const expected = existsSync(countFile) ? Number(readFileSync(countFile, 'utf8')) : 1900;
  let steps = 0;
  progress.step('compiling the kernel');
  const { code, tail } = await runJob(
    [
      'make',
      ...(output === tree ? [] : [`O=${output}`]),
      `-j${String(availableParallelism())}`,
      ...makeArguments,
      'bzImage',
    ],
    {
      cwd: tree,
      log,
      env: plainMake,
      onLine: (line) => {
        const step = /^ {2}([A-Z]+[A-Z0-9]*) +(?:\[M\] +)?(\S+)/.exec(line);
        if (step !== null) progress.at(++steps, expected, 'steps', step[2]);
      },
    },
  );
  if (code !== 0) throw buildError('the kernel does not compile', tail, log);
  if (!existsSync(imageIn(output)))
    throw new KernelBuildError(`make ended without an error and without ${imageIn(output)}. The whole log: ${log}`);
  // An incremental build says nothing about a full one.
  if (steps > expected / 2) writeFileSync(countFile, String(steps));
}

/** What a builder looks for in a log, with the hint that follows from it. */
const telling = /\berror\b:?|undefined reference|No such file or directory|No space left|\*\*\*|not found|Killed/i;
const noise = /^make(\[\d+\])?: (Entering|Leaving)/;
const hints: readonly { pattern: RegExp; hint: string }[] = [
  {
    pattern: /No space left on device/,
    hint: 'The disk is full: free some space, or set XDG_CACHE_HOME to a directory on a larger disk.',
  },
  { pattern: /gelf\.h|libelf/, hint: installHint(['libelf headers']) },
  { pattern: /openssl\/\w+\.h/, hint: installHint(['openssl headers']) },
  { pattern: /(flex|bison|bc|perl): (command )?not found/, hint: installHint(['flex', 'bison', 'bc', 'perl']) },
  { pattern: /Killed|signal 9/, hint: 'The compiler was killed: is there enough memory?' },
];

function buildError(what: string, tail: readonly string[], log: string): KernelBuildError {
  const lines = tail.filter((line) => telling.test(line) && !noise.test(line)).slice(0, 20);
  const shown = lines.length > 0 ? lines : tail.slice(-15);
  const hint = hints.find(({ pattern }) => shown.some((line) => pattern.test(line)))?.hint;
  return new KernelBuildError(
    [
      `${what}:`,
      ...shown.map((line) => `  ${line}`),
      ...(hint === undefined ? [] : [hint]),
      `The whole log: ${log}`,
    ].join('\n'),
  );
}
