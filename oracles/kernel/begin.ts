/** One IOMAP_BEGIN: the request that must be sent, and what the kernel makes of the answer. */
import type { Exchange } from '../../model/observation.ts';
import { beginOut } from '../../uapi/iomap.ts';
import { isType, isWriteType, typeName, writtenTo, type BeginContext, type WireMapping } from '../rules/context.ts';
import { firstViolation } from '../rules/first-violation.ts';
import { errnos } from '../../uapi/errno.ts';
import type { MappingTypeName } from '../../uapi/revision.ts';
import type { BehaviourId } from '../rules/behaviours.ts';
import type { Refusal } from '../rules/rule.ts';
import type { RuleId } from '../rules/rule-id.ts';
import { readsRest } from './reads-rest.ts';
import { refuse, type FileState, type World } from './world.ts';
import { LOFF_MAX, SECTOR, min } from '../../uapi/units.ts';
import type { Accepted, Failed, Retry } from './accepted.ts';
import { payloadOf, repliedErrno } from './answer.ts';

/** Of a mapping that was accepted, which is no instruction; another number where a kernel's rules let it pass. */
type AcceptedTypeId = Extract<BehaviourId, `type/${Lowercase<MappingTypeName>}`>;
const acceptedTypeOf = (world: World, mapping: WireMapping): AcceptedTypeId =>
  `type/${(typeName(world.revision, mapping) ?? String(mapping.type)).toLowerCase()}` as AcceptedTypeId;

/**
 * A mapping for [pos, end): from the mapping cache where it serves the operation, else by BEGIN. RETRY_CACHE in the
 * answer starts over.
 */
export function begin(world: World, file: FileState, opflags: number, pos: bigint, end: bigint): Accepted | Failed {
  for (let interrupted = false; ;) {
    const { mark } = file.mappings;
    const served = fromCache(world, file, opflags, pos, end);
    // With a signal pending the server is not asked again; whether a hit still counts is not laid down.
    if (interrupted && (!served || world.driver.choose(2) === 1))
      return { kind: 'failed', errno: errnos.EINTR, rule: 'begin/retry', replied: false };
    const answer = served ?? ask(world, file, opflags, pos, end);
    if (answer.kind !== 'retry')
      return answer.kind === 'accepted' ? { ...answer, mark, cached: served !== undefined } : answer;
    ({ interrupted } = answer);
  }
}

function ask(world: World, file: FileState, opflags: number, pos: bigint, end: bigint): Accepted | Failed | Retry {
  const exchange = world.driver.request({
    name: 'IOMAP_BEGIN',
    file: file.index,
    rule: 'request/begin',
    fields: {
      opflags: { value: opflags },
      reserved: { value: 0 },
      attrIno: { value: file.ino },
      pos: { value: pos },
      count: {
        value: end - pos,
        accepts: (seen) => BigInt(seen) > 0n && BigInt(seen) <= end - pos,
        text: `1 to ${end - pos} (inside the operation)`,
      },
    },
  });
  return answered(world, file, exchange, opflags, pos, end);
}

/**
 * Whether a writer through the page cache sees that mappings changed since this one was asked for, and starts over.
 * Cached mappings carry a sequence number, so that it must; one that came from a reply carries none, and may be used as
 * it came, or asked for again. `perhaps`: the rules leave it open for this kind of writer.
 */
export function isStale(world: World, file: FileState, mapping: Accepted, perhaps = false): boolean {
  const { mark, cached } = mapping;
  const change = mark ? file.mappings.since(mark) : 'same';
  // What changed them may have been under way when the kernel asked: then only its END says so.
  if (change === 'same') return isCalledStale(world, file, mapping);
  if (change === 'changed' && cached && !perhaps) return true;
  return world.driver.choose(2) === (change === 'changed' ? 0 : 1);
}

/**
 * Whether the kernel ends the mapping unused, and calls it stale, where writeback of something may have changed
 * mappings; it may come before that.
 */
export function isCalledStale(world: World, file: FileState, { cached, pos, opflags }: Accepted): boolean {
  if (cached || file.cache.soils === 0) return false;
  const { opFlags, mappingFlags } = world.revision;
  const field = (value: unknown): bigint => BigInt((value ?? -1n) as bigint | number);
  const isWriteback = ({ name, request }: Exchange): boolean =>
    name === 'IOMAP_IOEND' ||
    (name === 'IOMAP_BEGIN' && (field(request['opflags']) & BigInt(opFlags.WRITEBACK)) !== 0n);
  const seen = world.wire.nextBut(world.step, isWriteback);
  if (seen?.name !== 'IOMAP_END' || (seen.file ?? file.index) !== file.index) return false;
  const { flags = 0 } = (seen.request['map'] ?? {}) as { flags?: number };
  return (
    field(seen.request['written']) === 0n &&
    field(seen.request['pos']) === pos &&
    field(seen.request['opflags']) === BigInt(opflags) &&
    (flags & mappingFlags.STALE!) !== 0
  );
}

/** What the kernel makes of the answer to a BEGIN that it sent for [pos, end). */
export function answered(
  world: World,
  file: FileState,
  exchange: Exchange,
  opflags: number,
  pos: bigint,
  end: bigint,
): Accepted | Failed | Retry {
  const payload = payloadOf(exchange);
  const mappings = payload.length === beginOut.size ? beginOut.decode(payload) : undefined;
  const context: BeginContext = {
    ...world.facts,
    opflags,
    pos,
    count: BigInt(exchange.request['count'] as bigint),
    inodeHasCache: file.mappings.exists,
    repliedErrno: repliedErrno(exchange),
    payloadBytes: payload.length,
    ...(mappings && { read: mappings.read, write: mappings.write }),
  };
  const outcome = firstViolation(context, world.table);
  if (outcome.kind === 'retry')
    return {
      kind: 'retry',
      interrupted: exchange.notified !== undefined && world.case.script[exchange.notified.line]?.signal === true,
    };
  if (outcome.kind === 'refused') {
    refuse(world, outcome.refusal);
    return {
      kind: 'failed',
      errno: outcome.refusal.errno,
      rule: outcome.refusal.rule,
      replied: outcome.refusal.rule === 'begin/error',
    };
  }
  return perhaps(world, file, context, end, outcome.maybe) ?? accept(world, context, pos, end);
}

/**
 * Refusals that the kernel may or may not make, up to the first that it has to make because of what else it knows of
 * the file.
 */
function perhaps(
  world: World,
  file: FileState,
  context: BeginContext,
  end: bigint,
  maybe: readonly { refusal: Refusal<RuleId> }[],
): Failed | undefined {
  for (const { refusal } of maybe) {
    const certain = refusal.rule === 'begin/device-readable' && readsRest(world, file, context, end);
    if (certain || world.driver.choose(2) === 1) {
      refuse(world, refusal);
      return { kind: 'failed', errno: refusal.errno, rule: refusal.rule, replied: false };
    }
  }
  return undefined;
}

/**
 * What the mapping cache gives for [pos, end); undefined: the server is asked. Source:
 * docs/spec/behaviour.md#mapping-cache.
 */
export function fromCache(
  world: World,
  file: FileState,
  opflags: number,
  pos: bigint,
  end: bigint,
): Accepted | Failed | undefined {
  const { revision } = world;
  const { ATOMIC, SWAPFILE, ZERO, UNSHARE, DIRECT, WRITEBACK } = revision.opFlags;
  const has = (...flags: number[]): boolean => flags.some((flag) => (opflags & flag) !== 0);
  if (!file.mappings.exists || has(ATOMIC, SWAPFILE)) return undefined;
  const write = isWriteType({ revision, opflags });
  const hit = file.mappings.lookup(revision, pos, write);
  if (!hit) return undefined;
  const context: BeginContext = {
    ...world.facts,
    opflags,
    pos,
    count: end - pos,
    inodeHasCache: true,
    repliedErrno: 0,
    payloadBytes: beginOut.size,
    read: hit.read,
    write: hit.write,
  };
  const acted = write ? writtenTo(context) : hit.read;
  if (write && isType(world, acted, 'HOLE') && !has(ZERO, UNSHARE)) return undefined;
  if (isType(world, acted, 'DELALLOC') && has(DIRECT, WRITEBACK)) {
    // "serves writes but not DIRECT and WRITEBACK": whether direct reads are served is not said.
    if (write || world.driver.choose(2) === 0) return undefined;
  }
  const outcome = firstViolation(context, { ...world.table, reply: [], map: [], validate: [], retryHalves: [] });
  if (outcome.kind === 'refused') {
    refuse(world, outcome.refusal);
    return { kind: 'failed', errno: outcome.refusal.errno, rule: outcome.refusal.rule, replied: false };
  }
  return (
    (outcome.kind === 'pass' ? perhaps(world, file, context, end, outcome.maybe) : undefined) ??
    accept(world, context, pos, end)
  );
}

function accept(world: World, context: BeginContext, pos: bigint, end: bigint): Accepted {
  const write = isWriteType(context);
  const acted = (write ? writtenTo(context) : context.read)!;
  const source = write && acted !== context.read ? context.read! : undefined;
  const covered = (mapping: WireMapping) => min(end, mapping.offset + mapping.length) - pos;
  let length = covered(acted);
  // A write reads from the other half as far as it goes, too (include/linux/iomap.h, iomap_length_trim, for all sources
  // but holes).
  const readsSource = (context.opflags & world.revision.opFlags.WRITEBACK) === 0;
  // Writeback reads nothing from there, and the kernel may stop there nevertheless.
  if (source && covered(source) < length && world.driver.choose(2) === (readsSource ? 0 : 1)) length = covered(source);
  // The mapping acted upon is then the part of it that both halves cover.
  const bounded =
    source && readsSource && source.offset + source.length < acted.offset + acted.length ? source : undefined;
  const device = world.facts.devices.get(acted.dev);
  const reasons = looseEnds(context, acted, write);
  return {
    kind: 'accepted',
    opflags: context.opflags,
    pos,
    length,
    acted,
    rule: acceptedTypeOf(world, acted),
    ...(bounded && { boundedLength: bounded.offset + bounded.length - acted.offset }),
    ...(device && { device }),
    ...(source && { source }),
    ...(reasons && { mayFail: reasons }),
  };
}

/** What validation lets pass and the operation may still refuse, as long as it does not move wrong bytes. */
function looseEnds(context: BeginContext, acted: WireMapping, write: boolean): string | undefined {
  if (acted.offset + acted.length > LOFF_MAX) return 'the mapping ends beyond the largest file position';
  if (!isType(context, acted, 'MAPPED', 'UNWRITTEN')) return undefined;
  if (acted.addr % SECTOR !== 0n) return 'the address is not aligned to a sector';
  const { ATOMIC_BIO, ANON_WRITE } = context.revision.mappingFlags;
  const odd = ANON_WRITE! | ((context.opflags & context.revision.opFlags.ATOMIC) === 0 ? ATOMIC_BIO! : 0);
  return write && (acted.flags & odd) !== 0 ? 'ATOMIC_BIO or ANON_WRITE on an ordinary write' : undefined;
}
