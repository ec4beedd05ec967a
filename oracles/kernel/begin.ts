/** One IOMAP_BEGIN: the request that must be sent, and what the kernel makes of the answer. */
import type { Exchange } from '../../model/observation.ts';
import { beginOut } from '../../uapi/iomap.ts';
import type { BeginContext } from '../rules/context.ts';
import { firstViolation } from '../rules/first-violation.ts';
import { errnos } from '../../uapi/errno.ts';
import { refuse, type FileState, type World } from './world.ts';
import type { Accepted, Failed, Retry } from './accepted.ts';
import { payloadOf, repliedErrno } from './answer.ts';
import { accept, fromCache, perhaps } from './take-mapping.ts';
import { wroteUnseen } from './writeback-offers.ts';

/**
 * A mapping for [pos, end): from the mapping cache where it serves the operation, else by BEGIN. RETRY_CACHE in the
 * answer starts over.
 */
export function begin(world: World, file: FileState, opflags: number, pos: bigint, end: bigint): Accepted | Failed {
  for (let interrupted = false; ;) {
    wroteUnseen(world, file);
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
