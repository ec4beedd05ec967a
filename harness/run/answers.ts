/**
 * What a guest may say while it has a batch, and nothing else: a message out of turn, about a case that it was not
 * given or that it has answered, costs the guest. Everything that a message holds is decoded before anything of it
 * counts.
 */
import type { Case } from '../../model/case.ts';
import type { GuestMessage, OutsideCases } from '../../model/channel.ts';
import { Budget, GarbageError } from '../../model/codec.ts';
import type { PackedObservation } from '../../model/exchange-record.ts';
import type { KernelEvent, Observation } from '../../model/observation.ts';
import { tableResults } from '../../model/table-result.ts';
import { revisionWith } from '../../uapi/numbers.ts';
import type { Revision } from '../../uapi/revision.ts';
import type { Batch } from './backlog.ts';
import type { Executed } from './outcome.ts';
import { tableObservation } from './table/observation.ts';
import { checkKept } from './kept-bytes.ts';
import { taints } from './tries.ts';
import { checkCut, checkShape } from './observation-shape.ts';
import { nameShortRuns } from './short-runs.ts';
import { exchangeBudget, unpackObservation } from './unpack.ts';

export interface Answers {
  executed: Executed[];
  /** The guest is done with the batch. */
  over: boolean;
  /** What the kernel said while cases ran that have no answer yet. */
  unanswered: { index: number; events: readonly KernelEvent[] }[];
  /** What it said while no case ran. */
  outside?: { where: OutsideCases; events: readonly KernelEvent[] };
}

/** Throws GarbageError when the guest must not say that now; the batch is as it was then. */
export function takeAnswers(batch: Batch, message: GuestMessage, cases: readonly Case[]): Answers {
  if (!('id' in message) || message.id !== batch.id) {
    const about = 'id' in message ? `about command ${String(message.id)}` : 'about no command';
    throw violation(`a message of kind ${message.kind} ${about} while it has command ${String(batch.id)}`);
  }
  const nothing: Answers = { executed: [], over: false, unanswered: [] };
  const revisionOf = ({ revision }: Case): Revision => revisionWith(revision, batch.numbers);
  switch (message.kind) {
    case 'case-begins': {
      const { index } = message;
      if (batch.table || !batch.left.has(index) || batch.begun.has(index))
        throw violation(`the beginning of case ${String(index)}, which it does not have to run`);
      batch.begun.add(index);
      batch.inFlight = index;
      return nothing;
    }
    case 'case-done':
    case 'case-failed': {
      const { index } = message;
      if (batch.table || !batch.left.has(index))
        throw violation(`an answer to case ${String(index)}, which it does not have to run`);
      // A case can fail before it begins: the devices could not be compared.
      if (message.kind === 'case-done' && !batch.begun.has(index))
        throw violation(`an answer to case ${String(index)}, which did not begin`);
      const executed: Executed =
        message.kind === 'case-failed'
          ? { index, outcome: { kind: 'failed', reason: message.reason } }
          : {
              index,
              outcome: {
                kind: 'observed',
                observation: read(() => observationOf(cases[index]!, message.observation, revisionOf(cases[index]!))),
              },
            };
      answered(batch, executed);
      return { ...nothing, executed: [executed] };
    }
    case 'outside-cases': {
      const { where, events } = message;
      // Another guest says the same when it boots.
      if (where !== 'before-cases') batch.tainted ||= taints({ events });
      return { ...nothing, outside: { where, events } };
    }
    case 'cases-done': {
      if (batch.table) throw violation('the end of cases, while it runs a table');
      // After such an observation a guest may leave the rest of its batch to another one.
      if (batch.left.size > 0 && !batch.tainted)
        throw new LeftOut(
          `it says that it is done, and left ${String(batch.left.size)} of ${String(batch.size)} cases out`,
        );
      return { ...nothing, over: true };
    }
    case 'table-done': {
      if (!batch.table) throw violation('the results of a table, which it was not given');
      return { ...read(() => tableAnswers(batch, message, cases)), over: true };
    }
    case 'table-refused': {
      if (!batch.table) throw violation('the refusal of a table, which it was not given');
      const { events: unanswered } = message;
      requireLeft(batch, unanswered);
      batch.tainted ||= unanswered.some(taints);
      return { ...nothing, unanswered, over: true };
    }
    default:
      throw violation(`a message of kind ${message.kind}`);
  }
}

/** A guest says that it is done with a batch and is not: none of what is left is more to blame than the rest. */
export class LeftOut extends GarbageError {
  override name = 'LeftOut';
  constructor(message: string) {
    super(message, new Uint8Array());
  }
}

const violation = (what: string): GarbageError => new GarbageError(`it sent ${what}`, new Uint8Array());

function answered(batch: Batch, { index, outcome }: Executed): void {
  batch.left.delete(index);
  batch.begun.delete(index);
  if (batch.inFlight === index) batch.inFlight = undefined;
  if (outcome.kind === 'observed') batch.tainted ||= taints(outcome.observation);
}

function requireLeft({ left }: Batch, logs: readonly { index: number }[]): void {
  const stranger = logs.find(({ index }) => !left.has(index));
  if (stranger) throw violation(`the kernel's log of case ${String(stranger.index)}, which it does not have to run`);
}

function tableAnswers(
  batch: Batch,
  { mount, results, events }: Extract<GuestMessage, { kind: 'table-done' }>,
  cases: readonly Case[],
): Omit<Answers, 'over'> {
  const logs = new Map(events.map((one) => [one.index, one.events]));
  requireLeft(batch, events);
  const executed: Executed[] = [];
  const unanswered: Answers['unanswered'] = [];
  const seen = new Set<number>();
  const [parts, exchanges] = [new Budget(), exchangeBudget()];
  for (const bytes of results) {
    for (const result of tableResults(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), parts)) {
      const { index } = result;
      if (!batch.left.has(index) || seen.has(index))
        throw violation(`a result of case ${String(index)}, which it does not have to run`);
      seen.add(index);
      const log = logs.get(index) ?? [];
      if (result.beyond) unanswered.push({ index, events: log });
      else {
        const observation = tableObservation(
          cases[index]!,
          result,
          mount,
          log,
          revisionWith(cases[index]!.revision, batch.numbers),
          exchanges,
        );
        checkShape(cases[index]!, observation);
        checkKept(observation);
        nameShortRuns(cases[index]!, observation);
        executed.push({ index, outcome: { kind: 'observed', observation } });
      }
    }
  }
  if (seen.size < batch.left.size)
    throw new LeftOut(
      `it left ${String(batch.left.size - seen.size)} of the ${String(batch.size)} cases of a table out`,
    );
  for (const one of executed) answered(batch, one);
  batch.tainted ||= unanswered.some(taints);
  return { executed, unanswered };
}

function observationOf(testCase: Case, packed: PackedObservation | Observation, revision: Revision): Observation {
  // A simulated guest's is not packed; nobody lies there.
  if (!('written' in packed)) return packed;
  const ran = packed.mount.errno === 0;
  // Whether a freeze could end it there is looked at below.
  const steps = packed.cut?.why === 'frozen' ? packed.steps.length : testCase.workload.length;
  if (packed.stepBounds.length !== (ran ? steps + 1 : 0))
    throw new GarbageError('an observation lacks the bounds of its steps');
  if (packed.nodeids.length !== testCase.geometry.files.length)
    throw new GarbageError('an observation has other files than its case');
  checkCut(testCase, packed);
  const observation = unpackObservation(packed, revision);
  checkShape(testCase, observation);
  checkKept(observation);
  nameShortRuns(testCase, observation);
  return observation;
}

/** Whatever goes wrong while the bytes of a guest are read is the guest's doing. */
function read<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof GarbageError) throw error;
    throw new GarbageError(
      `it sent an observation that cannot be read (${error instanceof Error ? error.message : String(error)})`,
      new Uint8Array(),
    );
  }
}
