/** What a mapping comes to when the kernel asked for one. */
import type { DeviceFacts, WireMapping } from '../rules/context.ts';
import type { Mark } from './mapping-cache.ts';
import type { ClauseId } from '../rules/rule-id.ts';

/** A mapping that the kernel accepted, and the part of the operation that it serves. */
export interface Accepted {
  kind: 'accepted';
  opflags: number;
  pos: bigint;
  /** Bytes of the operation that the mapping covers. */
  length: bigint;
  acted: WireMapping;
  /** Where the other half bounds the mapping, its length up to there. */
  boundedLength?: bigint;
  /** The other half, which a write reads from; absent: the mapping itself. */
  source?: WireMapping;
  device?: DeviceFacts;
  /** Id of the row that says what the mapping does here. */
  rule: ClauseId;
  /** State of the file's mappings when it was asked for. */
  mark?: Mark;
  /** It is a record of the mapping cache. */
  cached?: boolean;
  /** Why the operation may fail although the mapping passed validation. */
  mayFail?: string;
}
export interface Failed {
  kind: 'failed';
  errno: number;
  rule: ClauseId;
  /** The server's own errno, not a refusal. */
  replied: boolean;
}

/** The server says that the mapping is in the cache by now. */
export interface Retry {
  kind: 'retry';
  /** A signal was pending by then. */
  interrupted: boolean;
}
