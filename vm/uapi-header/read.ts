/**
 * The numbers that a uAPI header (include/uapi/linux/fuse.h) gives to what our revisions have, and where it contradicts
 * our layouts.
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { readRegular } from '../../files/regular-file.ts';
import { UsageError, messageOf } from '../../model/errors.ts';
import type { UapiHeader } from '../../model/uapi-header.ts';
import { snakeCase } from '../../uapi/c-struct.ts';
import { INIT_BITS } from '../../uapi/fuse-flags.ts';
import {
  HEADER_INIT_FLAG,
  HEADER_MINOR,
  headerConstants,
  headerNumbers,
  headerStructs,
  isFiller,
} from '../../uapi/header-names.ts';
import { numberTables, type Numbers, type NumberTable } from '../../uapi/numbers.ts';
import { OPCODES } from '../../uapi/fuse-operations.ts';
import { revisionIds, revisions, type Revision } from '../../uapi/revision.ts';
import { constantsOf, type Constant } from './compile.ts';

export interface HeaderReading {
  /** Numbers of all names that some revision has and the header, too. */
  readonly header: UapiHeader;
  /** It has nothing of fuse-iomap. */
  readonly withoutIomap: boolean;
  /** What the revision has and the header lacks, by the header's names. */
  readonly lacking: readonly string[];
  /** What the header has otherwise than any server of the revision could use, in words. */
  readonly contradictions: readonly string[];
}

/** The header of a kernel is below 60 KB. */
const MOST_BYTES = 1 << 20;

/**
 * Reads the header. Throws UsageError when it cannot be read or does not compile, InfrastructureError without a
 * compiler.
 */
export async function readUapiHeader(path: string, revision: Revision): Promise<HeaderReading> {
  const text = bytesOf(path);
  const probes = allProbes();
  const constants = await constantsOf(
    resolve(path),
    text,
    probes.map(({ expression }) => expression),
  );
  const seen = new Map(probes.map(({ expression }, n) => [expression, constants[n]!]));
  const reading = new Reading(revision, seen);
  return {
    header: { path, sha256: createHash('sha256').update(text).digest('hex'), numbers: reading.numbers() },
    withoutIomap: isLacking(seen.get(HEADER_INIT_FLAG)!) && isLacking(seen.get('FUSE_IOMAP_BEGIN')!),
    lacking: reading.lacking,
    contradictions: [...reading.contradictions, ...reading.structs(), ...reading.constants()],
  };
}

function bytesOf(path: string): Buffer {
  try {
    const { size } = statSync(path);
    if (size > MOST_BYTES) throw new Error(`it has ${size} bytes, which is no <linux/fuse.h>`);
    return readRegular(path);
  } catch (error) {
    throw new UsageError(
      `the uAPI header ${path} cannot be read: ${messageOf(error)}; give include/uapi/linux/fuse.h of the kernel's source`,
    );
  }
}

const size = (struct: string): string => `sizeof(struct ${struct})`;
const offset = (struct: string, field: string): string => `__builtin_offsetof(struct ${struct}, ${field})`;
const fieldSize = (struct: string, field: string): string => `sizeof(((struct ${struct} *)0)->${field})`;

/** Names of a table in any revision. */
const namesOf = (table: NumberTable): string[] => [
  ...new Set(revisionIds.flatMap((id) => Object.keys(revisions[id][table]))),
];
const headerName = (table: NumberTable, name: string): string => `${headerNumbers[table].prefix}${name}`;
const fieldsOf = (layout: { fields: unknown }): [string, { at: number; size: number }][] =>
  Object.entries(layout.fields as Record<string, { at: number; size: number }>).filter(([field]) => !isFiller(field));

function allProbes(): { expression: string }[] {
  const names = numberTables.flatMap((table) => namesOf(table).map((name) => headerName(table, name)));
  const structs = headerStructs.flatMap(({ layout }) => [
    size(layout.name),
    ...fieldsOf(layout).flatMap(([field]) => [
      offset(layout.name, snakeCase(field)),
      fieldSize(layout.name, snakeCase(field)),
    ]),
  ]);
  const all = [HEADER_INIT_FLAG, HEADER_MINOR, ...names, ...Object.keys(headerConstants), ...structs];
  return [...new Set(all)].map((expression) => ({ expression }));
}

const isLacking = (constant: Constant): boolean =>
  'problem' in constant && /undeclared|undefined type|incomplete type|has no member/.test(constant.problem);
const isFlag = (value: bigint): boolean => value > 0n && (value & (value - 1n)) === 0n;
const hex = (value: bigint): string => (value < 10n ? String(value) : `0x${value.toString(16)}`);

class Reading {
  readonly lacking: string[] = [];
  readonly contradictions: string[] = [];
  readonly #revision: Revision;
  readonly #seen: ReadonlyMap<string, Constant>;

  constructor(revision: Revision, seen: ReadonlyMap<string, Constant>) {
    this.#revision = revision;
    this.#seen = seen;
  }

  numbers(): Numbers {
    const tables = Object.fromEntries(numberTables.map((table) => [table, this.#table(table)]));
    return {
      initBit: this.#initBit(),
      minor: Number(this.#value(HEADER_MINOR, true) ?? this.#revision.minor),
      ...(tables as Record<NumberTable, Record<string, number>>),
    };
  }

  /** Undefined: the header has none that can be used, which is noted where the revision needs it. */
  #value(name: string, needed: boolean): bigint | undefined {
    const constant = this.#seen.get(name)!;
    if ('value' in constant) return constant.value;
    if (isLacking(constant)) {
      if (needed) this.lacking.push(name);
    } else if (needed) this.contradictions.push(`${name} is no constant (${constant.problem})`);
    return undefined;
  }

  #initBit(): number {
    const flag = this.#value(HEADER_INIT_FLAG, true);
    if (flag === undefined) return this.#revision.initBit;
    if (!isFlag(flag)) {
      this.contradictions.push(`${HEADER_INIT_FLAG} is ${hex(flag)}, and a flag of INIT is one bit`);
      return this.#revision.initBit;
    }
    const bit = flag.toString(2).length - 1;
    const other = Object.entries(INIT_BITS).find(([, ordinary]) => ordinary === bit)?.[0];
    if (other !== undefined)
      this.contradictions.push(`${HEADER_INIT_FLAG} is bit ${bit}, which is that of FUSE_${other}`);
    return bit;
  }

  #table(table: NumberTable): Record<string, number> {
    const { kind, bits } = headerNumbers[table];
    const values: Record<string, number> = {};
    const owners = new Map<number, string>(
      table === 'opcodes' ? Object.entries(OPCODES).map(([name, opcode]) => [opcode, `FUSE_${name}`]) : [],
    );
    for (const name of namesOf(table)) {
      const inHeader = headerName(table, name);
      const needed = (this.#revision[table] as Record<string, number>)[name] !== undefined;
      const value = this.#value(inHeader, needed);
      if (value === undefined) continue;
      const wrong =
        value >> BigInt(bits) !== 0n
          ? `and has ${bits} bits on the wire`
          : kind === 'flag' && !isFlag(value)
            ? 'and a flag is one bit'
            : owners.has(Number(value))
              ? `and so is ${owners.get(Number(value))!}`
              : undefined;
      if (wrong !== undefined) {
        if (needed) this.contradictions.push(`${inHeader} is ${hex(value)}, ${wrong}`);
        continue;
      }
      owners.set(Number(value), inHeader);
      values[name] = Number(value);
    }
    return values;
  }

  structs(): string[] {
    return headerStructs.flatMap(({ layout, required }) => {
      const { name } = layout;
      const whole = this.#seen.get(size(name))!;
      const needed = required(this.#revision);
      if (!('value' in whole)) {
        if (needed) this.lacking.push(`struct ${name}`);
        return [];
      }
      const wrongs = fieldsOf(layout).flatMap(([field, { at, size: bytes }]): string[] => {
        const member = snakeCase(field);
        const [place, width] = [this.#seen.get(offset(name, member))!, this.#seen.get(fieldSize(name, member))!];
        if (!('value' in place) || !('value' in width)) {
          // Older headers have less of what is not about mappings, and padding for it.
          if (needed) this.lacking.push(`${member} of struct ${name}`);
          return [];
        }
        if (place.value === BigInt(at) && width.value === BigInt(bytes)) return [];
        const is = (where: bigint | number, wide: bigint | number): string => `at byte ${where}, ${wide} bytes wide`;
        return [`${member} of struct ${name} is ${is(place.value, width.value)}, and must be ${is(at, bytes)}`];
      });
      return whole.value === BigInt(layout.size)
        ? wrongs
        : [`struct ${name} has ${whole.value} bytes, and must have ${layout.size}`, ...wrongs];
    });
  }

  constants(): string[] {
    return Object.entries(headerConstants).flatMap(([name, must]) => {
      const constant = this.#seen.get(name)!;
      return 'value' in constant && constant.value !== must
        ? [`${name} is ${hex(constant.value)}, and must be ${hex(must)}`]
        : [];
    });
  }
}
