/** What becomes of a mapping, of a reply or of the mapping cache, that passed validation. */
import { beginOut } from '../../uapi/iomap.ts';
import { isType, isWriteType, typeName, writtenTo, type BeginContext, type WireMapping } from '../rules/context.ts';
import { firstViolation } from '../rules/first-violation.ts';
import type { MappingTypeName } from '../../uapi/revision.ts';
import type { BehaviourId } from '../rules/behaviours.ts';
import type { Refusal } from '../rules/rule.ts';
import type { RuleId } from '../rules/rule-id.ts';
import { readsRest } from './reads-rest.ts';
import { refuse, type FileState, type World } from './world.ts';
import { LOFF_MAX, SECTOR, min } from '../../uapi/units.ts';
import type { Accepted, Failed } from './accepted.ts';

/** Of a mapping that was accepted, which is no instruction; another number where a kernel's rules let it pass. */
type AcceptedTypeId = Extract<BehaviourId, `type/${Lowercase<MappingTypeName>}`>;
const acceptedTypeOf = (world: World, mapping: WireMapping): AcceptedTypeId =>
  `type/${(typeName(world.revision, mapping) ?? String(mapping.type)).toLowerCase()}` as AcceptedTypeId;

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

/**
 * Refusals that the kernel may or may not make, up to the first that it has to make because of what else it knows of
 * the file.
 */
export function perhaps(
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

export function accept(world: World, context: BeginContext, pos: bigint, end: bigint): Accepted {
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
