/** One line per request and reply, for people. */
import { constants } from 'node:os';
import { flagNames, nameOf, NULL_ADDR, type Revision } from '../../../uapi/revision.ts';
import type { IomapIo } from '../../../uapi/iomap.ts';

/** What a line says; `reply` absent: none was sent yet. */
export interface Line {
  name: string;
  /** Path of the file, '/' for the root; absent: the connection. */
  file?: string;
  args: Readonly<Record<string, unknown>>;
  names: readonly string[];
  dataBytes: number;
  reply?: { error: number; payloadBytes: number; fields?: Record<string, unknown> };
  /** Errno with which the kernel refused the reply. */
  writeErrno?: number;
}

const units: readonly [bigint, string][] = [
  [1n << 40n, 'T'],
  [1n << 30n, 'G'],
  [1n << 20n, 'M'],
  [1n << 10n, 'K'],
];
/** Bytes, short where that is exact: 4096 is 4K, 4097 is 4097. */
export function sizeText(value: bigint): string {
  if (value === NULL_ADDR) return 'none';
  if (value === (1n << 63n) - 1n) return 'max';
  const unit = units.find(([size]) => value !== 0n && value % size === 0n);
  return unit ? `${value / unit[0]}${unit[1]}` : String(value);
}

const endText = (end: bigint): string => (end === 1n << 63n ? 'max' : sizeText(end));
/** Reports ask for everything behind a place; that end is no number worth reading. */
const rangeText = (pos: bigint, count: bigint): string =>
  pos + count >= (1n << 63n) - 1n ? `from ${sizeText(pos)} on` : `at ${sizeText(pos)} for ${sizeText(count)}`;

const errnoNames = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));
export const errnoText = (errno: number): string =>
  errnoNames.get(errno) ?? (errno === 117 ? 'EUCLEAN' : `errno ${errno}`);

export class TranscriptFormatter {
  readonly #revision: Revision;
  readonly #cookies: () => readonly number[];
  readonly #operations: Readonly<Record<string, (line: Line) => string>>;
  readonly #replies: Readonly<Record<string, (fields: Record<string, unknown>) => string>>;

  /** `cookies`: what BACKING_OPEN gave each device. */
  constructor(revision: Revision, cookies: () => readonly number[]) {
    this.#revision = revision;
    this.#cookies = cookies;
    const range = (pos: unknown, count: unknown): string => rangeText(pos as bigint, BigInt(count as number | bigint));
    const begin = ({ args }: Line): string =>
      `${this.#opflags(args['opflags'] as number)} ${range(args['pos'], args['count'])}`;
    const named = ({ names }: Line): string => names.map((name) => `"${name}"`).join(' to ');
    this.#operations = {
      IOMAP_BEGIN: begin,
      IOMAP_END: (line) =>
        `${begin(line)}, written ${sizeText(line.args['written'] as bigint)}, ${this.mapping(line.args['map'] as IomapIo)}`,
      IOMAP_IOEND: ({ args }) =>
        [
          flagText(flagNames(revision.ioendFlags, args['flags'] as number)),
          range(args['pos'], args['written']),
          ...(args['error'] === 0 ? [] : [errnoText(-(args['error'] as number))]),
          ...(args['newAddr'] === NULL_ADDR ? [] : [`to ${sizeText(args['newAddr'] as bigint)}`]),
        ].join(' '),
      LOOKUP: named,
      CREATE: named,
      MKDIR: named,
      MKNOD: named,
      UNLINK: named,
      RMDIR: named,
      RENAME: named,
      RENAME2: named,
      GETXATTR: named,
      SETXATTR: named,
      READ: ({ args }) => range(args['offset'], args['size']),
      READDIR: ({ args }) => `from entry ${String(args['offset'])}`,
      WRITE: ({ args }) => range(args['offset'], args['size']),
      SETATTR: ({ args }) =>
        `valid 0x${(args['valid'] as number).toString(16)}${(args['valid'] as number) & 8 ? `, size ${sizeText(args['size'] as bigint)}` : ''}`,
      FALLOCATE: ({ args }) =>
        `mode 0x${(args['mode'] as number).toString(16)} ${range(args['offset'], args['length'])}`,
      LSEEK: ({ args }) =>
        `${args['whence'] === 3 ? 'data' : args['whence'] === 4 ? 'hole' : `whence ${String(args['whence'])}`} from ${sizeText(args['offset'] as bigint)}`,
      INIT: ({ args }) => `7.${String(args['minor'])}`,
    };
    this.#replies = {
      IOMAP_BEGIN: ({ read, write }) =>
        `read ${this.mapping(read as IomapIo)}; write ${this.mapping(write as IomapIo)}`,
      IOMAP_IOEND: ({ newsize }) => `size on disk ${sizeText(newsize as bigint)}`,
      WRITE: ({ size }) => `${String(size)} bytes`,
      LOOKUP: ({ attr }) => this.#attributes(attr as Record<string, unknown>),
      GETATTR: ({ attr }) => this.#attributes(attr as Record<string, unknown>),
      CREATE: ({ entry }) => this.#attributes((entry as Record<string, unknown>)['attr'] as Record<string, unknown>),
    };
  }

  format(line: Line): string {
    const what = this.#operations[line.name]?.(line) ?? '';
    const subject = line.file === undefined ? '' : line.file === '' ? '/' : line.file;
    return (
      [line.name.replace(/^IOMAP_/, '').padEnd(9), subject.padEnd(12), what].join(' ').trimEnd() + this.#reply(line)
    );
  }

  /** `MAPPED 0..64K on device 0 at 8K`. */
  mapping({ type, flags, offset, length, addr, dev }: IomapIo): string {
    const set = flagNames(this.#revision.mappingFlags, flags);
    const device = this.#cookies().indexOf(dev);
    return [
      nameOf(this.#revision.mappingTypes, type) ?? `type ${type}`,
      `${sizeText(offset)}..${endText(offset + length)}`,
      ...(dev === 0 ? [] : [device >= 0 ? `on device ${device}` : `on unknown device ${dev}`]),
      ...(addr === NULL_ADDR ? [] : [`at ${sizeText(addr)}`]),
      ...(flags === 0 ? [] : [flagText(set)]),
    ].join(' ');
  }

  #reply({ name, reply, writeErrno }: Line): string {
    if (!reply) return '';
    const refused = writeErrno ? ` (the kernel refused this reply: ${errnoText(writeErrno)})` : '';
    if (reply.error !== 0) return ` -> ${reply.error < 0 ? errnoText(-reply.error) : `error ${reply.error}`}${refused}`;
    const text = reply.fields && this.#replies[name]?.(reply.fields);
    return ` -> ${text ?? (reply.payloadBytes > 0 ? `${reply.payloadBytes} bytes` : 'ok')}${refused}`;
  }

  #opflags(opflags: number): string {
    return opflags === 0 ? 'READ' : flagText(flagNames(this.#revision.opFlags, opflags));
  }

  #attributes(attr: Record<string, unknown>): string {
    const flags = flagNames(this.#revision.attrFlags, attr['flags'] as number);
    const kind =
      ((attr['mode'] as number) & 0o170000) === 0o040000 ? 'directory' : `${sizeText(attr['size'] as bigint)} bytes`;
    return [kind, ...(attr['flags'] === 0 ? [] : [flagText(flags)])].join(' ');
  }
}

const flagText = ({ names, rest }: { names: readonly string[]; rest: number }): string =>
  [...names, ...(rest === 0 ? [] : [`0x${rest.toString(16)}`])].join('|') || 'no flags';
