/** Pieces that hand-made cases are put together from. */
import { CASE_SCHEMA, type Case, type Geometry, type Reply, type ScriptLine, type Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import { NULL_ADDR } from '../../uapi/revision.ts';

export const MiB = 1 << 20;

export const mapped = (over: Partial<MappingSpec> = {}): MappingSpec => ({
  type: 'MAPPED',
  flags: [],
  dev: { device: 0 },
  addr: 0x10000n,
  offset: 0n,
  length: 0x10000n,
  ...over,
});
export const hole = (over: Partial<MappingSpec> = {}): MappingSpec => ({
  type: 'HOLE',
  flags: [],
  dev: 0,
  addr: NULL_ADDR,
  offset: 0n,
  length: 0x10000n,
  ...over,
});
export const overwrite = (over: Partial<MappingSpec> = {}): MappingSpec => ({ ...hole(over), type: 'PURE_OVERWRITE' });

export const mappings = (
  read: MappingSpec,
  write: MappingSpec = overwrite({ offset: read.offset, length: read.length }),
): Reply => ({ kind: 'mappings', read, write });
export const begin = (reply: Reply, over: Partial<ScriptLine> = {}): ScriptLine => ({
  on: 'IOMAP_BEGIN',
  file: 0,
  reply,
  ...over,
});

export const geometry = (over: Partial<Geometry> = {}): Geometry => ({
  mount: 'ordinary',
  devices: [{ sizeBytes: MiB, access: 'rw' }],
  files: [{ sizeBytes: 0x10000n, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
  ...over,
});
export const openCached: Step = { call: 'open', file: 0, flags: ['rdwr'] };
export const openDirect: Step = { call: 'open', file: 0, flags: ['rdwr', 'direct'] };

export const makeCase = (workload: Step[], script: ScriptLine[], over: Partial<Case> = {}): Case => ({
  schema: CASE_SCHEMA,
  revision: 'r3',
  geometry: geometry(),
  script,
  workload,
  debugIomap: false,
  ...over,
});

export const read = (offset = 0n, lengthBytes = 4096): Step => ({ call: 'pread', fd: 0, offset, lengthBytes });
export const write = (offset = 0n, lengthBytes = 4096, writer = 0): Step => ({
  call: 'pwrite',
  fd: 0,
  offset,
  lengthBytes,
  writer,
});
