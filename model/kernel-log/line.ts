/** Lines of a kernel's log, however they were kept: as records of /dev/kmsg, on a console, by dmesg, by a journal. */

export interface LogLine {
  /** Without prefix, control characters and line end. */
  text: string;
  /**
   * Who printed it, where the kernel says so (CONFIG_PRINTK_CALLER): `T123` a thread, `C1` a processor outside of
   * threads.
   */
  caller?: string;
  /** The kernel kept the beginning of it only. */
  cut?: true;
  /** The kernel's time stamp was there: on a console that has some, lines without one were printed by user space. */
  stamped: boolean;
}

/**
 * Longer messages are cut (kernel/printk/internal.h, PRINTKRB_RECORD_MAX, which counts their end); one that finds no
 * room says so.
 */
const longestMessage = 1023;
const isCut = (message: string): boolean => message.length >= longestMessage || message.endsWith('<truncated>');

const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[ -/]*[0-Z\\-~])/g;
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f]/g;

/** `<4>`, as the kernel's ring buffer and netconsole have it. */
const LEVEL = /^<\d{1,3}>/;
/** `kern  :warn  : `, of dmesg --decode. */
const DECODED = /^[a-z]+\s*:[a-z]+\s*: /;
/** `Nov 30 03:41:55 host kernel: ` and the same with an ISO 8601 time, of syslog and journals. */
const JOURNAL = /^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*) \S+ kernel: /;
/**
 * `[   12.345678] `, `[Mon Nov 30 03:41:55 2026] `, `[Nov30 03:41] `, `[  +0.000012] `, each with or without a caller.
 */
const STAMP =
  /^\[\s*(?:\+?\d+\.\d+|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}|[A-Z][a-z]{2}\s?\d\d? \d\d:\d\d)\] ?/;
const CALLER = /^\[\s*([TC]\d+)\] ?/;
/** `host kernel: ` behind the stamp, of journalctl -o short-monotonic. */
const MONOTONIC = /^(?!kernel:)\S+ kernel: /;

/** Takes the prefix off a line. */
export function logLine(raw: string): LogLine {
  let text = raw.replace(ESCAPES, '').replace(CONTROLS, '');
  let stamped = false;
  let caller: string | undefined;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    const match = pattern.exec(text);
    if (match) text = text.slice(match[0].length);
    return match;
  };
  take(LEVEL);
  take(DECODED);
  if (take(JOURNAL)) stamped = true;
  if (take(STAMP)) {
    stamped = true;
    take(MONOTONIC);
  }
  if (stamped) caller = take(CALLER)?.[1];
  return { text, stamped, ...(caller !== undefined && { caller }), ...(isCut(text) && { cut: true }) };
}

/** Lines of a console or a stored log. Where the kernel's lines have stamps, those of user space are left out. */
export function consoleLines(raw: readonly string[]): LogLine[] {
  const lines = raw.map(logLine);
  return lines.some(({ stamped }) => stamped)
    ? lines.filter(({ stamped, text }) => stamped || /^\*\* \d+ printk messages/.test(text))
    : lines;
}

/** A record of /dev/kmsg: `prio,seq,timestamp,flags[,caller=T123];text` (Documentation/ABI/testing/dev-kmsg). */
export interface LogRecord extends LogLine {
  seq: number;
}

const RECORD = /^(\d+),(\d+),\d+,[^,;]*((?:,[^;]*)?);(.*)$/;
/** Priorities from here on are of other facilities than the kernel's own: a program wrote to /dev/kmsg. */
const FIRST_OF_PROGRAMS = 8;

/**
 * Records, one for each line of their text: what a record holds besides printable characters is escaped, line ends too.
 * Of what programs wrote only the number is kept.
 */
export function parseRecords(text: string): LogRecord[] {
  const records: LogRecord[] = [];
  for (const line of text.split('\n')) {
    // Lines that start with a space are the record's dictionary.
    const match = RECORD.exec(line);
    if (!match) continue;
    const caller = /,caller=([TC]\d+)/.exec(match[3]!)?.[1];
    const text = Number(match[1]) < FIRST_OF_PROGRAMS ? unescaped(match[4]!) : '';
    const parts = text.split('\n');
    for (const [index, part] of parts.entries()) {
      records.push({
        seq: Number(match[2]),
        text: part.replace(ESCAPES, '').replace(CONTROLS, ''),
        stamped: true,
        ...(caller !== undefined && { caller }),
        ...(index === parts.length - 1 && isCut(text) && { cut: true }),
      });
    }
  }
  return records;
}

const unescaped = (text: string): string =>
  text.includes('\\x')
    ? text.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    : text;
