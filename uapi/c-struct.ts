/** Layouts as C and C++ source: a structure, and the assertion that a compiler lays it out as the table says. */
import type { Layout } from './struct.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- layouts of all field types
type AnyLayout = Layout<any>;

export interface CStructOptions {
  /** Name of the structure. */
  readonly name: string;
  /** Names of structures that are nested, by those of their layouts. */
  readonly nested?: Readonly<Record<string, string>>;
  readonly member: (field: string) => string;
  /** Comments behind members, by field. */
  readonly comments?: Readonly<Record<string, string>>;
  /** Types other than those of the layout, by field; of the same width. */
  readonly types?: Readonly<Record<string, string>>;
  readonly language: 'C' | 'C++';
}

/** `attr_ino` of `attrIno`. */
export const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const integers: Readonly<Record<string, string>> = {
  __u8: 'uint8_t',
  __u16: 'uint16_t',
  __u32: 'uint32_t',
  __s32: 'int32_t',
  __u64: 'uint64_t',
  __s64: 'int64_t',
};

/** Throws Error for a layout with holes, or with a nested structure that has no name here. */
export function cStruct(layout: AnyLayout, options: CStructOptions): string {
  const { name, nested = {}, member, comments = {}, types = {}, language } = options;
  const fields = Object.entries(layout.fields as Record<string, { at: number; size: number; ctype: string }>).sort(
    ([, a], [, b]) => a.at - b.at,
  );
  const tab = language === 'C' ? '\t' : '  ';
  let end = 0;
  const lines = fields.map(([field, { at, size, ctype }]) => {
    if (at !== end) throw new Error(`layout ${layout.name} has a hole before ${field}`);
    end = at + size;
    const text = `${tab}${declaration(ctype, member(field), nested, language, types[field])};`;
    return comments[field] === undefined ? text : `${text}\t/* ${comments[field]} */`;
  });
  if (end !== layout.size) throw new Error(`layout ${layout.name} has a hole at its end`);
  const type = language === 'C' ? `struct ${name}` : name;
  const facts = [
    `sizeof(${type}) == ${layout.size}`,
    ...fields.slice(1).map(([field, { at }]) => `offsetof(${type}, ${member(field)}) == ${at}`),
  ];
  const assertion = language === 'C' ? '_Static_assert' : 'static_assert';
  return `struct ${name} {\n${lines.join('\n')}\n};\n${assertion}(${facts.join(` &&\n${tab.repeat(2)}`)},\n${tab.repeat(2)}"${type} is laid out otherwise");`;
}

function declaration(
  ctype: string,
  member: string,
  nested: Readonly<Record<string, string>>,
  language: CStructOptions['language'],
  given: string | undefined,
): string {
  const [, base = ctype, count] = /^(.*?)(\[\d+\])$/.exec(ctype) ?? [];
  const inner = /^struct (.*)$/.exec(base)?.[1];
  const type =
    given ??
    (inner === undefined
      ? integers[base]
      : nested[inner] && (language === 'C' ? `struct ${nested[inner]}` : nested[inner]));
  if (type === undefined) throw new Error(`no name for ${base}`);
  return `${type} ${member}${count ?? ''}`;
}
