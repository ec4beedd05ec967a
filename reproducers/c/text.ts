/** C source text: literals, comments, initialisers. */
import { plainLine } from '../../model/plain-text.ts';
import { errnos } from '../../uapi/errno.ts';

/** `0x1000`, `4096`: decimal where people think in decimal; unsigned long long where int does not hold it. */
export function u64(value: bigint): string {
  if (value === (1n << 64n) - 1n) return '~0ULL';
  if (value < 4096n) return value.toString();
  return value > 0x7fff_ffffn ? `0x${value.toString(16)}ULL` : `0x${value.toString(16)}`;
}

/** A signed 64-bit value. INT64_MIN has no literal in C. */
export function s64(value: bigint): string {
  if (value === -(1n << 63n)) return 'INT64_MIN';
  if (value === (1n << 63n) - 1n) return 'INT64_MAX';
  if (value < 0n) return `-${s64(-value)}`;
  return value < 4096n
    ? value.toString()
    : value > 0x7fff_ffffn
      ? `0x${value.toString(16)}LL`
      : `0x${value.toString(16)}`;
}

export const u32 = (value: number): string =>
  value < 4096 ? String(value) : `0x${value.toString(16)}${value > 0x7fff_ffff ? 'U' : ''}`;

/** A word of flags. */
export const bits = (value: number): string => `0x${value.toString(16)}${value > 0x7fff_ffff ? 'U' : ''}`;

const names = new Map(Object.entries(errnos).map(([name, value]) => [value as number, name]));
/** `EUCLEAN`, or the number where <errno.h> need not have a name. */
export const errno = (value: number): string => names.get(value) ?? String(value);

/** A string literal; anything but printable ASCII is escaped. */
export function string(text: string): string {
  const escaped = [...Buffer.from(text, 'utf8')]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      if (char === '"' || char === '\\') return `\\${char}`;
      if (char === '\n') return '\\n';
      // Octal: three digits at most, so that the next character is never taken for one more.
      return byte >= 0x20 && byte < 0x7f ? char : `\\${byte.toString(8).padStart(3, '0')}`;
    })
    .join('');
  // "??=" and its like are trigraphs to old compilers.
  return `"${escaped.replaceAll('??', '?\\?')}"`;
}

/** Text that may stand in a comment, broken at spaces. Lines after the first start with `hang` blanks. */
export function comment(paragraphs: readonly string[], width = 78): string {
  const lines = paragraphs.flatMap((paragraph) =>
    paragraph === '' ? [''] : wrapLine(commentText(paragraph), width - 3),
  );
  return `/*\n${lines.map((line) => ` * ${line}`.trimEnd()).join('\n')}\n */`;
}

/**
 * One line of a block comment. A compiler joins lines that end in a backslash, also in its old spelling `??/`, before
 * it looks for the end of the comment: neither remains, and what is no printable ASCII does not either.
 */
export const commentText = (text: string): string =>
  plainLine(text)
    .replace(/[^\x20-\x7e]/g, '?')
    .replaceAll('\\', '|')
    .replaceAll('??', '? ?')
    .replaceAll('*/', '* /')
    .replaceAll('/*', '/ *');

/**
 * Breaks at spaces; a continuation is indented as the line is, or by the width of its first column of a table (`name
 * text`).
 */
export function wrapLine(line: string, width: number): string[] {
  const hang = /^( *)(\S+ {2,})?/.exec(line)!;
  const indent = ' '.repeat((hang[1]?.length ?? 0) + (hang[2]?.length ?? 0));
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const at = rest.lastIndexOf(' ', width);
    if (at <= indent.length) break;
    lines.push(rest.slice(0, at).trimEnd());
    rest = indent + rest.slice(at + 1).trimStart();
  }
  return [...lines, rest];
}

/** `{ .name = value, ... }` on one line, or one member a line where that is too long. */
export function initialiser(members: readonly (readonly [string, string])[], tabs: number): string {
  const short = `{ ${members.map(([name, value]) => `.${name} = ${value}`).join(', ')} }`;
  if (short.length + tabs * 8 <= 76) return short;
  const tab = '\t'.repeat(tabs);
  return `{\n${members.map(([name, value]) => `${tab}\t.${name} = ${value},`).join('\n')}\n${tab}}`;
}

/** Bytes of a hexadecimal text as the inside of an array initialiser. */
export function byteList(hex: string, tabs: number): string {
  const bytes = hex.match(/../g) ?? [];
  const tab = '\t'.repeat(tabs);
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 8)
    lines.push(
      `${tab}${bytes
        .slice(at, at + 8)
        .map((byte) => `0x${byte},`)
        .join(' ')}`,
    );
  return lines.join('\n');
}
