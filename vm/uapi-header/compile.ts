/**
 * Constants of a C header, by the compiler. The header is text of somebody else: it is compiled to assembler text and no
 * further, so that nothing of it ever runs, with limits on time, memory and output.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { InfrastructureError, UsageError, messageOf } from '../../model/errors.ts';
import { plainLine } from '../../model/plain-text.ts';
import { findTool, installHint } from '../host/tools.ts';

/** What became of an expression: its value as 64 bits without sign, or why the compiler knows none. */
export type Constant = { readonly value: bigint } | { readonly problem: string };

const LIMITS = { seconds: 30, memoryKib: 1 << 20, outputBytes: 4 << 20 };
/** A compiler may stop after some errors: what it complained of is left out the next time. */
const MOST_ROUNDS = 40;
const MOST_MESSAGE = 300;

const symbol = 'iomapfuzz_constant_';
const probe = 'iomapfuzz-constant-';

/**
 * The values of `expressions` behind an inclusion of `header`, the text of the file `path`. Throws UsageError, of one
 * line, when the header does not compile; InfrastructureError when there is no compiler.
 */
export async function constantsOf(
  path: string,
  header: Uint8Array,
  expressions: readonly string[],
): Promise<Constant[]> {
  const compiler = findTool('gcc');
  if (compiler === undefined)
    throw new InfrastructureError(
      `${path} cannot be read: gcc is missing, which reads the numbers. ${installHint(['gcc'])}`,
    );
  const directory = temporaryDirectory();
  const constants: (Constant | undefined)[] = expressions.map(() => undefined);
  const untilMs = performance.now() + LIMITS.seconds * 1000;
  try {
    writeFileSync(join(directory, 'fuse.h'), header);
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      // What is wrong with the header alone is said of the header.
      const open = round === 0 ? [] : [...expressions.keys()].filter((n) => constants[n] === undefined);
      writeFileSync(join(directory, 'probe.c'), programOf(open.map((n) => [n, expressions[n]!])));
      const { code, stdout, stderr } = await compile(compiler, directory, path, untilMs);
      if (code === 0 && round === 0) continue;
      if (code === 0) {
        const values = valuesIn(stdout);
        return constants.map((one, n) => one ?? valueOr(values.get(n)));
      }
      const errors = errorsIn(stderr);
      const elsewhere = errors.find(({ constant }) => constant === undefined);
      if (elsewhere || errors.length === 0) {
        const words = elsewhere?.text ?? stderr.split('\n').find((line) => line.trim() !== '') ?? 'gcc failed';
        throw doesNotCompile(
          path,
          words.replaceAll(`${directory}/fuse.h`, path).replace(/^\S+\/probe\.c:\d+: /, `${path}: `),
        );
      }
      for (const { constant, text } of errors) constants[constant!] ??= { problem: text };
    }
    throw doesNotCompile(path, 'the compiler finds ever more errors');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const valueOr = (value: bigint | undefined): Constant =>
  value === undefined ? { problem: 'the compiler gave it no value' } : { value };

const doesNotCompile = (path: string, why: string): UsageError =>
  new UsageError(
    `the uAPI header ${plainLine(path)} does not compile: ${plainLine(why).trim().slice(0, MOST_MESSAGE)}; ` +
      'give another by --uapi-header, or --uapi-header none to go by the numbers of the revision',
  );

function temporaryDirectory(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'iomapfuzz-header-'));
  } catch (error) {
    throw new InfrastructureError(`no temporary directory for the compiler: ${messageOf(error)}`);
  }
}

/** Errors name the line that they are about: each expression has a "file" of its own. */
const programOf = (expressions: readonly (readonly [number, string])[]): string =>
  [
    '#include <stddef.h>',
    '#include <stdint.h>',
    '#include <linux/ioctl.h>',
    '#include "fuse.h"',
    ...expressions.map(
      ([n, text]) => `#line 1 "${probe}${n}"\nconst unsigned long long ${symbol}${n} = (unsigned long long)(${text});`,
    ),
    '',
  ].join('\n');

interface Compiled {
  code: number;
  stdout: string;
  stderr: string;
}

async function compile(compiler: string, directory: string, path: string, untilMs: number): Promise<Compiled> {
  const argv = [
    '-S',
    '-x',
    'c',
    '-std=gnu11',
    '-O0',
    '-w',
    '-fno-lto',
    '-fno-asynchronous-unwind-tables',
    '-fno-diagnostics-show-caret',
    // An error in what a macro says is one of the expression that uses it.
    '-ftrack-macro-expansion=0',
    '-iquote',
    dirname(path),
    '-o',
    '-',
    join(directory, 'probe.c'),
  ];
  const limited = `ulimit -t ${LIMITS.seconds} && ulimit -v ${LIMITS.memoryKib} && exec "$@"`;
  const child = spawn('/bin/sh', ['-c', limited, 'sh', compiler, ...argv], {
    // Its temporary files go with the directory.
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let broke: string | undefined;
  const end = (why: string): void => {
    broke ??= why;
    // The compiler and what it started.
    if (child.pid !== undefined && child.exitCode === null)
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        /* it has ended meanwhile */
      }
  };
  const timer = setTimeout(() => {
    end(`the compiler needs more than ${LIMITS.seconds} seconds for it`);
  }, untilMs - performance.now());
  const read = (stream: NodeJS.ReadableStream): (() => string) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    stream.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > LIMITS.outputBytes) end('the compiler says more of it than there is room for');
      else parts.push(part);
    });
    return () => Buffer.concat(parts).toString('utf8');
  };
  const [stdout, stderr] = [read(child.stdout), read(child.stderr)];
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', (error) => {
        reject(new InfrastructureError(`${basename(compiler)} cannot be started: ${error.message}`));
      });
      child.on('close', (status) => {
        resolve(status ?? 128);
      });
    });
    if (broke !== undefined) throw doesNotCompile(path, broke);
    return { code, stdout: stdout(), stderr: stderr() };
  } finally {
    clearTimeout(timer);
  }
}

/** `constant`: the expression that it is about; absent: the header, or what it includes. */
function errorsIn(stderr: string): { constant?: number; text: string }[] {
  return stderr.split('\n').flatMap((line) => {
    const found = /^(.*?):(\d+):(?:\d+:)? (?:fatal )?error: (.*)$/.exec(line);
    if (!found) return [];
    const [, file = '', at = '', text = ''] = found;
    return file.startsWith(probe)
      ? [{ constant: Number(file.slice(probe.length)), text }]
      : [{ text: `${file}:${at}: ${text}` }];
  });
}

/** A constant is a label, and the directive behind it holds its 64 bits. */
function valuesIn(assembler: string): Map<number, bigint> {
  const values = new Map<number, bigint>();
  const found = assembler.matchAll(
    new RegExp(`^${symbol}(\\d+):\\s*\\n\\s*\\.(quad|xword|8byte|dword|zero)\\s+(-?\\w+)\\s*$`, 'gm'),
  );
  for (const [, n, directive, number] of found)
    values.set(Number(n), directive === 'zero' ? 0n : BigInt.asUintN(64, BigInt(number!)));
  return values;
}
