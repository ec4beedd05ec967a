/**
 * Executes cases in guests, many at a time, and survives guests that do not: whatever happens to a VM, every case ends with
 * exactly one outcome, and only the case that was in flight is tried again. A guest has its next cases before it is done with the ones at
 * hand, so that it is never idle while the host judges.
 */
import type { Case } from '../model/case.ts';
import type { GuestMessage, HostMessage, KernelFacts } from '../model/channel.ts';
import type { Observation } from '../model/observation.ts';
import { tableResults } from '../model/table-result.ts';
import { Backlog, type Batch } from './backlog.ts';
import { tableObservation } from './table/observation.ts';
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
  /** Break off at once. */
  signal?: AbortSignal;
  /** Send nothing more; what a guest has is finished. */
  stop?: AbortSignal;
  /** False: every case by the server in TypeScript. Default: those that can be are run as table cases. */
  tables?: boolean;
  /** A case that takes a VM down is tried so many times before the kernel is blamed. Default: 2. */
  tries?: number;
  /** Ask for the kernel's code coverage; every case then runs by the server in TypeScript. */
  coverage?: boolean;
}

/** Batches that a guest has at once: one runs, one waits. */
const AHEAD = 2;

/** Runs `cases` and yields outcomes as they come; `index` is the position in `cases`. Ends early, without error, when aborted. */
export async function* execute(source: GuestSource, cases: readonly Case[], options: ExecuteOptions = {}): AsyncGenerator<Executed> {
  const { batchSize = 64, caseDeadlineMs = 60_000, signal, stop, tables = true, tries = 2, coverage = false } = options;
  const backlog = new Backlog(cases, { batchSize, tables: tables && !coverage, tries, coverage });
  const sent: Batch[] = [];
  let guest: Guest | undefined;
  const dismiss = async (): Promise<void> => {
    for (const batch of sent.splice(0)) backlog.giveBack(batch);
    const poisoned = guest!;
    guest = undefined;
    await source.release(poisoned, 'poisoned');
  };
  try {
    for (;;) {
      while (!signal?.aborted && !stop?.aborted && sent.length < AHEAD) {
        const batch = backlog.next(sent.length);
        if (!batch) break;
        guest ??= await source.lease();
        sent.push(batch);
        guest.send(batch.message);
      }
      const [batch] = sent;
      if (!batch || !guest) return;
      // After an abort in mid-batch the guest is still busy: that proves nothing any more.
      if (signal?.aborted) {
        await dismiss();
        return;
      }
      let message: GuestMessage | 'aborted';
      try {
        message = await unlessAborted(guest.receive(caseDeadlineMs), signal);
        // A kernel that hangs is not waited for until its deadline.
        if (message === 'aborted') continue;
        if (message.kind === 'error' && message.id === batch.id) throw new Error(message.reason);
      } catch (error) {
        const loss = guest.lossOf(error);
        const blamed = backlog.blame(batch);
        await dismiss();
        if (blamed?.givenUpAfter !== undefined) {
          const times = blamed.givenUpAfter;
          yield { index: blamed.index, outcome: loss.blame === 'kernel' ? { kind: 'crashed', times, loss } : { kind: 'lost', loss } };
        }
        continue;
      }
      if (!('id' in message) || message.id !== batch.id) continue;
      let over = false;
      switch (message.kind) {
        case 'case-begins': batch.inFlight = message.index; break;
        case 'case-done':
        case 'case-failed': {
          batch.left.delete(message.index);
          batch.inFlight = undefined;
          const observation = message.kind === 'case-done' ? unpackObservation(message.observation, cases[message.index]!.revision) : undefined;
          if (observation) batch.tainted ||= taints(observation);
          yield { index: message.index, outcome: observation ? { kind: 'observed', observation } : { kind: 'failed', reason: (message as { reason: string }).reason } };
          break;
        }
        case 'table-done': {
          const { mount, results, events } = message;
          const logs = new Map(events.map((one) => [one.index, one.events]));
          for (const bytes of results) {
            for (const result of tableResults(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))) {
              const { index } = result;
              if (result.beyond) continue;
              batch.left.delete(index);
              const observation = tableObservation(cases[index]!, result, mount, logs.get(index) ?? []);
              batch.tainted ||= taints(observation);
              yield { index, outcome: { kind: 'observed', observation } };
            }
          }
          over = true;
          break;
        }
        case 'table-refused': over = true; break;
        case 'cases-done':
          // What a guest that is no longer fit has not run is left to another.
          if (batch.tainted) backlog.giveBack(batch);
          over = true;
          break;
        default: break;
      }
      if (!over) continue;
      sent.shift();
      backlog.finish(batch);
      if (batch.tainted) await dismiss();
    }
  } finally {
    if (guest !== undefined) await source.release(guest, sent.length > 0 ? 'poisoned' : 'healthy');
  }
}

/** After these the kernel's state is not to be trusted; expected warnings about bad mappings are not among them. */
function taints(observation: Observation): boolean {
  return observation.events.some(({ kind }) => kind === 'bug' || kind === 'warning' || kind === 'assertion');
}

/** What comes first. A message that comes later is nobody's: the guest is thrown away then. */
async function unlessAborted<T>(message: Promise<T>, signal: AbortSignal | undefined): Promise<T | 'aborted'> {
  if (!signal) return await message;
  message.catch(() => undefined);
  let listener: (() => void) | undefined;
  const aborted = new Promise<'aborted'>((resolve) => {
    listener = () => { resolve('aborted'); };
    if (signal.aborted) listener();
    else signal.addEventListener('abort', listener, { once: true });
  });
  try {
    return await Promise.race([message, aborted]);
  } finally {
    if (listener) signal.removeEventListener('abort', listener);
  }
}
