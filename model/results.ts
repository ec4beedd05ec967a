/**
 * Results: what a run leaves behind, format 1. A results directory holds
 *   summary.json  one RunSummary, replaced atomically while the run goes on; `complete` is false until the run has
 *     ended
 *   cases.jsonl   one CaseRecord a line, appended as cases finish
 *   findings.jsonl  one FindingRecord a line, when a finding has been made small and replayed; absent: nothing deviated
 *   findings/     their case files
 *   coverage.json, coverage/  lines of the kernel that were reached, and the cases that reached something first; only
 *     when asked for
 *   console.log   the kernel log of every guest, one after the other
 * A run that was killed therefore leaves everything it finished, and says itself that it is incomplete.
 */
import type { z } from 'zod';
import type { caseSchema } from './case.ts';
import type { ExpectedDeviation } from './expectations.ts';
import type { LibertyUse } from './liberties.ts';
import type { Observation } from './observation.ts';
import type { Verdict } from './verdict.ts';

export const RESULTS_FORMAT = 1;

/**
 * A campaign draws so many cases, runs them in the order of their mounts, and draws the next when all of them are over:
 * a few stretches of the geometries' table.
 */
export const CAMPAIGN_CHUNK = 2048;

/** One cell of the matrix: a rule (or behaviour) on a path. */
export interface CellInfo {
  /** `map/length-nonzero@read direct-read violating`; unique in a run. */
  id: string;
  rule: string;
  half?: 'read' | 'write';
  /** direct-read, direct-write, fiemap, seek-data, seek-hole, ioctl, mount ... */
  path: string;
  border?: 'violating' | 'legal';
  /** Why no case can exercise this cell; absent when cases exist. */
  impossible?: string;
}

export interface CaseRecord {
  /** Position in the run, from 0; a shard keeps the positions of the undivided run. */
  n: number;
  /** Id of the cell the case was drawn for; absent in fuzzing. */
  cell?: string;
  /** Content address of the case: sha256 of its canonical JSON, hexadecimal. */
  hash: string;
  /** One line for people: what is special about this case, with the border values. */
  note: string;
  seed: number;
  /** Milliseconds from the start of the run to the end of this case; absent: not measured. Only timings read it. */
  atMs?: number;
  verdict: Verdict;
  /** Places of the kernel's code that no case of the run had reached before; absent: none, or not asked for. */
  newPlaces?: number;
  /** The case itself; always there for deviations. */
  case?: z.input<typeof caseSchema>;
  /** Only for deviations and lost cases; see `jsonSafe` for the form of bigint and bytes. */
  observation?: unknown;
  /** Tail of the guest's console, for deviations the kernel log shows and for lost cases. */
  consoleTail?: string;
  /** How often the case was run, when not once: guests were lost while it ran. */
  tries?: number;
  /** The tries in which the kernel took its guest down, oldest first, with the end of each one's log. */
  crashes?: { reason: string; console: string }[];
}

/** How far a finding's case was made smaller. */
export interface Minimised {
  /** How often a smaller form was found, and how many forms were run. */
  steps: number;
  tried: number;
  /** `minimal`: no smaller form shows it. */
  end: 'minimal' | 'interrupted' | 'out-of-time';
}

/** In how many of so many replays, each in a fresh guest, the case showed the same. */
export interface ReliabilityCount {
  shown: number;
  of: number;
}

export interface FindingRecord {
  /** As reports print it; absent in results of older versions. */
  id?: string;
  /** The rule or behaviour that is contradicted. */
  rule: string;
  /** The case file, relative to the results directory. */
  file: string;
  /** Absent: nobody tried. */
  minimised?: Minimised;
  /** Why not. */
  notMinimised?: string;
  reliability?: ReliabilityCount;
  /** The smallest case; `n`, `cell` and `seed` are those of the case that it was made from. */
  example: CaseRecord;
}

/** `machine` and `accelerator` of a run that needed no guest to know that its kernel can't be tested. */
export const NOT_BOOTED = 'not booted';

export interface Environment {
  /** How the kernel was named: reference, --kernel, --kdir. */
  kernelOrigin: string;
  kernelRelease: string;
  kernelVersion: string;
  /** sha256 of the image. */
  kernelImageHash: string;
  /** When the image was written, in ISO 8601. */
  kernelImageDate?: string;
  /**
   * Of the tree that the image was made from, as git describe says it, or why it is not known; absent: no tree was
   * named.
   */
  kernelCommit?: string;
  flavour?: string;
  /** Options that matter, as NAME=value; from /proc/config.gz or the build's config. */
  kernelConfig: string[];
  accelerator: string;
  acceleratorReason: string;
  machine: string;
  qemuVersion: string;
  memoryMiB: number;
  nodeVersion: string;
  hostCpus: number;
}

/** Kernel code coverage of the thread that did the syscalls. */
export interface CoverageSummary {
  /** Why there is none. */
  unavailable?: string;
  /** Instrumented places reached. */
  places: number;
  /** Lines with such places in each file of fs/fuse and fs/iomap, and how many of them were reached. */
  files?: { file: string; reached: number; lines: number }[];
  /** Why there are no files. */
  noLines?: string;
  /** Cases in coverage/ that were the first to reach some place. */
  keptCases: number;
  /**
   * Cases that reached more than there was room for, so that places which count as not reached may have been; absent:
   * none.
   */
  cutCases?: number;
}

export type Counts = Record<Verdict['kind'], number>;
export const noCounts = (): Counts => ({ conforms: 0, deviates: 0, unspecified: 0, 'not-run': 0, lost: 0 });

/** Something that the kernel did and that no case shows when it runs alone: a finding of the run. */
export interface Incident {
  /** `the kernel panicked: ...` */
  reason: string;
  /** For people: when it happened. */
  when: string;
  /** The kernel log around it. */
  log: string;
  /** Hashes of the cases one of which did it; absent: no case was running. */
  candidates?: string[];
  /**
   * Of one that a case showed which is none of the run's own, but a smaller form of one: the case, its file, how often
   * it showed, and which finding it is.
   */
  shownBy?: { case: z.input<typeof caseSchema>; file: string; reliability: ReliabilityCount; finding: string };
}

/**
 * So many incidents, and notices, of a run are kept: a kernel that does the same again and again must not fill the
 * summary.
 */
export const MOST_INCIDENTS = 100;

export interface RunSummary {
  format: typeof RESULTS_FORMAT;
  kind: 'conformance' | 'fuzz' | 'corpus' | 'repro';
  toolVersion: string;
  argv: string[];
  revision: string;
  seed: number;
  /** As in `--shard index/count`: index from 1. */
  shard?: { index: number; count: number };
  /** Of a campaign that was merged: so many shards, each with an end of its own. */
  shards?: number;
  startedAt: string;
  /** Milliseconds from start to the last update. */
  elapsedMs: number;
  complete: boolean;
  /** Why the run ended early: interrupted, out of disk, no VM ... */
  endedBy?: string;
  /** Cases per cell that fitted into the time of a run whose time was limited. */
  runsPerCell?: number;
  environment?: Environment;
  /** The whole plan in plan order, also in a shard, so that a merged run has the cells of an undivided one. */
  cells: CellInfo[];
  counts: Counts;
  /**
   * How many cases the run was to have when it ended: with fewer in cases.jsonl it is no pass. Absent: it did not get
   * so far, or an iomapfuzz wrote it that did not store the number.
   */
  planned?: number;
  /** What the kernel did that no case shows; absent: nothing. */
  incidents?: Incident[];
  /** How many incidents and notices came when there were so many that no more were kept; absent: all were kept. */
  omitted?: { incidents: number; notices: number };
  /** A reason that concerns the whole run: kernel without fuse-iomap, channel that can't be judged ... */
  notices: string[];
  vms: { booted: number; lost: number; bootMs: number[] };
  /** Known deviations of this kernel: they fail nothing until they expire. Absent: none. */
  expectations?: ExpectedDeviation[];
  /** Fuzzing: in how many cases a rule had to refuse something, by rule and path: `map/length-nonzero@read fiemap`. */
  covered?: Record<string, number>;
  /** Liberties that the kernel was told to take; absent: none. */
  liberties?: LibertyUse[];
  /** Code of the kernel that was reached; absent: not asked for. */
  coverage?: CoverageSummary;
}

/** JSON form of values with bigint and bytes: {"$n": "18446744073709551615"}, {"$hex": "00ff"}. */
export function jsonSafe(value: unknown): unknown {
  if (typeof value === 'bigint') return { $n: value.toString() };
  if (value instanceof Uint8Array) return { $hex: Buffer.from(value).toString('hex') };
  if (Array.isArray(value)) return value.map(jsonSafe);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonSafe(inner)]));
  }
  return value;
}

/** Inverse of `jsonSafe`. */
export function fromJsonSafe(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromJsonSafe);
  if (typeof value === 'object' && value !== null) {
    const { $n, $hex } = value as { $n?: string; $hex?: string };
    if (typeof $n === 'string') return BigInt($n);
    if (typeof $hex === 'string') return new Uint8Array(Buffer.from($hex, 'hex'));
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fromJsonSafe(inner)]));
  }
  return value;
}

/** The observation that a record holds. */
export const observationOf = (record: CaseRecord): Observation | undefined =>
  record.observation === undefined ? undefined : (fromJsonSafe(record.observation) as Observation);
