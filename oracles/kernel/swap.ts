/**
 * Swap files: swapon(2) reads the header by the page cache, then asks where the file is
 * (docs/spec/behaviour.md#requests-of-syscalls, swapon); the mappings are in use until IOEND with SWAPOFF. What the
 * library makes of them: fs/iomap/swapfile.c.
 */
import { isType } from '../rules/context.ts';
import { errnos } from '../../uapi/errno.ts';
import { begin } from './begin.ts';
import { fill } from './buffered-read.ts';
import type { Exchange } from '../../model/observation.ts';
import type { Segment } from './content.ts';
import { Unspecified } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import { acknowledged } from './ioend.ts';
import type { FileState, StepOf, SwapExtent, World } from './world.ts';
import { flush } from './writeback.ts';
import { PAGE, SECTOR, max, min, pageFloor } from '../../uapi/units.ts';
import { repliedErrno } from './answer.ts';
import type { Accepted } from './accepted.ts';
import type { ClauseId } from '../rules/rule-id.ts';

const fails = (rule: ClauseId, ...wanted: number[]): StepExpectation => ({ kind: 'fails', rule, errnos: wanted });
/** No workload has so many writers: the header's bytes while they are on the device. */
const HEADER = 0xffff;

export function swapon(world: World, step: StepOf<'swapon'>): StepExpectation {
  const file = fileOf(world, step.file);
  if (world.swap.has(file.index)) return fails('swap/in-use', errnos.EBUSY);
  const outcome = activate(world, file, step);
  if (outcome.kind === 'fails') mayTellOfFailure(world, file, outcome.errnos ?? []);
  return outcome;
}

const isSwapoff = (world: World, seen: Exchange | undefined): boolean =>
  seen?.name === 'IOMAP_IOEND' && (Number(seen.request['flags'] ?? 0) & world.revision.ioendFlags.SWAPOFF!) !== 0;

/** A swapon that fails may be followed by IOEND with SWAPOFF and the error. */
function mayTellOfFailure(world: World, file: FileState, wanted: readonly number[]): void {
  if (!isSwapoff(world, world.driver.peek(world.step))) return;
  const exchange = world.driver.request({
    name: 'IOMAP_IOEND',
    file: file.index,
    rule: 'swap/off',
    fields: {
      flags: { value: world.revision.ioendFlags.SWAPOFF! },
      attrIno: { value: file.ino },
      pad: { value: 0 },
      error: {
        value: -(wanted[0] ?? errnos.EIO),
        text: `-${wanted.join(' or -')}, as swapon failed`,
        accepts: (error) => Number(error) < 0 && (wanted.length === 0 || wanted.includes(-Number(error))),
      },
    },
  });
  acknowledged(world, file, exchange);
}

/** The kernel's next request is for the first mapping of the swap file. */
function asksForFirst(world: World, file: FileState): boolean {
  const seen = world.driver.peek(world.step);
  return (
    seen?.name === 'IOMAP_BEGIN' &&
    (seen.file ?? file.index) === file.index &&
    seen.request['pos'] === 0n &&
    (Number(seen.request['opflags'] ?? 0) & world.revision.opFlags.SWAPFILE) !== 0
  );
}

function activate(world: World, file: FileState, step: StepOf<'swapon'>): StepExpectation {
  const header = readHeader(world, file, step.header);
  if (header !== undefined) return header;
  const pages = BigInt(step.header!.pages);
  const room = file.sizeBytes / PAGE;
  if (pages < 2n || (room > 0n && pages > room)) return fails('swap/header', errnos.EINVAL);

  // The library is told which device it is (fs/iomap/swapfile.c): a kernel may have to ask for the first mapping before
  // it syncs.
  const syncsFirst =
    world.driver.peek(world.step)?.name === 'FSYNC' || (world.enosys.fsync && world.driver.choose(2) === 1);
  const early = syncsFirst ? undefined : ask(world, file, 0n, file.sizeBytes);
  if (early?.kind === 'failed') return early.failure;
  // Without a device it is over, by this mapping or by the next answer.
  const goesOn = world.driver.peek(world.step)?.name === 'FSYNC' || asksForFirst(world, file);
  if (early && !early.mapping.device && !goesOn) return fails('swap/mapping', errnos.EINVAL);
  flush(world, file);
  if (file.wb.errors.length > 0)
    throw new Unspecified('whether what writeback lost is an error of swapon is not laid down');
  if (!world.enosys.fsync) {
    const exchange = world.driver.maybe(
      { name: 'FSYNC', file: file.index, rule: 'request/fsync', fields: {} },
      true,
      world.step,
    );
    const errno = exchange ? repliedErrno(exchange) : 0;
    if (errno === errnos.ENOSYS) world.enosys.fsync = true;
    else if (errno !== 0) return fails('request/fsync', errno);
  }
  // The first mapping is asked for once or twice.
  const again = world.wire.simulated || asksForFirst(world, file);
  const found = collect(world, file, pages, again ? undefined : early);
  if (!Array.isArray(found)) return found;
  world.swap.set(file.index, found);
  return { kind: 'succeeds', rule: 'swap/on', ret: 0n };
}

export function swapoff(world: World, step: StepOf<'swapoff'>): StepExpectation {
  const file = fileOf(world, step.file);
  if (!world.swap.delete(file.index)) return fails('swap/in-use', errnos.EINVAL);
  const { revision } = world;
  // It comes also after an IOEND that was answered ENOSYS.
  const exchange = world.driver.request({
    name: 'IOMAP_IOEND',
    file: file.index,
    rule: 'swap/off',
    fields: {
      flags: { value: revision.ioendFlags.SWAPOFF! },
      error: { value: 0 },
      attrIno: { value: file.ino },
      pad: { value: 0 },
    },
  });
  // Nobody waits for more than the answer.
  acknowledged(world, file, exchange);
  return { kind: 'succeeds', rule: 'swap/off', ret: 0n };
}

/** What a case leaves in use is taken out of use behind its last step. */
export function swapoffRest(world: World): void {
  for (const file of world.swap.keys()) swapoff(world, { call: 'swapoff', file });
}

/** What was paged out is read back as it was, and is nowhere but in the swap files. */
export function pageOut(world: World, step: StepOf<'pageOut'>): StepExpectation {
  const source = { kind: 'writer', writer: step.writer, offsetBytes: 0n } as const;
  const length = BigInt(step.lengthBytes);
  for (const { device, addr, length: bytes } of [...world.swap.values()].flat()) {
    for (let slot = addr; slot < addr + bytes; slot += PAGE) {
      for (let page = 0n; page < length; page += PAGE)
        world.contents[device]!.mayPut(slot, slot + PAGE, { ...source, offsetBytes: page });
    }
  }
  return {
    kind: 'succeeds',
    rule: 'swap/pages',
    ret: length,
    data: [{ start: 0n, end: length, sources: [source] }],
    behind: [],
  };
}

function fileOf(world: World, index: number): FileState {
  const file = world.files[index];
  if (!file) throw new Unspecified(`the case has no file ${index}`);
  if (!file.usesIomap || world.revision.opcodes.IOMAP_IOEND === undefined)
    throw new Unspecified('swap files that do not use iomap are ordinary FUSE');
  if (world.wire.ended) throw new Unspecified('swap files of a connection that has ended');
  if (file.attrFlags.includes('IMMUTABLE') || file.attrFlags.includes('APPEND'))
    throw new Unspecified('files that cannot be opened for writing');
  return file;
}

/** Undefined: the header is there, whole and in its place. */
function readHeader(world: World, file: FileState, header: StepOf<'swapon'>['header']): StepExpectation | undefined {
  if (!file.cache.isEmpty) throw new Unspecified('swapon over cached pages is not modelled');
  world.headers.add(file.index);
  const content = header && world.contents[header.device];
  const stop = header && header.offset + PAGE;
  const under: Segment[] = header ? content!.read(header.offset, stop!) : [];
  content?.put(header!.offset, stop!, { kind: 'writer', writer: HEADER, offsetBytes: 0n });
  const { failures } = fill(world, file, 0n, PAGE);
  for (const segment of under) content!.putSegment(segment, true);
  const read = file.cache.read(0n, PAGE);
  const right = ({ start, end, sources }: Segment, certain: boolean): boolean => {
    const is = sources.map(
      (source) => source.kind === 'writer' && source.writer === HEADER && source.offsetBytes === start && end <= PAGE,
    );
    return certain ? is.every(Boolean) : is.some(Boolean);
  };
  const whole = read.at(-1)?.end === PAGE;
  const failure = failures.find(({ start }) => start < PAGE);
  if (failure && (!whole || world.driver.choose(2) === 0)) return fails(failure.rule, errnos.EIO);
  if (!whole || !read.every((segment) => right(segment, false))) return fails('swap/header', errnos.EINVAL);
  return read.every((segment) => right(segment, true)) || world.driver.choose(2) === 0
    ? undefined
    : fails('swap/header', errnos.EINVAL);
}

type Asked = { kind: 'mapping'; mapping: Accepted } | { kind: 'failed'; failure: StepExpectation };

function ask(world: World, file: FileState, pos: bigint, end: bigint): Asked {
  const { REPORT, SWAPFILE } = world.revision.opFlags;
  const mapping = begin(world, file, (REPORT | SWAPFILE) >>> 0, pos, end);
  return mapping.kind === 'failed'
    ? { kind: 'failed', failure: fails(mapping.rule, mapping.errno) }
    : { kind: 'mapping', mapping };
}

/**
 * Asks for all of the file's pages; `first`: the answer for the first of them is there. The places for pages besides
 * the header's, or why swapon fails.
 */
function collect(world: World, file: FileState, pages: bigint, first?: Asked): SwapExtent[] | StepExpectation {
  const { mappingFlags } = world.revision;
  const stop = pageFloor(file.sizeBytes);
  const runs: SwapExtent[] = [];
  for (let pos = 0n; pos < stop;) {
    let asked = (pos === 0n ? first : undefined) ?? ask(world, file, pos, stop);
    if (pos === 0n && asked.kind === 'mapping' && asksForFirst(world, file)) asked = ask(world, file, pos, stop);
    if (asked.kind === 'failed') return asked.failure;
    const { acted, device, mayFail } = asked.mapping;
    const length = min(asked.mapping.length, stop - pos);
    const refused =
      !isType(world, acted, 'MAPPED', 'UNWRITTEN') ||
      (acted.flags & (mappingFlags.SHARED! | mappingFlags.DIRTY!)) !== 0 ||
      (runs[0] !== undefined && device?.index !== runs[0].device);
    if (refused || !device) return fails('swap/mapping', errnos.EINVAL);
    if (mayFail !== undefined || acted.addr % SECTOR !== 0n)
      throw new Unspecified('whether swapon looks at the alignment of addresses is not laid down');
    const addr = acted.addr + (pos - acted.offset);
    if (addr + length > device.sizeBytes)
      throw new Unspecified('whether swapon looks at the size of the device is not laid down');
    const last = runs.at(-1);
    if (last && last.addr + last.length === addr) last.length += length;
    else runs.push({ device: device.index, addr, length });
    pos += length;
  }
  return slots(runs, pages);
}

/** Whole pages of the device in each run; the first is the header's, and no more count than the header says. */
function slots(runs: readonly SwapExtent[], pages: bigint): SwapExtent[] | StepExpectation {
  let left = pages;
  const found: SwapExtent[] = [];
  for (const { device, addr, length } of runs) {
    const start = pageFloor(addr + PAGE - 1n);
    const bytes = min(max(pageFloor(addr + length) - start, 0n), left * PAGE);
    if (bytes === 0n) continue;
    left -= bytes / PAGE;
    found.push({ device, addr: start, length: bytes });
  }
  const [first] = found;
  if (!first) return fails('swap/mapping', errnos.EINVAL);
  return [{ ...first, addr: first.addr + PAGE, length: first.length - PAGE }, ...found.slice(1)];
}
