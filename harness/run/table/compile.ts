/** Cases as table cases, where they are simple enough: every reply is known, every request is one that the addon answers. */
import type { Case, ScriptLine, Step } from '../../model/case.ts';
import { isQuiet, needsOpens, needsOwnMount } from '../../model/case-traits.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import { OPEN_FLAGS, RWF, SEEK_DATA, SEEK_HOLE } from '../../model/syscall-flags.ts';
import { mostTableFiles, mostTableLines, mostTableStepBytes, type DeviceWindow, type TableCase, type TableLine, type TableStep } from '../../model/table-case.ts';
import { operationsOf } from '../../uapi/fuse-operations.ts';
import { revisions, type Revision, type RevisionId } from '../../uapi/revision.ts';
import { tableReply } from './replies.ts';

/** A table case is handled as one buffer of results: more steps than this are no simple case. */
const mostSteps = 64;
/** The kernel may touch what surrounds a write in its block or page. */
const marginBytes = 4096n;
const mostWindowBytes = 1n << 18n;
const sectorPage = 4096n;

/** Undefined: the case needs the server in TypeScript. */
export function tableCaseOf(value: Case): TableCase | undefined {
  const revision = revisions[value.revision];
  const { geometry, script, workload } = value;
  if (needsOwnMount(value) || needsOpens(value) || geometry.files.length > mostTableFiles || script.length > mostTableLines || workload.length > mostSteps) return undefined;
  // Ordinary files are read and written through the server.
  if (!geometry.files.every(({ attrFlags }) => attrFlags.includes('IOMAP') && attrFlags.includes('EXCLUSIVE'))) return undefined;
  const lines = allOf(script, (line) => tableLine(revision, value.revision, geometry.devices.length, line));
  const steps = lines && tableSteps(workload, geometry.files.length);
  const windows = steps && windowsOf(value);
  if (!windows) return undefined;
  return {
    quiet: isQuiet(value), lines, steps, windows,
    files: geometry.files.map(({ sizeBytes, attrFlags }) => ({ sizeBytes, attrFlags: attrFlags.reduce((sum, name) => sum | (revision.attrFlags[name] ?? 0), 0) })),
  };
}

function allOf<A, B>(values: readonly A[], each: (value: A) => B | undefined): B[] | undefined {
  const out: B[] = [];
  for (const value of values) {
    const one = each(value);
    if (one === undefined) return undefined;
    out.push(one);
  }
  return out;
}

const opcodes = new Map<RevisionId, ReadonlyMap<string, number>>();
function opcodeOf(id: RevisionId, name: string): number | undefined {
  let table = opcodes.get(id);
  if (!table) opcodes.set(id, table = new Map([...operationsOf(revisions[id]).values()].map((operation) => [operation.name, operation.opcode])));
  return table.get(name);
}

function tableLine(revision: Revision, id: RevisionId, devices: number, line: ScriptLine): TableLine | undefined {
  const { on, file, opflagsSet = 0, opflagsClear = 0, posFrom = 0n, posTo = 1n << 64n, times, reply } = line;
  // What a WRITE carries is described in TypeScript.
  if (on === 'WRITE') return undefined;
  const opcode = opcodeOf(id, on);
  const encoded = tableReply(revision, devices, reply);
  if (opcode === undefined || !encoded || !isOnlyOf(line, ['on', 'file', 'opflagsSet', 'opflagsClear', 'posFrom', 'posTo', 'times', 'reply'])) return undefined;
  if (posTo === 0n) return undefined;
  return { opcode, opflagsSet, opflagsClear, posFirst: posFrom, posLast: posTo - 1n, ...(file !== undefined && { file }), ...(times !== undefined && { times }), ...encoded };
}

/** A field that the table does not know must not be ignored. */
const isOnlyOf = (value: object, known: readonly string[]): boolean => Object.keys(value).every((key) => known.includes(key));

const nothing = { fd: 0, offset: 0n, length: 0n, flags: 0, number: 0 };

/** By call: how a step becomes one of the table; calls that are not here need TypeScript. */
const stepTable: { [C in Step['call']]?: (step: Extract<Step, { call: C }>) => TableStep } = {
  open: ({ file, flags }) => ({ ...nothing, call: 'open', fd: file, flags: flags.reduce<number>((sum, flag) => sum | OPEN_FLAGS[flag], 0) }),
  close: ({ fd }) => ({ ...nothing, call: 'close', fd }),
  pread: ({ fd, offset, lengthBytes, rwf = 0 }) => ({ ...nothing, call: 'pread', fd, offset, length: BigInt(lengthBytes), flags: rwf }),
  pwrite: ({ fd, offset, lengthBytes, rwf = 0, writer }) => ({ call: 'pwrite', fd, offset, length: BigInt(lengthBytes), flags: rwf, number: writer }),
  seekData: ({ fd, offset }) => ({ ...nothing, call: 'seek', fd, offset, flags: SEEK_DATA }),
  seekHole: ({ fd, offset }) => ({ ...nothing, call: 'seek', fd, offset, flags: SEEK_HOLE }),
  fiemap: ({ fd, start, lengthBytes, flags, extents }) => ({ call: 'fiemap', fd, offset: start, length: lengthBytes, flags, number: extents }),
  fsync: ({ fd }) => ({ ...nothing, call: 'fsync', fd }),
  ftruncate: ({ fd, sizeBytes }) => ({ ...nothing, call: 'ftruncate', fd, offset: sizeBytes }),
  fallocate: ({ fd, mode, offset, lengthBytes }) => ({ ...nothing, call: 'fallocate', fd, offset, length: lengthBytes, flags: mode }),
  fstat: ({ fd }) => ({ ...nothing, call: 'fstat', fd }),
};
const stepFields = ['call', 'file', 'fd', 'flags', 'offset', 'lengthBytes', 'rwf', 'writer', 'start', 'extents', 'sizeBytes', 'mode'];

function tableSteps(workload: readonly Step[], files: number): TableStep[] | undefined {
  let opened = 0;
  return allOf(workload, (step) => {
    const make = stepTable[step.call] as ((step: Step) => TableStep) | undefined;
    if (!make || !isOnlyOf(step, stepFields)) return undefined;
    // What the guest refuses as no case, it refuses in its own words.
    if (step.call === 'open' ? step.file >= files : !('fd' in step) || step.fd >= opened) return undefined;
    if ((step.call === 'pread' || step.call === 'pwrite') && step.lengthBytes > mostTableStepBytes) return undefined;
    if (step.call === 'open') opened += 1;
    return make(step);
  });
}

/**
 * Where a case that writes can have changed devices if the kernel does what it shall; changes elsewhere are found at the end of the
 * batch, and then its cases are run one by one. Undefined: not in windows that a table case may have.
 */
function windowsOf({ geometry: { devices, files }, script, workload }: Case): DeviceWindow[] | undefined {
  const writes = workload.filter((step) => step.call === 'pwrite');
  // What stays in the page cache is written when the kernel likes.
  if (writes.length > 0 && !workload.every((step) => step.call !== 'open' || step.flags.includes('direct'))) return undefined;
  // A write behind EOF, or an appending one, may also zero what lies between.
  if (writes.some(({ offset }) => files.some(({ sizeBytes }) => offset < 0n || offset > sizeBytes)) || workload.some((step) => (step.call === 'open' && step.flags.includes('append')) || (step.call === 'pwrite' && ((step.rwf ?? 0) & RWF.APPEND) !== 0))) return undefined;
  if (writes.length === 0) return workload.some(({ call }) => call === 'fallocate' || call === 'ftruncate') ? undefined : [];
  const windows: DeviceWindow[] = [];
  const add = (device: number, from: bigint, to: bigint): void => {
    const size = BigInt(devices[device]?.sizeBytes ?? 0);
    const start = clip(from - marginBytes, size) / sectorPage * sectorPage;
    const end = clip((clip(to + marginBytes, size) + sectorPage - 1n) / sectorPage * sectorPage, size);
    if (end > start) windows.push({ device, start, end });
  };
  const halves: MappingSpec[] = script.flatMap(({ reply }) => reply.kind === 'mappings' ? [reply.read, reply.write] : []);
  for (const { dev, addr, offset, length } of halves) {
    if (typeof dev === 'number') continue;
    for (const step of writes) {
      const start = step.offset > offset ? step.offset : offset;
      const stepEnd = step.offset + BigInt(step.lengthBytes);
      const end = stepEnd < offset + length ? stepEnd : offset + length;
      if (end > start) add(dev.device, addr + start - offset, addr + end - offset);
    }
  }
  const merged = mergeWindows(windows);
  return merged.every(({ start, end }) => end - start <= mostWindowBytes) ? merged : undefined;
}

const clip = (value: bigint, size: bigint): bigint => (value < 0n ? 0n : value > size ? size : value);

function mergeWindows(windows: readonly DeviceWindow[]): DeviceWindow[] {
  const out: DeviceWindow[] = [];
  for (const next of [...windows].sort((a, b) => a.device - b.device || (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))) {
    const last = out.at(-1);
    if (last?.device === next.device && next.start <= last.end) last.end = next.end > last.end ? next.end : last.end;
    else out.push({ ...next });
  }
  return out;
}
