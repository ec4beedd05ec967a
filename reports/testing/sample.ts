/**
 * Makes results directories as a run would have left them, for tests of what reads them. Deterministic in its options.
 */
import { openSync, writeFileSync, writeSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../../files/make-directory.ts';
import { encodeCase, type Case, type Step } from '../../model/case.ts';
import { caseHash } from '../../model/hash.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { Exchange, Observation } from '../../model/observation.ts';
import { jsonSafe } from '../../model/json-safe.ts';
import { RESULTS_FORMAT, type CaseRecord } from '../../model/results.ts';
import type { CellInfo, Counts, RunSummary } from '../../model/run-summary.ts';
import type { Unjudged, Verdict } from '../../model/verdict.ts';
import type { RevisionId } from '../../uapi/revision.ts';
import { sampleRules } from './rules.ts';

export interface SampleOptions {
  seed?: number;
  /** Cells instead of the sample's own plan; their cases are like those of the sample's. */
  cells?: CellInfo[];
  /** Cases for each border of each cell; default 2. */
  casesPerCell?: number;
  /** Cells (by a test on their id) whose cases deviate. */
  deviates?: (cell: CellInfo) => boolean;
  /** Revisions by which the cases that deviate conform. */
  conformsAs?: (cell: CellInfo) => RevisionId[];
  lost?: (cell: CellInfo) => boolean;
  notRun?: (cell: CellInfo) => string | undefined;
  unspecified?: (cell: CellInfo) => boolean;
  /** What of a cell's cases was not judged, and why. */
  unjudged?: (cell: CellInfo) => string | Unjudged | undefined;
  /** Write only the cases of one shard; index from 1. */
  shard?: { index: number; count: number };
  /** Write only the first so many cases and leave the summary incomplete. */
  killedAfter?: number;
  summary?: Partial<RunSummary>;
  environment?: Partial<NonNullable<RunSummary['environment']>>;
}

const ALL_ONES = (1n << 64n) - 1n;
const paths = ['direct-read', 'direct-write', 'fiemap', 'seek-data', 'seek-hole'] as const;
type Path = (typeof paths)[number];
const stepsOf: Record<Path, (pos: bigint) => Step> = {
  'direct-read': (offset) => ({ call: 'pread', fd: 0, offset, lengthBytes: 4096 }),
  'direct-write': (offset) => ({ call: 'pwrite', fd: 0, offset, lengthBytes: 4096, writer: 1 }),
  fiemap: (start) => ({ call: 'fiemap', fd: 0, start, lengthBytes: 65536n, flags: 0, extents: 16 }),
  'seek-data': (offset) => ({ call: 'seekData', fd: 0, offset }),
  'seek-hole': (offset) => ({ call: 'seekHole', fd: 0, offset }),
};

export function samplePlan(): CellInfo[] {
  return sampleRules.flatMap(({ id, halves }) =>
    halves.flatMap((half) =>
      paths.flatMap((path) =>
        (['violating', 'legal'] as const).map((border): CellInfo => ({
          id: `${id}${half === undefined ? '' : `@${half}`} ${path} ${border}`,
          rule: id,
          ...(half && { half }),
          path,
          border,
          ...(id === 'begin/write-device-known' &&
            path !== 'direct-write' && { impossible: "only write-type operations look the write half's device up" }),
          ...(id === 'begin/device-writable' &&
            path !== 'direct-write' && { impossible: 'this path writes to no device' }),
        })),
      ),
    ),
  );
}

/** Writes summary.json, cases.jsonl and console.log into `directory`. */
export function writeSample(directory: string, options: SampleOptions = {}): void {
  makeDirectory(directory);
  const cells = options.cells ?? samplePlan();
  const seed = options.seed ?? 42;
  const counts: Counts = { conforms: 0, deviates: 0, unspecified: 0, 'not-run': 0, lost: 0 };
  const file = openSync(join(directory, 'cases.jsonl'), 'w');
  let n = 0;
  let written = 0;
  const perCell = options.casesPerCell ?? 2;
  outer: for (let round = 0; round < perCell; round += 1) {
    for (const cell of cells) {
      if (cell.impossible !== undefined) continue;
      const position = n;
      n += 1;
      if (options.shard && position % options.shard.count !== options.shard.index - 1) continue;
      if (options.killedAfter !== undefined && written >= options.killedAfter) break outer;
      const record = sampleRecord(cell, position, seed, options);
      counts[record.verdict.kind] += 1;
      writeSync(file, `${JSON.stringify(record)}\n`);
      written += 1;
    }
  }
  closeSync(file);
  writeFileSync(
    join(directory, 'console.log'),
    '[    0.000000] Linux version 7.3.0-iomapfuzz\n[    1.204411] fuse: init (API version 7.99)\n',
  );
  const summary: RunSummary = {
    format: RESULTS_FORMAT,
    kind: 'conformance',
    toolVersion: '0.1.0',
    argv: ['conformance', '--seed', String(seed)],
    revision: 'r3',
    seed,
    ...(options.shard && { shard: options.shard }),
    startedAt: '2026-11-21T09:30:00.000Z',
    elapsedMs: 4000 + written * 7,
    complete: options.killedAfter === undefined,
    planned: written,
    environment: {
      kernelOrigin: 'reference',
      kernelRelease: '7.3.0-iomapfuzz',
      kernelVersion: '#1 PREEMPT Sat Nov 21 09:00:00 UTC 2026',
      kernelImageHash: 'a3f1'.repeat(16),
      flavour: 'fast',
      kernelConfig: ['CONFIG_FUSE_FS=y', 'CONFIG_FUSE_IOMAP=y', 'CONFIG_FUSE_IOMAP_DEBUG=y', 'CONFIG_KASAN=n'],
      accelerator: 'tcg',
      acceleratorReason: '/dev/kvm opens, but a guest under it did not answer within 10 s',
      machine: 'microvm',
      qemuVersion: '7.2.17',
      memoryMiB: 512,
      nodeVersion: 'v20.20.2',
      hostCpus: 2,
      ...options.environment,
    },
    cells,
    counts,
    notices: [],
    vms: { booted: 2, lost: counts.lost > 0 ? 1 : 0, bootMs: [5210, 4980] },
    ...options.summary,
  };
  writeFileSync(join(directory, 'summary.json'), `${JSON.stringify(summary, undefined, 1)}\n`);
}

function sampleRecord(cell: CellInfo, n: number, seed: number, options: SampleOptions): CaseRecord {
  const { value, note } = sampleCase(cell, n, seed);
  const verdict = verdictOf(cell, options);
  const whole = verdict.kind === 'deviates' || verdict.kind === 'lost';
  return {
    n,
    cell: cell.id,
    hash: caseHash(value),
    note,
    seed,
    atMs: 5000 + n * 7,
    verdict,
    ...(whole && { case: encodeCase(value), consoleTail: consoleTail(cell, verdict) }),
    ...(verdict.kind === 'deviates' && { observation: jsonSafe(sampleObservation(value, cell)) }),
  };
}

function verdictOf(cell: CellInfo, options: SampleOptions): Verdict {
  const reason = options.notRun?.(cell);
  if (reason !== undefined) return { kind: 'not-run', reason };
  if (options.lost?.(cell))
    return { kind: 'lost', reason: 'the VM hung: no answer for 20 s (case in flight named by the guest)' };
  if (options.unspecified?.(cell))
    return { kind: 'unspecified', reason: 'the rules do not bound an address that is not aligned to a sector' };
  const because = options.unjudged?.(cell);
  const unjudged =
    because === undefined
      ? {}
      : {
          unjudged: [
            typeof because === 'object' ? because : { aspect: 'bytes-read' as const, reason: because, step: 1 },
          ],
        };
  if (!options.deviates?.(cell)) return { kind: 'conforms', ...unjudged };
  const violating = cell.border !== 'legal';
  const conformsAs = options.conformsAs?.(cell) ?? [];
  return {
    kind: 'deviates',
    ...unjudged,
    ...(conformsAs.length > 0 && { conformsAs }),
    deviations: violating
      ? [
          {
            rule: cell.rule,
            aspect: 'errno',
            expected: 'EUCLEAN (117)',
            seen: 'success (0)',
            step: 1,
            facts: { errno: { expected: ['EUCLEAN'], seen: 'success' } },
          },
          {
            rule: cell.rule,
            aspect: 'trace-event',
            expected: `fuse_iomap_bad_data with the condition of ${cell.rule}`,
            seen: 'no event',
            facts: { condition: { expected: `the condition of ${cell.rule}` } },
          },
        ]
      : [
          {
            rule: cell.rule,
            aspect: 'errno',
            expected: 'success: the mapping violates no rule',
            seen: 'EUCLEAN (117)',
            step: 1,
            facts: { errno: { expected: ['success'], seen: 'EUCLEAN' } },
          },
        ],
  };
}

/** A fault that fits the rule where that is simple; the surroundings vary with `n` as drawn cases would. */
function sampleCase(cell: CellInfo, n: number, seed: number): { value: Case; note: string } {
  const pos = BigInt((n * 7919) % 61) * 4096n;
  const good: MappingSpec = {
    type: 'MAPPED',
    flags: [],
    dev: { device: 0 },
    addr: 0x100000n + pos,
    offset: pos,
    length: 0x10000n,
  };
  const wrong = cell.border === 'violating';
  const name = cell.rule.split('/')[1] ?? cell.rule;
  const changes: Record<string, [Partial<MappingSpec>, Partial<MappingSpec>, string]> = {
    'length-nonzero': [{ length: 0n }, { length: 4096n }, 'length'],
    'offset-aligned': [{ offset: pos + 1n }, { offset: pos }, 'offset'],
    'length-aligned': [{ length: 0x1001n }, { length: 0x1000n }, 'length'],
    'range-no-overflow': [{ length: ALL_ONES - 4095n }, { length: (1n << 63n) - 4096n }, 'length'],
    'device-range-no-overflow': [{ addr: ALL_ONES - 4096n }, { addr: ALL_ONES - 0x10000n }, 'addr'],
    'flags-known': [{ flags: [0x100] }, { flags: [0x80] }, 'flags'],
    'type-known': [{ type: 5 }, { type: 'MAPPED' }, 'type'],
  };
  const [bad, neighbour, field] = changes[name] ?? [{ dev: 0 }, {}, 'dev'];
  const half = { ...good, ...(wrong ? bad : neighbour) };
  const other: MappingSpec =
    cell.half === 'write'
      ? good
      : { type: 'PURE_OVERWRITE', flags: [], dev: 0, addr: ALL_ONES, offset: pos, length: 0x10000n };
  const value: Case = {
    schema: 1,
    revision: 'r3',
    geometry: {
      mount: 'ordinary',
      devices: [
        { sizeBytes: 1 << 24, access: 'rw' },
        { sizeBytes: 1 << 22, access: 'ro' },
      ],
      files: [{ sizeBytes: (1n << 20n) + BigInt(n) * 4096n, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
    },
    script: [
      {
        on: 'IOMAP_BEGIN',
        file: 0,
        reply: {
          kind: 'mappings',
          read: cell.half === 'write' ? { ...good, addr: 0x200000n } : half,
          write: cell.half === 'write' ? half : other,
        },
      },
    ],
    workload: [
      { call: 'open', file: 0, flags: ['rdwr', 'direct'] },
      (stepsOf[cell.path as Path] ?? stepsOf['direct-read'])(pos),
    ],
    debugIomap: true,
    provenance: { origin: `conformance ${cell.id}`, seed, path: `${n}:1:0` },
  };
  const shown = (half as unknown as Record<string, unknown>)[field];
  return {
    value,
    note: `${field} = ${typeof shown === 'bigint' ? `0x${shown.toString(16)}` : JSON.stringify(shown)} (${wrong ? 'violates' : 'legal neighbour'}), pos ${pos}`,
  };
}

function sampleObservation(value: Case, cell: CellInfo): Observation {
  const accepted = cell.border === 'violating';
  const reply = value.script[0]!.reply;
  const wire = (mapping: MappingSpec) => ({
    type:
      typeof mapping.type === 'number'
        ? mapping.type
        : {
            HOLE: 0,
            DELALLOC: 1,
            MAPPED: 2,
            UNWRITTEN: 3,
            INLINE: 4,
            NOCACHE: 253,
            RETRY_CACHE: 254,
            PURE_OVERWRITE: 255,
          }[mapping.type],
    flags: 0,
    dev: typeof mapping.dev === 'number' ? mapping.dev : mapping.dev.device + 1,
    addr: mapping.addr,
    offset: mapping.offset,
    length: mapping.length,
  });
  const pos = BigInt((value.script[0]!.reply as { read: MappingSpec }).read.offset) & ~4095n;
  const exchange = (
    seq: number,
    name: string,
    step: number,
    request: Record<string, unknown>,
    more: Partial<Exchange> = {},
  ): Exchange => ({
    seq,
    unique: BigInt(seq * 2),
    opcode: 0,
    name,
    nodeid: 2n,
    file: 0,
    step,
    request,
    reply: { error: 0, payload: new Uint8Array(0) },
    ...more,
  });
  return {
    mount: { errno: 0, minor: 99, flags: 1n << 43n, devices: [1, 2] },
    steps: [
      { ret: 0n, errno: 0 },
      accepted
        ? {
            ret: 4096n,
            errno: 0,
            data: [{ lengthBytes: 4096, source: { kind: 'device', device: 0, offsetBytes: 0x100000n + pos } }],
          }
        : { ret: -1n, errno: 117 },
    ],
    transcript: [
      exchange(1, 'LOOKUP', 0, { name: 'f0' }),
      exchange(2, 'OPEN', 0, { flags: 0x8002 }),
      exchange(
        3,
        'IOMAP_BEGIN',
        1,
        {
          opflags: cell.path === 'direct-write' ? 0x11 : cell.path === 'direct-read' ? 0x10 : 4,
          reserved: 0,
          attrIno: 2n,
          pos,
          count: 4096n,
        },
        {
          reply: {
            error: 0,
            payload: new Uint8Array(64),
            fields: reply.kind === 'mappings' ? { read: wire(reply.read), write: wire(reply.write) } : {},
          },
        },
      ),
    ],
    events: accepted
      ? []
      : [
          {
            kind: 'bad-data',
            func: 'fuse_iomap_check_mapping',
            line: 212,
            condition: '!IS_ALIGNED(map->length, blocksize)',
          },
        ],
    deviceChanges:
      cell.path === 'direct-write' && accepted
        ? [
            {
              device: 0,
              offsetBytes: 0x100000n + pos,
              content: [{ lengthBytes: 4096, source: { kind: 'writer', writer: 1, offsetBytes: pos } }],
            },
          ]
        : [],
    inodes: [2n],
  };
}

function consoleTail(cell: CellInfo, verdict: Verdict): string {
  if (verdict.kind === 'lost')
    return '[   12.410001] rcu: INFO: rcu_preempt self-detected stall on CPU\n[   12.410377] rcu: \t0-....: (2100 ticks this GP) idle=8a4c/1/0x4000000000000000\n';
  return `[   12.410001] Bad mapping: condition of ${cell.rule} <&"]]>, func: fuse_iomap_check_mapping, line: 212\n[   12.410377] WARNING: fs/fuse/file_iomap.c:212 at fuse_iomap_check_mapping+0x1a4/0x2c0, CPU#0: agent/71\n`;
}
