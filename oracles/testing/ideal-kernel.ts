/**
 * A kernel that follows the rules, for tests of the judges and of the plan: runs a case against a scripted server and says what would
 * have been observed. It shares the model with the judges, so it shows that the judges compare completely, not that the model is right:
 * that is what the hand-made observations of the tests are for.
 */
import type { ByteRun } from '../../harness/model/bytes.ts';
import type { Case, Reply, ScriptLine } from '../../harness/model/case.ts';
import type { MappingSpec } from '../../harness/model/mapping.ts';
import type { Exchange, KernelEvent, Observation, SentReply, StepResult } from '../../harness/model/observation.ts';
import { beginOut, ioendOut, type IomapIo } from '../../harness/uapi/iomap.ts';
import { lseekOut } from '../../harness/uapi/fuse-structs.ts';
import { revisions, type Revision } from '../../harness/uapi/revision.ts';
import { sameSource, type Content, type Segment } from '../kernel/content.ts';
import type { Driver, ExpectedField, ExpectedRequest } from '../kernel/driver.ts';
import type { Expectation, StepExpectation } from '../kernel/expectation.ts';
import { simulate } from '../kernel/simulate.ts';
import type { BeginTable } from '../rules/first-violation.ts';
import { errnos } from '../rules/rule.ts';

export interface IdealKernelOptions {
  /** Where the rules leave a choice, which one is taken: indices in order, 0 where the list ends. Default: 0 throughout. */
  choices?: readonly number[];
  /** Rules of a kernel that is not ideal. Default: the revision's. */
  table?: BeginTable;
}

const FIRST_INO = 100n;
/** A walk that gets nowhere would never end: a kernel without its checks is cut off here. */
const MAX_REQUESTS = 200;

/** What would be observed of the case. Throws when the model finds the case unspecified. */
export function runIdeal(of: Case, options: IdealKernelOptions = {}): Observation {
  const revision = revisions[of.revision];
  const devices = of.geometry.devices.map((_, index) => index + 1);
  const inodes = of.geometry.files.map((_, index) => FIRST_INO + BigInt(index));
  const server = new ScriptedServer(of, revision, devices, options.choices ?? []);
  const mount = { errno: 0, minor: revision.minor, flags: 1n << BigInt(revision.initBit), devices };
  const expectation = simulate({ case: of, mount, inodes, driver: server, ...(options.table && { table: options.table }) });
  if (expectation.unspecified !== undefined) throw new Error(`unspecified: ${expectation.unspecified}`);
  return {
    mount: {
      ...mount, errno: expectation.mount.errno ?? 0,
      devices: expectation.devices.map((errno, index) => (errno === 0 ? devices[index]! : -errno)),
    },
    steps: expectation.steps.map((step, index) => resultOf(step, of, index)),
    transcript: server.transcript,
    events: eventsOf(of, expectation),
    deviceChanges: expectation.contents.flatMap((content, device) => changesOf(content, device)),
    inodes,
  };
}

class ScriptedServer implements Driver {
  readonly transcript: Exchange[] = [];
  readonly #case: Case;
  readonly #revision: Revision;
  readonly #devices: readonly number[];
  readonly #choices: readonly number[];
  readonly #used = new Map<ScriptLine, number>();
  #asked = 0;

  constructor(of: Case, revision: Revision, devices: readonly number[], choices: readonly number[]) {
    this.#case = of;
    this.#revision = revision;
    this.#devices = devices;
    this.#choices = choices;
  }

  choose(count: number): number {
    const choice = this.#choices[this.#asked] ?? 0;
    this.#asked += 1;
    return choice % count;
  }

  request(expected: ExpectedRequest): Exchange {
    if (this.transcript.length >= MAX_REQUESTS) throw new EndlessWalk();
    const request = plain(expected.fields);
    const exchange: Exchange = {
      seq: this.transcript.length, unique: BigInt(this.transcript.length + 1) * 2n, opcode: 0, name: expected.name, nodeid: 2n, request,
      ...(expected.file !== undefined && { file: expected.file }), reply: this.#answer(expected, Number(request['opflags'] ?? 0)), writeErrno: 0,
    };
    this.transcript.push(exchange);
    return exchange;
  }

  #answer(expected: ExpectedRequest, opflags: number): SentReply {
    const line = this.#case.script.find((candidate) => candidate.on === expected.name
      && (candidate.file === undefined || candidate.file === expected.file)
      && ((candidate.opflagsSet ?? 0) & opflags) >>> 0 === (candidate.opflagsSet ?? 0)
      && ((candidate.opflagsClear ?? 0) & opflags) === 0
      && (this.#used.get(candidate) ?? 0) < (candidate.times ?? Infinity));
    if (!line) return { error: 0, payload: ordinaryPayload(expected) };
    this.#used.set(line, (this.#used.get(line) ?? 0) + 1);
    return this.#encode(line.reply);
  }

  #encode(reply: Reply): SentReply {
    switch (reply.kind) {
      case 'mappings': return { error: 0, payload: beginOut.encode({ read: this.#wire(reply.read), write: this.#wire(reply.write) }) };
      case 'error': return { error: -reply.errno, payload: new Uint8Array() };
      case 'empty': return { error: 0, payload: new Uint8Array() };
      case 'raw': return { error: reply.error ?? 0, payload: Buffer.from(reply.payload, 'hex') };
      case 'ioend': return { error: 0, payload: ioendOut.encode({ newsize: reply.newsizeBytes }) };
      case 'config': throw new Error('CONFIG is answered at mount');
    }
  }

  #wire(mapping: MappingSpec): IomapIo {
    const { mappingTypes, mappingFlags } = this.#revision;
    return {
      offset: mapping.offset, length: mapping.length, addr: mapping.addr,
      type: typeof mapping.type === 'number' ? mapping.type : mappingTypes[mapping.type]!,
      flags: mapping.flags.reduce<number>((sum, flag) => sum | (typeof flag === 'number' ? flag : mappingFlags[flag]!), 0),
      dev: typeof mapping.dev === 'number' ? mapping.dev : this.#devices[mapping.dev.device]!,
    };
  }
}

/** What a server answers that leaves these requests to their ordinary answer. */
function ordinaryPayload({ name, fields }: ExpectedRequest): Uint8Array {
  if (name === 'IOMAP_IOEND') return ioendOut.encode({ newsize: 0n });
  return name === 'LSEEK' ? lseekOut.encode({ offset: BigInt(fields['offset']!.value as bigint) }) : new Uint8Array();
}

/** The kernel kept asking without getting anywhere. */
export class EndlessWalk extends Error {}

const isField = (field: ExpectedField | Record<string, ExpectedField>): field is ExpectedField =>
  typeof field.value === 'bigint' || typeof field.value === 'number';

function plain(fields: ExpectedRequest['fields']): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, isField(field) ? field.value : plain(field)]));
}

function resultOf(step: StepExpectation, of: Case, index: number): StepResult {
  if (step.kind === 'fails') return { ret: -1n, errno: step.errnos?.[0] ?? errnos.EIO };
  if (step.kind === 'any') return { ret: 0n, errno: 0 };
  const call = of.workload[index];
  const asked = call?.call === 'pread' ? call.lengthBytes : 0;
  const ret = step.ret ?? 3n;
  return {
    ret, errno: 0,
    ...(step.data && { data: runsOf(step.data), tail: asked > Number(ret) ? [{ lengthBytes: asked - Number(ret), source: { kind: 'poison' } }] : [] }),
    ...(step.fiemap && { fiemap: [...step.fiemap] }),
    ...(step.fiemapMapped !== undefined && { fiemapMapped: step.fiemapMapped }),
    ...(step.sizeBytes !== undefined && { sizeBytes: step.sizeBytes }),
    ...(step.outFlags && { out: outOf(step.outFlags.set) }),
  };
}

function outOf(flags: bigint): Uint8Array {
  const out = Buffer.alloc(16);
  out.writeBigUInt64LE(flags);
  return out;
}

const runsOf = (segments: readonly Segment[]): ByteRun[] =>
  segments.map((segment) => ({ lengthBytes: Number(segment.end - segment.start), source: segment.sources[0]! }));

function eventsOf(of: Case, expectation: Expectation): KernelEvent[] {
  const reports = expectation.refusals.filter((refusal) => refusal.viaBadData).flatMap((refusal, index) =>
    (refusal.conditions ?? ['a condition']).map((condition) => ({ func: refusal.func ?? 'fuse_iomap', condition, line: 100 + index })));
  const traced = revisions[of.revision].badDataEvent;
  return reports.flatMap((report): KernelEvent[] => [
    ...(of.debugIomap ? [{ kind: 'bad-mapping-warn' as const, ...report }] : []),
    ...(traced ? [{ kind: 'bad-data' as const, ...report }] : []),
  ]);
}

function changesOf(content: Content, device: number): Observation['deviceChanges'] {
  return content.touched().flatMap((segment) => {
    const source = segment.sources[0]!;
    if (sameSource(source, content.base(segment.start))) return [];
    return [{ device, offsetBytes: segment.start, content: [{ lengthBytes: Number(segment.end - segment.start), source }] }];
  });
}
