/**
 * Text from a kernel, a guest, or a results directory of somebody else is data: shown to a person or written into a
 * report, it must not act. Every format makes its texts plain by these functions first and escapes its own markup
 * afterwards.
 */

/**
 * Escape sequences as terminals know them (ECMA-48): CSI ... final byte, OSC and its like up to their terminator, and
 * the short ones. They go as a whole, so that no rest such as `[31m` remains. The 8-bit forms of CSI and OSC are
 * included.
 */
const ESCAPE_SEQUENCES = new RegExp(
  [
    '(?:\\u001b\\[|\\u009b)[0-?]*[ -/]*[@-~]',
    '(?:\\u001b[\\]PX^_]|[\\u0090\\u0098\\u009d-\\u009f])[^\\u0007\\u001b\\u0080-\\u009f\\n]*(?:\\u0007|\\u001b\\\\|\\u009c)',
    '\\u001b[ -/]*[0-~]',
  ].join('|'),
  'g',
);

/**
 * What has no glyph of its own but an effect: control characters (C0, C1, DEL), format characters (text direction, zero
 * width, tags), line and paragraph separators, halves of surrogate pairs, and the two code points that XML forbids.
 */
const ACTING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\ufffe\uffff]/gu;

/** Nearly every text is plain already, and a page reads hundreds of thousands of them. */
const PLAIN = /^[\n\t\x20-\x7e]*$/;

/** Lines of printable characters: only line feeds and tabs remain of what acts; anything else shows as U+FFFD. */
export const plainText = (text: string): string =>
  PLAIN.test(text)
    ? text
    : text.replace(ESCAPE_SEQUENCES, '').replace(ACTING, (sign) => (sign === '\n' || sign === '\t' ? sign : '\ufffd'));

/** One line of printable characters. */
export const plainLine = (text: string): string => plainText(text.replaceAll('\r\n', '\n')).replace(/[\n\t]+/g, ' ');

/** A copy of plain data in which every text is plain, keys included. */
export function plainTexts<T>(value: T): T {
  if (typeof value === 'string') return plainText(value) as T;
  if (Array.isArray(value)) return value.map(plainTexts) as T;
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [plainText(key), plainTexts(inner)])) as T;
}

/**
 * JSON in which all that is not printable ASCII is escaped: any reader gets the same value, and no terminal is told
 * anything.
 */
export const asciiJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, undefined, indent).replace(
    /[^\n\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/**
 * Breaks the commands that CI systems read out of the logs of their jobs: GitHub's `::name::` at the start of a line,
 * `##[name]`, `##vso[...]` and `##teamcity[...]` anywhere. One blank is put in, so that a reader still sees what stood
 * there.
 */
export const withoutLogCommands = (text: string): string =>
  text.replace(/^([^\S\n]*):(?=:)/gm, '$1: ').replace(/##(?=[a-z]*\[)/gi, '## ');

/**
 * The text of a mail, with its headers: in a mailbox file a line that starts with `From ` begins another mail, and a
 * line with a lone dot ends one on its way.
 */
export const mailText = (lines: readonly string[]): string =>
  lines
    .flatMap((line) => line.split('\n'))
    .map((line) => line.replace(/^(?=>*From )/, '>').replace(/^\.$/, ' .'))
    .join('\n');
