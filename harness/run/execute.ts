/**
 * Executes cases in guests, many at a time, and survives guests that do not: whatever happens to a VM, every case ends with
 * exactly one outcome, and only the case that was in flight is tried again.
 */
import type { Case } from '../model/case.ts';
import type { GuestMessage, HostMessage, KernelFacts } from '../model/channel.ts';
import type { Observation } from '../model/observation.ts';
import { unpackObservation } from './unpack.ts';

/** What the executor needs of a VM. `receive` rejects with an error that says how the VM was lost. */
export interface Guest {
  readonly facts: KernelFacts;
  send(message: HostMessage): void;
  receive(deadlineMs: number): Promise<GuestMessage>;
  /** The end of the kernel log so far, oldest line first. */
  consoleTail(): readonly string[];
  /** Whether a failure of `receive` is the guest's (panic, hang) or the machine's. */
  lossOf(error: unknown): GuestLoss;
}

export interface GuestLoss {
  /** `kernel`: a panic, an oops or a hang of the kernel under test; `machine`: everything else. */
  blame: 'kernel' | 'machine';
  reason: string;
  consoleTail: readonly string[];
}

/** Where guests come from: a pool of our own or the broker of a test run. */
export interface GuestSource {
  lease(): Promise<Guest>;
  /** A poisoned guest is thrown away. */
  release(guest: Guest, state: 'healthy' | 'poisoned'): Promise<void>;
}

export type Outcome =
  | { kind: 'observed'; observation: Observation }
  /** The kernel went down or hung on this case, each of the `times` it was tried. */
  | { kind: 'crashed'; times: number; loss: GuestLoss }
  /** The machine failed twice in a row on this case. */
  | { kind: 'lost'; loss: GuestLoss }
  /** The agent could not execute the case. */
  | { kind: 'failed'; reason: string };

export interface Executed { index: number; outcome: Outcome }

export interface ExecuteOptions {
  /** Cases sent at once; bounds what a lost VM costs in messages, not in results. */
  batchSize?: number;
  /** The longest silence of a guest while it runs a case. A case under TCG takes milliseconds; seconds when its mount is new. */
  caseDeadlineMs?: number;
  signal?: AbortSignal;
}

/** A case that takes a VM down is tried so many times before the kernel is blamed. */
const TRIES = 2;

/** Runs `cases` and yields outcomes as they come; `index` is the position in `cases`. Ends early, without error, when aborted. */
export async function* execute(source: GuestSource, cases: readonly Case[], options: ExecuteOptions = {}): AsyncGenerator<Executed> {
  const { batchSize = 64, caseDeadlineMs = 60_000, signal } = options;
  const pending = cases.map((_, index) => index);
  const losses = new Map<number, number>();
  let guest: Guest | undefined;
  let requestId = 0;
  try {
    while (pending.length > 0 && !signal?.aborted) {
      guest ??= await source.lease();
      // A case that took a VM down runs alone, so that its second try blames nobody else.
      const size = losses.has(pending[0]!) ? 1 : batchSize;
      const batch = pending.slice(0, size);
      const id = ++requestId;
      let inFlight: number | undefined;
      let poisoned = false;
      try {
        guest.send({ kind: 'run-cases', id, cases: batch.map((index) => ({ index, case: cases[index]! })) });
        for (;;) {
          const message = await guest.receive(caseDeadlineMs);
          if (!('id' in message) || message.id !== id) continue;
          if (message.kind === 'case-begins') inFlight = message.index;
          else if (message.kind === 'case-done') {
            take(pending, message.index);
            inFlight = undefined;
            const observation = unpackObservation(message.observation, cases[message.index]!.revision);
            poisoned ||= taints(observation);
            yield { index: message.index, outcome: { kind: 'observed', observation } };
          } else if (message.kind === 'case-failed') {
            take(pending, message.index);
            inFlight = undefined;
            yield { index: message.index, outcome: { kind: 'failed', reason: message.reason } };
          } else if (message.kind === 'cases-done') break;
          else if (message.kind === 'error') throw new Error(message.reason);
          if (signal?.aborted) break;
        }
      } catch (error) {
        const loss = guest.lossOf(error);
        const blamed = inFlight ?? batch.find((index) => pending.includes(index));
        await source.release(guest, 'poisoned');
        guest = undefined;
        if (blamed === undefined) continue;
        const times = (losses.get(blamed) ?? 0) + 1;
        losses.set(blamed, times);
        take(pending, blamed);
        if (times < TRIES) pending.unshift(blamed);
        else yield { index: blamed, outcome: loss.blame === 'kernel' ? { kind: 'crashed', times, loss } : { kind: 'lost', loss } };
        continue;
      }
      // After an abort in mid-batch the guest is still busy; after a kernel bug it proves nothing any more.
      if (poisoned || signal?.aborted) {
        await source.release(guest, 'poisoned');
        guest = undefined;
      }
    }
  } finally {
    if (guest !== undefined) await source.release(guest, 'healthy');
  }
}

/** After these the kernel's state is not to be trusted; expected warnings about bad mappings are not among them. */
function taints(observation: Observation): boolean {
  return observation.events.some(({ kind }) => kind === 'bug' || kind === 'warning' || kind === 'assertion');
}

function take(pending: number[], index: number): void {
  const at = pending.indexOf(index);
  if (at >= 0) pending.splice(at, 1);
}
