/** What a guest would send of an observation: the inverse of unpack.ts, for guests that are made up. */
import type { ByteRun } from '../../../model/bytes.ts';
import { padded, recordHeaderBytes, type PackedObservation } from '../../../model/exchange-record.ts';
import { recordHead } from '../../../model/table-layout.ts';
import type { Case, Step } from '../../../model/case.ts';
import { nodeidOf } from '../../../model/nodes.ts';
import type { Exchange, Observation, StepResult } from '../../../model/observation.ts';
import { operationsByName } from '../../../uapi/fuse-operations.ts';
import { inHeader } from '../../../uapi/fuse-structs.ts';
import { encodeReply } from '../../../uapi/fuse-wire.ts';
import { revisions, type Revision } from '../../../uapi/revision.ts';

/** `revision`: that of the case, by default with the numbers of its table. */
export function packObservation(
  testCase: Case,
  { transcript, steps, mount, cut, ...rest }: Observation,
  revision: Revision = revisions[testCase.revision],
): PackedObservation {
  const frozen = cut?.why === 'frozen';
  const ran = mount.errno !== 0 ? 0 : frozen ? cut.step : testCase.workload.length;
  // Requests between steps (RELEASE) stand where the next step begins.
  const stepBounds =
    ran === 0
      ? []
      : Array.from({ length: ran + 1 }, (_, step) => transcript.findIndex((one) => (one.step ?? -1) >= step)).map(
          (at) => (at < 0 ? transcript.length : at),
        );
  return {
    ...rest,
    mount,
    steps: steps.slice(0, ran).map((step, index) => filled(testCase.workload[index]!, step)),
    stepBounds,
    nodeids: testCase.geometry.files.map((_, file) => nodeidOf(0, file)),
    transcript: Buffer.concat(transcript.map((exchange, seq) => recordOf(revision, exchange, seq))),
    written: [],
    ...(frozen && { cut: { seq: transcript.length, exchanges: cut.exchanges, why: cut.why } }),
  };
}

/** The model does not say what a buffer holds that may hold anything. */
function filled(step: Step, seen: StepResult): StepResult {
  if (step.call !== 'pread' && step.call !== 'mmapRead') return seen;
  const poison = (lengthBytes: number): ByteRun[] =>
    lengthBytes > 0 ? [{ lengthBytes, source: { kind: 'poison' } }] : [];
  const got = Math.max(Number(seen.ret), 0);
  return {
    ...seen,
    ...(seen.ret >= 0n && !seen.data && { data: poison(got) }),
    ...(got < step.lengthBytes && (!seen.tail || seen.ret < 0n) && { tail: poison(step.lengthBytes - got) }),
  };
}

function recordOf(
  revision: Revision,
  { name: called, unique, file, nodeid, request, reply, writeErrno = 0 }: Exchange,
  seq: number,
): Buffer {
  // The model's requests have names, and no numbers.
  const operation = operationsByName(revision).get(called);
  const opcode = operation?.opcode ?? 0;
  const names = [request['name'], request['name2']]
    .filter((name) => typeof name === 'string')
    .map((name) => Buffer.from(`${name}\0`));
  const body = Buffer.concat([...(operation?.request ? [operation.request.encode(request as never)] : []), ...names]);
  const head = inHeader.encode({
    len: inHeader.size + body.length,
    opcode,
    unique,
    nodeid: file === undefined ? nodeid : nodeidOf(0, file),
  } as never);
  const asked = Buffer.concat([head, body]);
  const answered = reply && encodeReply(unique, reply.error, reply.payload);
  const record = Buffer.alloc(recordHeaderBytes + padded(asked.length) + padded(answered?.length ?? 0));
  recordHead.write(record, 0, { requestBytes: asked.length, replyBytes: answered?.length ?? -1, writeErrno, seq });
  asked.copy(record, recordHeaderBytes);
  answered?.copy(record, recordHeaderBytes + padded(asked.length));
  return record;
}
