/**
 * Executes cases in guests, many at a time, and survives guests that do not: whatever happens to a VM, every case ends
 * with exactly one outcome, and only the case that was in flight is tried again. A guest has its next cases before it
 * is done with the ones at hand, so that it is never idle while the host judges.
 */
import type { Case } from '../../model/case.ts';
import type { GuestMessage } from '../../model/channel.ts';
import { GarbageError } from '../../model/frame.ts';
import type { LibertyCounts } from '../../model/liberties.ts';
import { caseHash } from '../../model/hash.ts';
import type { KernelEvent } from '../../model/observation.ts';
import { knownLosses, type KnownLosses } from './known-losses.ts';
import { LeftOut, takeAnswers, type Answers } from './answers.ts';
import { Backlog, type Batch } from './backlog.ts';
import type { Guest, GuestLoss, GuestSource } from './guest.ts';
import type { Executed, Outcome } from './outcome.ts';
import { outsideCases } from './outside-cases.ts';
import { taints, titleOfEvent, Tries, type Unattributed } from './tries.ts';

export type { Guest, GuestLoss, GuestSource } from './guest.ts';
export type { Executed, Outcome } from './outcome.ts';

export interface ExecuteOptions {
  /** Cases sent at once; bounds what a lost VM costs in messages, not in results. */
  batchSize?: number;
  /**
   * The longest silence of a guest while it runs a case. A case under TCG takes milliseconds; seconds when its mount is
   * new.
   */
  caseDeadlineMs?: number;
  /** Break off at once. */
  signal?: AbortSignal;
  /** Send nothing more; what a guest has is finished. */
  stop?: AbortSignal;
  /** False: every case by the server in TypeScript. Default: those that can be are run as table cases. */
  tables?: boolean;
  /** A case that costs so many guests is given up. Default: 2. */
  tries?: number;
  /** Ask for the kernel's code coverage; every case then runs by the server in TypeScript. */
  coverage?: boolean;
  /** What the kernel's switches for liberties came to in a batch. */
  onLiberties?: (counts: LibertyCounts) => void;
}

/** Batches that a guest has at once: one runs, one waits. */
const AHEAD = 2;
/** So many guests in a row that were lost without an answer, and not by the kernel: further ones would be lost, too. */
const MOST_FRUITLESS = 8;
/** Cases that a guest has answered last: one of them may be why its kernel goes down while none runs. */
const RECENT = 16;
/** Lines of the kernel log that are kept of a guest that broke the protocol. */
const LOG_LINES = 200;

/**
 * Runs `cases` and yields outcomes as they come; `index` is the position in `cases`. Ends early, without error, when
 * aborted.
 */
export async function* execute(
  source: GuestSource,
  cases: readonly Case[],
  options: ExecuteOptions = {},
): AsyncGenerator<Executed> {
  yield* new Execution(source, cases, options).run();
}

class Execution {
  readonly #source: GuestSource;
  readonly #cases: readonly Case[];
  readonly #options: ExecuteOptions;
  readonly #backlog: Backlog;
  readonly #tries: Tries;
  readonly #known: KnownLosses;
  readonly #sent: Batch[] = [];
  readonly #unsettled: Set<number>;
  #guest: Guest | undefined;
  #recent: number[] = [];
  #fruitless = 0;

  constructor(source: GuestSource, cases: readonly Case[], options: ExecuteOptions) {
    const { batchSize = 64, tables = true, tries = 2, coverage = false } = options;
    this.#source = source;
    this.#cases = cases;
    this.#options = options;
    this.#known = knownLosses(source);
    this.#backlog = new Backlog(cases, {
      batchSize,
      tables: tables && !coverage,
      coverage,
      hangs: () => this.#known.hangs,
      numbers: source.numbers,
    });
    this.#tries = new Tries(tries);
    this.#unsettled = new Set(cases.keys());
  }

  async *run(): AsyncGenerator<Executed> {
    const { signal, stop } = this.#options;
    try {
      for (;;) {
        while (!signal?.aborted && !stop?.aborted && this.#sent.length < AHEAD) {
          const batch = this.#backlog.next(this.#sent.length);
          if (!batch) break;
          try {
            this.#guest ??= await this.#source.lease();
          } catch (error) {
            if (!signal?.aborted) throw error;
            // Broken off while it booted: the batch was not sent.
            this.#backlog.giveBack(batch);
            return;
          }
          this.#guest.impatient = this.#known.lockedUp;
          this.#sent.push(batch);
          this.#guest.send(batch.message);
        }
        const [batch] = this.#sent;
        if (!batch || !this.#guest) break;
        // After an abort in mid-batch the guest is still busy: that proves nothing any more.
        if (signal?.aborted) return await this.#dismiss();
        yield* this.#step(this.#guest, batch);
      }
      // Every case has been answered or given up, unless somebody did not want it any more.
      if (!signal?.aborted && !stop?.aborted)
        yield* this.#giveUp([...this.#unsettled], {
          blame: 'machine',
          reason: 'no guest answered the case',
          consoleTail: [],
        });
    } finally {
      for (const one of this.#tries.end()) this.#report(one);
      if (this.#guest !== undefined)
        await this.#source.release(this.#guest, this.#sent.length > 0 ? 'poisoned' : 'healthy');
    }
  }

  /** One message of the guest, or its end. */
  async *#step(guest: Guest, batch: Batch): AsyncGenerator<Executed> {
    const { caseDeadlineMs = 60_000, signal } = this.#options;
    let answers: Answers;
    try {
      const message = await unlessAborted(guest.receive(caseDeadlineMs), signal);
      // A kernel that hangs is not waited for until its deadline.
      if (message === 'aborted') return;
      if (message.kind === 'error' && message.id === batch.id) throw new Error(message.reason);
      answers = takeAnswers(batch, message, this.#cases);
      if ('liberties' in message && message.liberties) this.#options.onLiberties?.(message.liberties);
    } catch (error) {
      yield* this.#lost(batch, error, error instanceof GarbageError ? garbage(guest, error) : guest.lossOf(error));
      return;
    }
    const { executed, over, unanswered, outside } = answers;
    if (outside) this.#outside(batch, outside);
    for (const { index, events } of unanswered) this.#unanswered(index, events);
    if (executed.length > 0) this.#fruitless = 0;
    for (const { index, outcome } of executed) {
      this.#recent = [...this.#recent.slice(1 - RECENT), index];
      yield this.#settle(index, outcome);
    }
    if (!over) return;
    this.#sent.shift();
    if (batch.table) this.#backlog.giveBackPlain(batch);
    // What a guest that is no longer fit has not run is left to another.
    else this.#backlog.giveBack(batch);
    if (batch.tainted) await this.#dismiss();
  }

  /** The guest is gone, or not to be trusted any more. */
  async *#lost(batch: Batch, error: unknown, loss: GuestLoss): AsyncGenerator<Executed> {
    const settled: [number, Outcome][] = [];
    const inFlight = culpritOf(batch, loss);
    const last = this.#known.add(loss);
    this.#fruitless = loss.blame === 'kernel' ? 0 : this.#fruitless + 1;
    const tryAgain = (index: number, of: GuestLoss, again: () => void): void => {
      const outcome = this.#tries.failed(index, of, last);
      if (outcome) settled.push([index, outcome]);
      else again();
    };
    if (batch.table && loss.hang && inFlight !== undefined) {
      // The guest says which of them it is; the others were not run, or not to their end.
      batch.left.delete(inFlight);
      tryAgain(inFlight, loss, () => {
        this.#backlog.isolate(batch, inFlight);
      });
    } else if (batch.table) {
      if (loss.blame === 'kernel') this.#tries.suspect({ loss, fatal: true, candidates: [...batch.left] });
      this.#backlog.giveBackPlain(batch);
    } else if (error instanceof LeftOut) {
      for (const index of batch.left)
        tryAgain(index, loss, () => {
          /* given back with the batch */
        });
    } else if (inFlight !== undefined) {
      batch.left.delete(inFlight);
      tryAgain(inFlight, loss, () => {
        this.#backlog.isolate(batch, inFlight);
      });
    } else {
      // No case was running: the kernel may have been hit by one that had its answer. The next one is not to blame, but
      // it must end, too.
      if (loss.blame === 'kernel') this.#report({ loss, fatal: true, candidates: this.#recent });
      const [next] = batch.left;
      const unbegun: GuestLoss = {
        ...loss,
        blame: 'machine',
        reason: `the guest was lost before it began the case: ${loss.reason}`,
      };
      if (next !== undefined)
        tryAgain(next, unbegun, () => {
          /* given back with the batch */
        });
    }
    for (const [index] of settled) batch.left.delete(index);
    await this.#dismiss();
    for (const [index, outcome] of settled) yield this.#settle(index, outcome);
    if (this.#fruitless >= MOST_FRUITLESS) {
      const reason = `${String(this.#fruitless)} guests in a row were lost before they answered anything, so that no more were tried; the last: ${loss.reason}`;
      yield* this.#giveUp(this.#backlog.drain(), { ...loss, reason });
    }
  }

  *#giveUp(indexes: readonly number[], loss: GuestLoss): Generator<Executed> {
    for (const index of indexes) if (this.#unsettled.has(index)) yield this.#settle(index, { kind: 'lost', loss });
  }

  #settle(index: number, outcome: Outcome): Executed {
    this.#unsettled.delete(index);
    const settled = this.#tries.settle(index, outcome);
    for (const one of settled.unattributed) this.#report(one);
    return { index, outcome: settled.outcome };
  }

  #outside({ inFlight }: Batch, { where, events }: NonNullable<Answers['outside']>): void {
    const name = (index: number | undefined): string | undefined =>
      index === undefined ? undefined : caseHash(this.#cases[index]!);
    const incidents = outsideCases(events, {
      where,
      after: name(this.#recent.at(-1)),
      before: name(inFlight),
      recent: this.#recent.map((index) => name(index)!),
    });
    for (const incident of incidents) this.#source.incident?.(incident);
  }

  /** What the kernel said while a case ran that has to run again. */
  #unanswered(index: number, events: readonly KernelEvent[]): void {
    const complaints = events.filter((event) => taints({ events: [event] }));
    if (complaints.length > 0) this.#tries.suspect(complaint([index], complaints));
    const others = outsideCases(
      events.filter((event) => !complaints.includes(event)),
      { where: 'between-cases', after: caseHash(this.#cases[index]!), recent: [] },
    );
    for (const incident of others) this.#source.incident?.(incident);
  }

  #report({ loss: { reason, consoleTail }, fatal, candidates, open }: Unattributed): void {
    const among =
      candidates.length === 1
        ? `a case that did not ${open ? 'run' : 'show it'} again`
        : `one of ${String(candidates.length)} cases, ${open ? 'not all of which ran' : 'none of which showed it'} again`;
    const when =
      candidates.length === 0
        ? 'while no case was running'
        : fatal
          ? `the guest was lost to ${among}`
          : `during ${among}`;
    this.#source.incident?.({
      reason,
      when,
      log: consoleTail,
      candidates: candidates.map((index) => caseHash(this.#cases[index]!)),
    });
  }

  async #dismiss(): Promise<void> {
    for (const batch of this.#sent.splice(0)) this.#backlog.giveBack(batch);
    const poisoned = this.#guest!;
    this.#guest = undefined;
    this.#recent = [];
    await this.#source.release(poisoned, 'poisoned');
  }
}

/**
 * The case that was running; a guest that proves a hang names it, also among table cases, or says that it belongs to
 * none.
 */
function culpritOf({ inFlight, left, table }: Batch, { hang }: GuestLoss): number | undefined {
  if (!hang) return inFlight;
  if (hang.index === undefined) return undefined;
  return table ? (left.has(hang.index) ? hang.index : undefined) : inFlight;
}

const garbage = (guest: Guest, { message }: GarbageError): GuestLoss => ({
  blame: 'guest',
  reason: `the guest sent garbage: ${message}`,
  consoleTail: guest.consoleTail(LOG_LINES),
});

/** The kernel complained while one of the cases ran, and lived on. */
function complaint(candidates: readonly number[], events: readonly KernelEvent[]): Unattributed {
  const [first] = events.flatMap((event) => titleOfEvent(event) ?? []);
  const log = events
    .map((event) => ('text' in event && event.text !== '' ? event.text : (titleOfEvent(event) ?? '')))
    .join('\n')
    .split('\n');
  return {
    loss: { blame: 'kernel', reason: first ?? 'the kernel complained', consoleTail: log },
    fatal: false,
    candidates,
  };
}

/** What comes first. A message that comes later is nobody's: the guest is thrown away then. */
async function unlessAborted(
  message: Promise<GuestMessage>,
  signal: AbortSignal | undefined,
): Promise<GuestMessage | 'aborted'> {
  if (!signal) return await message;
  message.catch(() => undefined);
  let listener: (() => void) | undefined;
  const aborted = new Promise<'aborted'>((resolve) => {
    listener = () => {
      resolve('aborted');
    };
    if (signal.aborted) listener();
    else signal.addEventListener('abort', listener, { once: true });
  });
  try {
    return await Promise.race([message, aborted]);
  } finally {
    if (listener) signal.removeEventListener('abort', listener);
  }
}
