/** How the guests of a source have gone down or hung so far: what is known is recognised sooner, and not tried twice. */
import type { GuestLoss, GuestSource } from './guest.ts';

/** More different hangs than this are each looked at as if they were new. */
const MOST = 64;

export class KnownLosses {
  readonly #hangs = new Set<string>();
  #lockups = 0;

  /** Signatures of hangs, for guests. */
  get hangs(): readonly string[] {
    return [...this.#hangs];
  }

  /** A guest has locked up, so that another's silence is believed sooner. */
  get lockedUp(): boolean {
    return this.#lockups > 0;
  }

  /** Takes note. True: this hang was known already, and a second try would cost its time again and tell nothing. */
  add({ hang, signature = '', blame }: GuestLoss): boolean {
    if (blame !== 'kernel') return false;
    if (!hang) {
      if (signature.startsWith('locked up')) this.#lockups += 1;
      return false;
    }
    const known = this.#hangs.has(signature);
    if (this.#hangs.size < MOST) this.#hangs.add(signature);
    return known;
  }
}

const all = new WeakMap<GuestSource, KnownLosses>();

export function knownLosses(source: GuestSource): KnownLosses {
  let known = all.get(source);
  if (!known) all.set(source, known = new KnownLosses());
  return known;
}
