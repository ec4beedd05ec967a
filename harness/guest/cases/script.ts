/** A case's script, ready to answer: conditions as numbers, replies as bytes. */
import type { Case, Reply, ScriptLine } from '../../../model/case.ts';
import type { MappingSpec } from '../../../model/mapping.ts';
import type { Notification } from '../../../model/notification.ts';
import { attrOut } from '../../../uapi/fuse-structs.ts';
import type { Request } from '../../../uapi/fuse-wire.ts';
import { beginOut, configOut, ioendOut, type ConfigOut, type IomapIo } from '../../../uapi/iomap.ts';
import type { Revision } from '../../../uapi/revision.ts';
import { done, fail, succeed, type Answer } from '../session/answer.ts';

/** BACKING_OPEN's result for the case's n-th device; what the kernel refused has no cookie. */
export type Cookies = readonly number[];

/** What stands for a device that was not registered: no kernel gives it out. */
const noCookie = 0x7fff_fffe;
export const cookieOf = (cookies: Cookies, device: number): number =>
  (cookies[device] ?? 0) > 0 ? cookies[device]! : noCookie;

const orOf = (table: Readonly<Record<string, number | undefined>>, values: readonly (string | number)[]): number =>
  values.reduce<number>((sum, value) => (sum | (typeof value === 'number' ? value : (table[value] ?? 0))) >>> 0, 0);

export function encodeMapping(revision: Revision, cookies: Cookies, spec: MappingSpec): IomapIo {
  return {
    offset: spec.offset,
    length: spec.length,
    addr: spec.addr,
    type: typeof spec.type === 'number' ? spec.type : (revision.mappingTypes[spec.type] ?? 0xffff),
    flags: orOf(revision.mappingFlags, spec.flags),
    dev: typeof spec.dev === 'number' ? spec.dev : cookieOf(cookies, spec.dev.device),
  };
}

/** Which flag announces which fields. Source: uapi.md, CONFIG flags. */
const configFlagOf = {
  SID: 'sId',
  UUID: 'sUuid',
  BLOCKSIZE: 'blockSizeBytes',
  MAX_LINKS: 'maxLinks',
  TIME: 'timeGranNs',
  MAXBYTES: 'maxBytes',
  CACHE_MAXBYTES: 'cacheMaxBytes',
} as const;

function encodeConfig(revision: Revision, reply: Extract<Reply, { kind: 'config' }>): Buffer {
  const implied = Object.entries(configFlagOf)
    .filter(([, field]) => reply[field] !== undefined)
    .map(([flag]) => flag);
  const flags = (reply.flags ?? implied).reduce<bigint>(
    (sum, flag) =>
      sum |
      (typeof flag === 'bigint' ? flag : BigInt(revision.configFlags[flag as keyof typeof revision.configFlags] ?? 0)),
    0n,
  );
  const value: Partial<ConfigOut> = { flags };
  const set = <K extends keyof ConfigOut>(key: K, given: ConfigOut[K] | undefined): void => {
    if (given !== undefined) value[key] = given;
  };
  set('sId', reply.sId === undefined ? undefined : Buffer.from(reply.sId));
  set('sUuid', reply.sUuid === undefined ? undefined : Buffer.from(reply.sUuid, 'hex'));
  set('sUuidLen', reply.sUuidLen ?? (reply.sUuid === undefined ? undefined : reply.sUuid.length / 2));
  set('sPad', reply.sPad === undefined ? undefined : Buffer.from(reply.sPad, 'hex'));
  set('sBlocksize', reply.blockSizeBytes);
  set('sMaxLinks', reply.maxLinks);
  set('sTimeGran', reply.timeGranNs);
  set('sTimeMin', reply.timeMin);
  set('sTimeMax', reply.timeMax);
  set('sMaxbytes', reply.maxBytes);
  set('cacheMaxbytes', reply.cacheMaxBytes);
  set('pad', reply.pad);
  return configOut.encode(value).subarray(0, reply.sentBytes ?? configOut.size);
}

/** What goes out for a reply of the case model. */
export function encodeCaseReply(revision: Revision, cookies: Cookies, reply: Reply): Answer {
  switch (reply.kind) {
    case 'mappings':
      return succeed(
        beginOut.encode({
          read: encodeMapping(revision, cookies, reply.read),
          write: encodeMapping(revision, cookies, reply.write),
        }),
      );
    case 'error':
      return fail(reply.errno);
    case 'empty':
      return done;
    case 'raw':
      return {
        kind: 'raw',
        payload: Buffer.from(reply.payload, 'hex'),
        ...(reply.error === undefined ? {} : { error: reply.error }),
        ...(reply.lengthBytes === undefined ? {} : { lengthBytes: reply.lengthBytes }),
        ...(reply.unique === undefined ? {} : { unique: reply.unique }),
        ...(reply.sentBytes === undefined ? {} : { sentBytes: reply.sentBytes }),
      };
    case 'die':
    case 'kill':
    case 'abort':
      return { kind: 'end', how: reply.kind };
    case 'ioend':
      return succeed(ioendOut.encode({ newsize: reply.newsizeBytes }));
    case 'config':
      return succeed(encodeConfig(revision, reply));
    case 'attributes':
      throw new Error('attributes are those of a file, which only the file system knows');
  }
}

/** Attributes with another size, which the kernel must ask for again when it wants to know them. */
function resized(answer: Answer, size: bigint): Answer {
  if (answer.kind !== 'payload' || answer.payload.length !== attrOut.size) return answer;
  const out = attrOut.decode(Buffer.from(answer.payload));
  return succeed(attrOut.encode({ ...out, attrValid: 0n, attr: { ...out.attr, size } }));
}

interface Line {
  readonly on: string;
  readonly file: number | undefined;
  readonly set: number;
  readonly clear: number;
  readonly posFrom: bigint;
  readonly posTo: bigint | undefined;
  left: number;
  /** Sends what is to be sent first. */
  readonly before?: () => void;
  readonly answer: (request: Request) => Answer;
}

/** The first line whose conditions hold and whose `times` are not used up answers. */
export class Script {
  readonly #lines: Line[];

  /**
   * `ordinary`: what the file system answers. `notify`: sends what line number `line` has `before` its answer, and the
   * signal. `cookies` is asked when a line answers for the first time: a case that has its mount for itself is read
   * before the devices are registered.
   */
  constructor(
    revision: Revision,
    cookies: () => Cookies,
    ordinary: (request: Request) => Answer,
    script: Case['script'],
    notify: (line: number, notifications: readonly Notification[], signal: boolean) => void,
  ) {
    this.#lines = script.map((line: ScriptLine, index) => {
      const { before = [], signal = false } = line;
      let encoded: Answer | undefined;
      return {
        on: line.on,
        file: line.file,
        set: line.opflagsSet ?? 0,
        clear: line.opflagsClear ?? 0,
        posFrom: line.posFrom ?? 0n,
        posTo: line.posTo,
        left: line.times ?? Infinity,
        ...((before.length > 0 || signal) && {
          before: () => {
            notify(index, before, signal);
          },
        }),
        answer: (request) =>
          line.reply.kind === 'attributes'
            ? resized(ordinary(request), line.reply.sizeBytes)
            : (encoded ??= encodeCaseReply(revision, cookies(), line.reply)),
      };
    });
  }

  answer(request: Request, file: number | undefined): Answer | undefined {
    for (const line of this.#lines) {
      if (line.on !== request.name || line.left === 0 || (line.file !== undefined && line.file !== file)) continue;
      if (line.set !== 0 || line.clear !== 0) {
        const opflags = (request.args['opflags'] as number | undefined) ?? 0;
        if ((opflags & line.set) >>> 0 !== line.set || (opflags & line.clear) !== 0) continue;
      }
      if (line.posFrom !== 0n || line.posTo !== undefined) {
        const pos = (request.args['pos'] as bigint | undefined) ?? 0n;
        if (pos < line.posFrom || (line.posTo !== undefined && pos >= line.posTo)) continue;
      }
      line.left -= 1;
      line.before?.();
      return line.answer(request);
    }
    return undefined;
  }
}
