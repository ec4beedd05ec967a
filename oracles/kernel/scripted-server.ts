/** A server that answers the model's requests from a case's script: what a case leads to, without a kernel. */
import type { ByteRun } from '../../model/bytes.ts';
import type { Case, Reply, ScriptLine } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { Exchange, SentReply } from '../../model/observation.ts';
import { serverBytes } from '../../model/pattern.ts';
import { attrOut, entryOut, lseekOut, openOut, writeOut } from '../../uapi/fuse-structs.ts';
import { beginOut, ioendOut, type IomapIo } from '../../uapi/iomap.ts';
import { NULL_ADDR, revisions, type Revision } from '../../uapi/revision.ts';
import { SEEK_DATA } from '../../model/syscall-flags.ts';
import { errnos } from '../../uapi/errno.ts';
import type { Segment } from './content.ts';
import { rawReply, writeResult } from './answer.ts';
import { plainFields, type Driver, type ExpectedRequest } from './driver.ts';
import { wireMapping } from './wire-mapping.ts';
import { LOFF_MAX, PAGE } from '../../uapi/units.ts';

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
  readonly #devices: readonly number[];
  readonly #choices: readonly number[];
  readonly #used = new Map<ScriptLine, number>();
  #step = 0;

  /** `devices`: cookies; `choices`: which readings of the rules to take, in order, 0 where the list ends. */
  constructor(
    of: Case,
    devices: readonly number[],
    choices: readonly number[] = [],
    revision: Revision = revisions[of.revision],
  ) {
    this.#case = of;
    this.#revision = revision;
    this.#devices = devices;
    this.#choices = choices;
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
    const opflags = Number(request['opflags'] ?? 0);
    const pos = (request['pos'] ?? 0n) as bigint;
    const line = this.#case.script.find(
      (candidate) =>
        candidate.on === expected.name &&
        (candidate.file === undefined || candidate.file === expected.file) &&
        ((candidate.opflagsSet ?? 0) & opflags) >>> 0 === (candidate.opflagsSet ?? 0) &&
        ((candidate.opflagsClear ?? 0) & opflags) === 0 &&
        (candidate.posFrom ?? 0n) <= pos &&
        (candidate.posTo === undefined || pos < candidate.posTo) &&
        (this.#used.get(candidate) ?? 0) < (candidate.times ?? Infinity),
    );
    if (!line) return { reply: this.#ordinary(expected, request), writeErrno: 0 };
    this.#used.set(line, (this.#used.get(line) ?? 0) + 1);
    // Errnos are noted by whoever takes the notifications.
    const notified = (line.before ?? line.signal) && {
      notified: { line: this.#case.script.indexOf(line), errnos: [] },
    };
    if (line.reply.kind === 'die' || line.reply.kind === 'kill' || line.reply.kind === 'abort')
      return { ...notified, ended: line.reply.kind };
    const reply = this.#encode(line.reply);
    return { ...notified, reply, writeErrno: writeResult(this.#revision, expected.name, request, reply) ?? 0 };
  }

  /** As the guest's server answers what no line of the script matches (harness/guest/session/ordinary.ts). */
  #ordinary({ name, file }: ExpectedRequest, request: Record<string, unknown>): SentReply {
    if (name === 'READ') {
      const offset = request['offset'] as bigint;
      const left = (this.#case.geometry.files[file!]?.sizeBytes ?? 0n) - offset;
      const length = Math.min(Number(request['size']), left > 0n ? Number(left) : 0);
      return { error: 0, payload: serverBytes(file!, offset, length) };
    }
    if (name === 'LOOKUP')
      return { error: 0, payload: entryOut.encode({ nodeid: 2n, attr: { mode: 0o100644 } as never }) };
    if (name === 'OPEN') return { error: 0, payload: openOut.encode({}) };
    if (name === 'COPY_FILE_RANGE' || name === 'COPY_FILE_RANGE_64')
      return { error: -errnos.ENOSYS, payload: new Uint8Array() };
    if (name === 'WRITE') return { error: 0, payload: writeOut.encode({ size: request['size'] as number }) };
    if (name === 'IOMAP_IOEND') return { error: 0, payload: ioendOut.encode({ newsize: 0n }) };
    if (name === 'LSEEK') {
      const size = this.#case.geometry.files[file!]?.sizeBytes ?? 0n;
      if ((request['offset'] as bigint) >= size) return { error: -errnos.ENXIO, payload: new Uint8Array() };
      return {
        error: 0,
        payload: lseekOut.encode({ offset: request['whence'] === SEEK_DATA ? (request['offset'] as bigint) : size }),
      };
    }
    if (name === 'SETATTR') return { error: 0, payload: attributes(request['size'] as bigint) };
    if (name !== 'IOMAP_BEGIN') return { error: 0, payload: new Uint8Array() };
    const [pos, count] = [request['pos'], request['count']] as [bigint, bigint];
    const offset = (pos / PAGE) * PAGE;
    const asked = ((pos + count - offset + PAGE - 1n) / PAGE) * PAGE;
    const most = LOFF_MAX + 1n - PAGE - offset;
    const half = { offset, length: asked > most ? most : asked, addr: NULL_ADDR, flags: 0, dev: 0 };
    const { HOLE, PURE_OVERWRITE } = this.#revision.mappingTypes;
    return {
      error: 0,
      payload: beginOut.encode({ read: { ...half, type: HOLE! }, write: { ...half, type: PURE_OVERWRITE! } }),
    };
  }

  #encode(reply: Exclude<Reply, { kind: 'die' | 'kill' | 'abort' }>): SentReply {
    switch (reply.kind) {
      case 'mappings':
        return { error: 0, payload: beginOut.encode({ read: this.#wire(reply.read), write: this.#wire(reply.write) }) };
      case 'error':
        return { error: -reply.errno, payload: new Uint8Array() };
      case 'empty':
        return { error: 0, payload: new Uint8Array() };
      case 'raw':
        return rawReply(reply);
      case 'ioend':
        return { error: 0, payload: ioendOut.encode({ newsize: reply.newsizeBytes }) };
      case 'attributes':
        return { error: 0, payload: attributes(reply.sizeBytes) };
      case 'config':
        throw new Error('CONFIG is answered at mount');
    }
  }

  #wire(mapping: MappingSpec): IomapIo {
    return wireMapping(this.#revision, this.#devices, mapping);
  }
}

/** Of a regular file. */
const attributes = (size: bigint): Buffer =>
  attrOut.encode({
    attrValid: 3600n,
    attr: {
      ino: 0n,
      size,
      blocks: 0n,
      atime: 0n,
      mtime: 0n,
      ctime: 0n,
      atimensec: 0,
      mtimensec: 0,
      ctimensec: 0,
      mode: 0o100644,
      nlink: 1,
      uid: 0,
      gid: 0,
      rdev: 0,
      blksize: 0,
      flags: 0,
    },
  });

const runsOf = (segments: readonly Segment[]): ByteRun[] =>
  segments.map((segment) => ({ lengthBytes: Number(segment.end - segment.start), source: segment.sources[0]! }));
