/**
 * How the guests of a source have gone down or hung so far: what is known is recognised sooner, and not tried twice.
 */
import { LOCKED_UP, LOCKED_UP_SOMEWHERE } from '../../vm/qemu/failure.ts';
import type { GuestLoss, GuestSource } from './guest.ts';

/** More different hangs than this are each looked at as if they were new. */
const MOST = 64;

export class KnownLosses {
  readonly #hangs = new Set<string>();
  readonly #lockups = new Set<string>();

  /** Signatures of hangs, for guests. */
  get hangs(): readonly string[] {
    return [...this.#hangs];
  }

  /** A guest has locked up, so that another's silence is believed sooner. */
  get lockedUp(): boolean {
    return this.#lockups.size > 0;
  }

  /** Takes note. True: this hang was known already, and a second try would cost its time again and tell nothing. */
  add({ hang, signature = '', blame }: GuestLoss): boolean {
    if (blame !== 'kernel') return false;
    if (!hang && !signature.startsWith(LOCKED_UP)) return false;
    const seen = hang ? this.#hangs : this.#lockups;
    const known = seen.has(signature);
    if (seen.size < MOST) seen.add(signature);
    // Where a guest locked up that did not say where is anybody's guess.
    return known && signature !== LOCKED_UP_SOMEWHERE;
  }
}

const all = new WeakMap<GuestSource, KnownLosses>();

export function knownLosses(source: GuestSource): KnownLosses {
  let known = all.get(source);
  if (!known) all.set(source, (known = new KnownLosses()));
  return known;
}
