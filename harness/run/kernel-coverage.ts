/**
 * Code coverage of a run: which instrumented places of fs/fuse and fs/iomap the cases reached (KCOV of the thread that
 * does the syscalls), and which lines these are, by the kernel's vmlinux.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findTool } from '../../vm/host/tools.ts';
import { writeInFolder, writeInside } from '../../files/inside.ts';
import type { Case } from '../../model/case.ts';
import type { KernelFacts } from '../../model/channel.ts';
import { caseHash } from '../../model/hash.ts';
import type { CoverageSummary } from '../../model/run-summary.ts';
import { formatCase } from './case-file.ts';
import { callSites } from './call-sites.ts';

/** A corpus of more than this is a run's archive. */
const MOST_KEPT = 500;
/** What is reported. A kernel may be instrumented as a whole. */
const FILES = /(?:^|\/)(fs\/(?:fuse|iomap)\/[^/]+):(\d+)/;

export class KernelCoverage {
  readonly #places = new Set<bigint>();
  readonly #directory: string;
  readonly #vmlinux: string | undefined;
  #kept = 0;
  #cut = 0;

  /** `directory`: of the results; `kernel`: the image that runs. */
  constructor(directory: string, kernel: string) {
    this.#directory = directory;
    this.#vmlinux = [join(dirname(kernel), 'vmlinux'), join(dirname(kernel), '../../../vmlinux')].find((path) =>
      existsSync(path),
    );
  }

  /** Why this kernel gives no coverage; undefined: it does. */
  static lacking({ kcov }: KernelFacts): string | undefined {
    return kcov
      ? undefined
      : 'the kernel has no /sys/kernel/debug/kcov: it needs CONFIG_KCOV and CONFIG_DEBUG_FS, and fs/fuse and fs/iomap built with KCOV_INSTRUMENT := y, as --flavour debug has them';
  }

  /**
   * Takes what a case reached first in its guest (`cut`: not all of it was kept); returns how many of these places are
   * new to the run, and keeps the case if any is.
   */
  add(testCase: Case, places: Uint8Array, cut = false): number {
    if (cut) this.#cut += 1;
    const before = this.#places.size;
    const bytes = Buffer.from(places.buffer, places.byteOffset, places.byteLength);
    for (let at = 0; at + 8 <= bytes.length; at += 8) this.#places.add(bytes.readBigUInt64LE(at));
    const fresh = this.#places.size - before;
    if (fresh > 0 && this.#kept < MOST_KEPT) {
      this.#kept += 1;
      writeInFolder(this.#directory, 'coverage', `${caseHash(testCase).slice(0, 12)}.case.json`, formatCase(testCase));
    }
    return fresh;
  }

  /** Writes coverage.json, the lines of each file; returns what the summary says. */
  finish(): CoverageSummary {
    const found: CoverageSummary = {
      places: this.#places.size,
      keptCases: this.#kept,
      ...(this.#cut > 0 && { cutCases: this.#cut }),
    };
    if (this.#vmlinux === undefined)
      return { ...found, noLines: 'there is no vmlinux beside the kernel, which would say which lines these are' };
    if (findTool('addr2line') === undefined)
      return { ...found, noLines: 'there is no addr2line here (Debian package binutils)' };
    const sites = callSites(this.#vmlinux, '__sanitizer_cov_trace_pc');
    if (sites.length === 0) return { ...found, noLines: `${this.#vmlinux} has no places that report to KCOV` };
    const lines = linesOf(this.#vmlinux, [...new Set([...sites, ...this.#places])]);
    const files = new Map<string, { all: Set<number>; reached: Set<number> }>();
    for (const [place, { file, line }] of lines) {
      const known = files.get(file) ?? { all: new Set<number>(), reached: new Set<number>() };
      files.set(file, known);
      known.all.add(line);
      if (this.#places.has(place)) known.reached.add(line);
    }
    const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
    const list = (numbers: Iterable<number>): number[] => [...numbers].sort((a, b) => a - b);
    writeInside(
      join(this.#directory, 'coverage.json'),
      `${JSON.stringify(
        Object.fromEntries(
          sorted.map(([file, { all, reached }]) => [
            file,
            { reached: list(reached), notReached: list([...all].filter((line) => !reached.has(line))) },
          ]),
        ),
      )}\n`,
    );
    return {
      ...found,
      files: sorted.map(([file, { all, reached }]) => ({ file, reached: reached.size, lines: all.size })),
    };
  }
}

/**
 * File and line of each place in fs/fuse and fs/iomap. A place is the return address of its call: the byte before it
 * belongs to the line.
 */
function linesOf(vmlinux: string, places: readonly bigint[]): Map<bigint, { file: string; line: number }> {
  const input = places.map((place) => `0x${(place - 1n).toString(16)}`).join('\n');
  const output = execFileSync('addr2line', ['-e', vmlinux], { input, encoding: 'utf8', maxBuffer: 1 << 28 }).split(
    '\n',
  );
  const found = new Map<bigint, { file: string; line: number }>();
  for (const [index, place] of places.entries()) {
    const match = FILES.exec(output[index] ?? '');
    if (match) found.set(place, { file: match[1]!, line: Number(match[2]) });
  }
  return found;
}
