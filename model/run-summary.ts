/** What summary.json of a results directory says about its run; results.ts describes the directory. */
import { z } from 'zod';
import { revisionIds } from '../uapi/revision.ts';
import { expectation } from './expectations.ts';
import { libertyUse } from './liberties.ts';
import { reliabilityCount, RESULTS_FORMAT } from './results.ts';
import { uapiHeader } from './uapi-header.ts';
import { unjudged, type VerdictKind } from './verdict.ts';

/**
 * A campaign draws so many cases, runs them in the order of their mounts, and draws the next when all of them are over:
 * a few stretches of the geometries' table.
 */
export const CAMPAIGN_CHUNK = 2048;

const count = z.int().min(0);

/** One cell of the matrix: a rule (or behaviour) on a path. */
const cellInfo = z.object({
  /** `map/length-nonzero@read direct-read violating`; unique in a run. */
  id: z.string(),
  rule: z.string(),
  half: z.enum(['read', 'write']).exactOptional(),
  /** direct-read, direct-write, fiemap, seek-data, seek-hole, ioctl, mount ... */
  path: z.string(),
  border: z.enum(['violating', 'legal']).exactOptional(),
  /** Why no case can exercise this cell; absent when cases exist. */
  impossible: z.string().exactOptional(),
});
export type CellInfo = z.infer<typeof cellInfo>;

/** `machine` and `accelerator` of a run that needed no guest to know that its kernel can't be tested. */
export const NOT_BOOTED = 'not booted';

const environment = z.object({
  /** How the kernel was named: reference, --kernel, --kdir. */
  kernelOrigin: z.string(),
  kernelRelease: z.string(),
  kernelVersion: z.string(),
  /** sha256 of the image. */
  kernelImageHash: z.string(),
  /** When the image was written, in ISO 8601. */
  kernelImageDate: z.string().exactOptional(),
  /**
   * Of the tree that the image was made from, as git describe says it, or why it is not known; absent: no tree was
   * named.
   */
  kernelCommit: z.string().exactOptional(),
  flavour: z.string().exactOptional(),
  /** Options that matter, as NAME=value; from /proc/config.gz or the build's config. */
  kernelConfig: z.array(z.string()),
  accelerator: z.string(),
  acceleratorReason: z.string(),
  machine: z.string(),
  qemuVersion: z.string(),
  memoryMiB: z.number(),
  nodeVersion: z.string(),
  hostCpus: z.number(),
});
export type Environment = z.infer<typeof environment>;

/** Kernel code coverage of the thread that did the syscalls. */
const coverageSummary = z.object({
  /** Why there is none. */
  unavailable: z.string().exactOptional(),
  /** Instrumented places reached. */
  places: count,
  /** Lines with such places in each file of fs/fuse and fs/iomap, and how many of them were reached. */
  files: z.array(z.object({ file: z.string(), reached: count, lines: count })).exactOptional(),
  /** Why there are no files. */
  noLines: z.string().exactOptional(),
  /** Cases in coverage/ that were the first to reach some place. */
  keptCases: count,
  /**
   * Cases that reached more than there was room for, so that places which count as not reached may have been; absent:
   * none.
   */
  cutCases: count.exactOptional(),
});
export type CoverageSummary = z.infer<typeof coverageSummary>;

export const counts = z.object({
  conforms: count,
  deviates: count,
  unspecified: count,
  'not-run': count,
  lost: count,
} satisfies Record<VerdictKind, z.ZodType>);
export type Counts = z.infer<typeof counts>;
export const noCounts = (): Counts => ({ conforms: 0, deviates: 0, unspecified: 0, 'not-run': 0, lost: 0 });

/** Something that the kernel did and that no case shows when it runs alone: a finding of the run. */
const incident = z.object({
  /** `the kernel panicked: ...` */
  reason: z.string(),
  /** For people: when it happened. */
  when: z.string(),
  /** The kernel log around it. */
  log: z.string(),
  /** Hashes of the cases one of which did it; absent: no case was running. */
  candidates: z.array(z.string()).exactOptional(),
  /**
   * Of one that a case showed which is none of the run's own, but a smaller form of one: the case (encoded), its file,
   * how often it showed, and which finding it is.
   */
  shownBy: z
    .object({ case: z.unknown(), file: z.string(), reliability: reliabilityCount, finding: z.string() })
    .exactOptional(),
});
export type Incident = z.infer<typeof incident>;

/**
 * So many incidents, and notices, of a run are kept: a kernel that does the same again and again must not fill the
 * summary.
 */
export const MOST_INCIDENTS = 100;

export const runSummary = z.object({
  format: z.literal(RESULTS_FORMAT),
  kind: z.enum(['conformance', 'fuzz', 'corpus', 'repro']),
  toolVersion: z.string(),
  argv: z.array(z.string()),
  revision: z.enum(revisionIds),
  /** Where the numbers came from by which the kernel was asked and judged; absent: the table of the revision. */
  uapiHeader: uapiHeader.exactOptional(),
  seed: z.int(),
  /** As in `--shard index/count`: index from 1. */
  shard: z.object({ index: z.int().min(1), count: z.int().min(1) }).exactOptional(),
  /** Of a campaign that was merged: so many shards, each with an end of its own. */
  shards: z.int().min(2).exactOptional(),
  startedAt: z.iso.datetime(),
  /** Milliseconds from start to the last update. */
  elapsedMs: z.number().min(0),
  complete: z.boolean(),
  /** Why the run ended early: interrupted, out of disk, no VM ... */
  endedBy: z.string().exactOptional(),
  /** Cases per cell that fitted into the time of a run whose time was limited. */
  runsPerCell: z.int().min(1).exactOptional(),
  environment: environment.exactOptional(),
  /** The whole plan in plan order, also in a shard, so that a merged run has the cells of an undivided one. */
  cells: z.array(cellInfo),
  counts,
  /**
   * How many cases the run was to have when it ended: with fewer in cases.jsonl it is no pass. Absent: it did not get
   * so far, or an iomapfuzz wrote it that did not store the number.
   */
  planned: count.exactOptional(),
  /** What the kernel did that no case shows; absent: nothing. */
  incidents: z.array(incident).exactOptional(),
  /** How many incidents and notices came when there were so many that no more were kept; absent: all were kept. */
  omitted: z.object({ incidents: count, notices: count }).exactOptional(),
  /** A reason that concerns the whole run: kernel without fuse-iomap, channel that can't be judged ... */
  notices: z.array(z.string()),
  /** What no case of the run could be judged by, because the kernel lacks the channel; absent: nothing of the kind. */
  unjudged: z.array(unjudged).exactOptional(),
  vms: z.object({ booted: count, lost: count, bootMs: z.array(z.number()) }),
  /** Known deviations of this kernel: they fail nothing until they expire. Absent: none. */
  expectations: z.array(expectation).exactOptional(),
  /** Fuzzing: in how many cases a rule had to refuse something, by rule and path: `map/length-nonzero@read fiemap`. */
  covered: z.record(z.string(), count).exactOptional(),
  /** Liberties that the kernel was told to take; absent: none. */
  liberties: z.array(libertyUse).exactOptional(),
  /** Code of the kernel that was reached; absent: not asked for. */
  coverage: coverageSummary.exactOptional(),
});
export type RunSummary = z.infer<typeof runSummary>;
