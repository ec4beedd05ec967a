/** The kernel log, read as records and told apart into events. */
import type { KernelEvent } from '../../model/observation.ts';

/** A record of /dev/kmsg: `prio,seq,timestamp,flags;text` (Documentation/ABI/testing/dev-kmsg). */
export interface LogRecord { seq: number; text: string }

export function parseRecords(text: string): LogRecord[] {
  const records: LogRecord[] = [];
  for (const line of text.split('\n')) {
    // Lines that start with a space are the record's dictionary.
    const match = /^\d+,(\d+),[^;]*;(.*)$/.exec(line);
    if (match) records.push({ seq: Number(match[1]), text: match[2]! });
  }
  return records;
}

/** What a report is, by the line that names it. The first row that matches decides. */
const titles: readonly { pattern: RegExp; kind: 'warning' | 'bug' }[] = [
  { pattern: /^BUG: KASAN:/, kind: 'bug' },
  { pattern: /^BUG: KCSAN:/, kind: 'bug' },
  { pattern: /^UBSAN:/, kind: 'bug' },
  { pattern: /^BUG: /, kind: 'bug' },
  { pattern: /^kernel BUG at /, kind: 'bug' },
  { pattern: /^(Oops|general protection fault|divide error|invalid opcode|stack segment|double fault)\b/, kind: 'bug' },
  { pattern: /^Unable to handle kernel /, kind: 'bug' },
  { pattern: /^Kernel panic - not syncing/, kind: 'bug' },
  { pattern: /^(watchdog: )?BUG: (soft|hard) lockup/, kind: 'bug' },
  { pattern: /^rcu: INFO: .*detected stalls/, kind: 'bug' },
  { pattern: /^INFO: task .* blocked for more than/, kind: 'bug' },
  { pattern: /^INFO: (rcu_|trying to register non-static key|possible )/, kind: 'bug' },
  { pattern: /^WARNING: (possible (circular|recursive) locking|inconsistent lock state|suspicious RCU|lock held when|bad unlock balance)/, kind: 'bug' },
  { pattern: /^WARNING: /, kind: 'warning' },
];
const cutHere = /^-+\[ cut here \]-+$/;
const endTrace = /^---\[ end trace [0-9a-f]+ \]---$/;
const separator = /^={20,}$/;
const condition = /^(Bad mapping|Assertion failed): (.*), func: (\S+), line: (\d+)$/;

interface Block { lines: string[]; title?: string; kind: 'warning' | 'bug'; named?: KernelEvent; delimited: boolean }

function conditionEvent(line: string): KernelEvent | undefined {
  const match = condition.exec(line);
  if (!match) return undefined;
  return { kind: match[1] === 'Bad mapping' ? 'bad-mapping-warn' : 'assertion', condition: match[2]!, func: match[3]!, line: Number(match[4]) };
}

/**
 * Events in the order of the log. A block begins at `[ cut here ]` or at a title and ends at `[ end trace ]`, a separator or
 * the next title; a block whose text is a `Bad mapping:` or `Assertion failed:` line is that event and nothing more.
 */
export function classify(records: readonly LogRecord[]): KernelEvent[] {
  const events: KernelEvent[] = [];
  let block: Block | undefined;
  const close = (): void => {
    if (block?.named) events.push(block.named);
    else if (block?.title !== undefined) events.push({ kind: block.kind, title: block.title, text: block.lines.join('\n') });
    block = undefined;
  };
  for (const { text } of records) {
    if (cutHere.test(text)) {
      close();
      block = { lines: [text], kind: 'warning', delimited: true };
      continue;
    }
    const named = conditionEvent(text);
    if (named) {
      if (!block || block.named || block.title !== undefined) {
        close();
        block = { lines: [], kind: 'warning', delimited: false };
      }
      block.named = named;
      block.lines.push(text);
      continue;
    }
    const title = titles.find(({ pattern }) => pattern.test(text));
    if (title && block?.title === undefined) {
      // A WARNING line right behind the condition belongs to it; any other title would be news.
      if (block && !block.delimited && !(block.named && title.kind === 'warning')) close();
      block ??= { lines: [], kind: title.kind, delimited: false };
      block.title = text;
      block.kind = title.kind;
      if (title.kind === 'bug') delete block.named;
      block.lines.push(text);
      continue;
    }
    if (title && title.kind === 'bug') {
      close();
      block = { lines: [text], kind: 'bug', title: text, delimited: false };
      continue;
    }
    if (!block) continue;
    block.lines.push(text);
    if (endTrace.test(text) || separator.test(text) && block.lines.length > 2) close();
  }
  close();
  return events;
}
