/**
 * How fast a guest runs cases when nobody has to make or judge them: the same cases again and again, each time on fresh
 * inodes.
 */
import type { Case } from '../model/case.ts';
import type { HostMessage } from '../model/channel.ts';
import { encodeTableCase } from '../model/table-case.ts';
import { InfrastructureError } from '../model/errors.ts';
import type { VmHandle } from '../vm/vm.ts';
import { revisionWith } from '../uapi/numbers.ts';
import { tableCaseOf } from '../harness/run/table/compile.ts';

/** As harness/run/backlog.ts sends them. */
const batchCases = { table: 256, typescript: 64 } as const;
const ahead = 2;
const silenceMs = 60_000;

export interface GuestRun {
  cases: number;
  elapsedMs: number;
}

let lastId = 1_000_000;

/**
 * `way`: as table cases or by the server in TypeScript. `begin` is called when the first batch is done and the rest
 * counts.
 */
export async function runInGuest(
  vm: VmHandle,
  way: keyof typeof batchCases,
  cases: readonly Case[],
  seconds: number,
  begin: () => void,
): Promise<GuestRun> {
  const count = batchCases[way];
  const { numbers } = vm.facts;
  const known = numbers ? { numbers } : {};
  const batch = Array.from({ length: count }, (_, index) => cases[index % cases.length]!);
  const table =
    way === 'table'
      ? Buffer.concat(
          batch.map((value, index) =>
            encodeTableCase(tableCaseOf(value, revisionWith(value.revision, numbers))!, index),
          ),
        )
      : undefined;
  const sent: number[] = [];
  const send = (): void => {
    const id = ++lastId;
    sent.push(id);
    const message: HostMessage = table
      ? { kind: 'run-table', id, like: batch[0]!, cases: table, ...known }
      : { kind: 'run-cases', id, cases: batch.map((value, index) => ({ index, case: value })), ...known };
    vm.send(message);
  };
  let startMs: number | undefined;
  let done = 0;
  for (let n = 0; n < ahead; n++) send();
  while (sent.length > 0) {
    const message = await vm.receive(silenceMs);
    if (!('id' in message) || message.id !== sent[0]) continue;
    if (message.kind === 'table-refused' || message.kind === 'case-failed' || message.kind === 'error')
      throw new InfrastructureError(`the guest could not run the benchmark's cases: ${message.reason}`);
    if (message.kind !== 'table-done' && message.kind !== 'cases-done') continue;
    sent.shift();
    const nowMs = performance.now();
    if (startMs === undefined) {
      startMs = nowMs;
      begin();
    } else done += count;
    if (nowMs - startMs < seconds * 1000) send();
    else if (sent.length > 0) {
      // What is under way is not counted, only awaited.
      const result = { cases: done, elapsedMs: nowMs - startMs };
      const last = sent.at(-1)!;
      for (;;) {
        const rest = await vm.receive(silenceMs);
        if ('id' in rest && rest.id === last && (rest.kind === 'table-done' || rest.kind === 'cases-done'))
          return result;
      }
    }
  }
  throw new Error('unreachable: a batch is always under way until the time is over');
}
