/** A server that answers the model's requests from a case's script: what a case leads to, without a kernel. */
import type { ByteRun } from '../../model/bytes.ts';
import { needsOpens } from '../../model/case-traits.ts';
import type { Case } from '../../model/case.ts';
import { fileName, nodeidOf } from '../../model/nodes.ts';
import type { Exchange, SentReply } from '../../model/observation.ts';
import { serverBytes } from '../../model/pattern.ts';
import type { Answer } from '../../server/answer.ts';
import { CaseServer } from '../../server/case-server.ts';
import { FUSE_ROOT_ID } from '../../uapi/fuse-flags.ts';
import { operationsByName, type Operation } from '../../uapi/fuse-operations.ts';
import type { Request } from '../../uapi/fuse-wire.ts';
import { revisions, type Revision } from '../../uapi/revision.ts';
import type { Segment } from './content.ts';
import { rawReply, writeResult } from './answer.ts';
import { plainFields, type Driver, type ExpectedRequest } from './driver.ts';

/** The only case of its mount. */
const SERIAL = 0;
/** A walk that gets nowhere would never end: a kernel without its checks is cut off here. */
const MAX_REQUESTS = 200;

/** The kernel kept asking without getting anywhere. */
export class EndlessWalk extends Error {}

export class ScriptedServer implements Driver {
  readonly simulated = true;
  readonly transcript: Exchange[] = [];
  /** The readings that were taken, in order, and of how many. */
  readonly choices: { taken: number; count: number }[] = [];
  readonly #case: Case;
  readonly #revision: Revision;
  readonly #choices: readonly number[];
  readonly #operations: ReadonlyMap<string, Operation>;
  readonly #server: CaseServer;
  #step = 0;

  /** `devices`: cookies; `choices`: which readings of the rules to take, in order, 0 where the list ends. */
  constructor(
    testCase: Case,
    devices: readonly number[],
    choices: readonly number[] = [],
    revision: Revision = revisions[testCase.revision],
  ) {
    this.#case = testCase;
    this.#revision = revision;
    this.#choices = choices;
    this.#operations = operationsByName(revision);
    this.#server = new CaseServer({
      revision,
      opens: needsOpens(testCase),
      files: testCase.geometry.files,
      script: testCase.script,
      config: testCase.geometry.config,
      serial: SERIAL,
      cookies: () => devices,
      read: serverBytes,
    });
  }

  atStep(step: number): void {
    this.#step = step;
  }

  choose(count: number): number {
    const taken = (this.#choices[this.choices.length] ?? 0) % count;
    this.choices.push({ taken, count });
    return taken;
  }

  request(expected: ExpectedRequest): Exchange {
    if (this.transcript.length >= MAX_REQUESTS) throw new EndlessWalk();
    const request = { ...plainFields(expected.fields), ...(expected.data && { data: runsOf(expected.data) }) };
    const exchange: Exchange = {
      seq: this.transcript.length,
      unique: BigInt(this.transcript.length + 1) * 2n,
      opcode: 0,
      name: expected.name,
      nodeid: 2n,
      request,
      step: this.#step,
      ...(expected.file !== undefined && { file: expected.file }),
      ...this.#answer(expected, request),
    };
    this.transcript.push(exchange);
    return exchange;
  }

  maybe(expected: ExpectedRequest, plain: boolean): Exchange | undefined {
    return plain ? this.request(expected) : undefined;
  }

  owed(expected: ExpectedRequest): Exchange {
    return this.request(expected);
  }

  peek(): undefined {
    return undefined;
  }

  nextBut(): undefined {
    return undefined;
  }

  loose(expected: ExpectedRequest): void {
    this.request(expected);
  }

  come(name: string, file: number): readonly Exchange[] {
    return this.transcript.filter((exchange) => exchange.name === name && exchange.file === file);
  }

  #answer(
    expected: ExpectedRequest,
    request: Record<string, unknown>,
  ): Pick<Exchange, 'reply' | 'writeErrno' | 'ended' | 'notified'> {
    const { line, answer } = this.#server.answer(this.#onTheWire(expected, request));
    const { before, signal, reply } = line === undefined ? {} : this.#case.script[line]!;
    // Errnos are noted by whoever takes the notifications.
    const notified = line !== undefined && (before ?? signal) && { notified: { line, errnos: [] } };
    if (answer.kind === 'end') return { ...notified, ended: answer.how };
    const sent = reply?.kind === 'raw' ? rawReply(reply) : sentReply(answer);
    const writeErrno = line === undefined ? 0 : (writeResult(this.#revision, expected.name, request, sent) ?? 0);
    return { ...notified, reply: sent, writeErrno };
  }

  /** The request as the server reads it; fields that nothing is expected of are zero. */
  #onTheWire({ name, file, data }: ExpectedRequest, request: Record<string, unknown>): Request {
    const operation = this.#operations.get(name);
    const isLookup = name === 'LOOKUP' && file !== undefined;
    const bytes = data?.reduce((sum, { start, end }) => sum + Number(end - start), 0) ?? 0;
    return {
      opcode: operation?.opcode ?? 0,
      name,
      unique: 0n,
      nodeid: file === undefined || isLookup ? FUSE_ROOT_ID : nodeidOf(SERIAL, file),
      uid: 0,
      gid: 0,
      pid: 0,
      args: { ...operation?.request?.decode(Buffer.alloc(operation.request.size)), ...request },
      names: isLookup ? [fileName(SERIAL, file)] : [],
      data: Buffer.alloc(bytes),
    };
  }
}

/** What the transcript has of an answer whose header is in order. */
function sentReply(answer: Answer): SentReply {
  switch (answer.kind) {
    case 'payload':
      return { error: 0, payload: answer.payload };
    case 'error':
      return { error: -answer.errno, payload: new Uint8Array() };
    default:
      throw new Error(`a server without a connection cannot answer with ${answer.kind}`);
  }
}

const runsOf = (segments: readonly Segment[]): ByteRun[] =>
  segments.map((segment) => ({ lengthBytes: Number(segment.end - segment.start), source: segment.sources[0]! }));
