/** Reads a kernel's log line by line and tells its reports apart. */
import type { KernelEvent } from '../observation.ts';
import type { LogLine } from './line.ts';
import {
  ASSERTION,
  BAD_MAPPING,
  CUT_HERE,
  DROPPED,
  PANIC_OF_REPORT,
  WARN_END,
  logPatterns,
  type LogPattern,
  type ReportKind,
} from './patterns.ts';
import { titleOf } from './title.ts';

interface Row {
  pattern: LogPattern;
  start: RegExp;
  end?: RegExp;
  belongs?: RegExp;
}

const rows: readonly Row[] = logPatterns.map((pattern) => ({
  pattern,
  start: new RegExp(pattern.start),
  ...(pattern.end && { end: new RegExp(pattern.end) }),
  ...(pattern.belongs !== undefined && { belongs: new RegExp(pattern.belongs) }),
}));
/** Most lines are nobody's: one look tells. */
const anyStart = new RegExp(logPatterns.map(({ start }) => `(?:${start})`).join('|'));
const cutHere = new RegExp(CUT_HERE),
  warnEnd = new RegExp(WARN_END),
  dropped = new RegExp(DROPPED);
const panicOfReport = new RegExp(PANIC_OF_REPORT);
const badMapping = new RegExp(BAD_MAPPING),
  assertion = new RegExp(ASSERTION);

/** A report on its way. */
interface Block {
  lines: string[];
  row?: Row;
  /** The line that named it. */
  headline?: string;
  condition?: Extract<KernelEvent, { kind: 'bad-mapping-warn' | 'assertion' }>;
  /** It began with `[ cut here ]`. */
  delimited: boolean;
  /** Its headlines so far; see `LogPattern.stage`. */
  stage: number;
  /** What came before the headline to explain it, and what the report is because of that. */
  message?: string;
  kind?: ReportKind;
  /** The report that its stream was in when it began. */
  before?: Block;
  /** Its end was seen, or it needs none: what comes next may still be its own, but nothing must. */
  over: boolean;
  /** It was handed out already; what still comes of it says nothing new. */
  told: boolean;
  /** It is part of another report. */
  absorbed: boolean;
  /** The one that goes on where this one ended. */
  rest?: Block;
}

/** A report is cut behind so many lines; a kernel that prints without end must not fill the memory. */
const MOST_LINES = 1000;
/** Reports that were begun and not ended, because their ends were lost or another processor's came between. */
const MOST_OPEN = 8;

export class LogReader {
  /** By who printed it, where the kernel says so; the innermost report last. */
  readonly #open = new Map<string, Block[]>();
  /** In the order of their first lines. */
  #blocks: Block[] = [];
  #lost = 0;
  /** The last report that a panic may be the end of. */
  #latest: Block | undefined;

  push(lines: Iterable<LogLine>): void {
    for (const { text, caller = '', cut } of lines) {
      this.#line(text, caller);
      // What its end would have said is not known.
      if (cut) this.#lost += 1;
    }
  }

  /**
   * What was read since the last time. A report that goes on is handed out as it is, and the rest of it is dropped when
   * it comes; one that has not said yet what it is waits.
   */
  take(): KernelEvent[] {
    const events: KernelEvent[] = this.#lost > 0 ? [{ kind: 'lost-events', source: 'kmsg', count: this.#lost }] : [];
    this.#lost = 0;
    for (const block of this.#blocks) {
      const event = block.told || block.absorbed ? undefined : eventOf(block);
      if (event) events.push(event);
      block.told ||= event !== undefined;
    }
    const open = new Set([...this.#open.values()].flat());
    this.#blocks = this.#blocks.filter((block) => !block.told && open.has(block));
    // A chain of them would keep all that was ever read.
    for (const block of open) delete block.before;
    return events;
  }

  #line(text: string, caller: string): void {
    const gap = dropped.exec(text);
    if (gap) {
      this.#lost += Number(gap[1]);
      return;
    }
    const stack = this.#open.get(caller) ?? [];
    if (stack.length === 0) this.#open.set(caller, stack);
    if (cutHere.test(text)) {
      const top = stack.at(-1);
      // A message may come right before the WARN or BUG that it explains.
      if (top && top.row?.pattern.explains === 'before' && top.lines.length === 1) {
        top.delimited = true;
        top.lines.push(text);
      } else this.#begin(stack, { lines: [text], delimited: true });
      return;
    }
    const condition = conditionOf(text);
    if (condition) this.#condition(stack, text, condition);
    else if (!anyStart.test(text) || !this.#headline(stack, text)) this.#body(stack, text);
  }

  #begin(stack: Block[], of: Partial<Block> & { lines: string[] }): Block {
    const before = stack.at(-1);
    while (stack.length > 0 && (stack.at(-1)!.over || isOpenEnded(stack.at(-1)!))) stack.pop();
    if (stack.length >= MOST_OPEN) stack.shift();
    const block: Block = {
      delimited: false,
      stage: 0,
      over: false,
      told: false,
      absorbed: false,
      ...(before && { before }),
      ...of,
    };
    stack.push(block);
    this.#blocks.push(block);
    return block;
  }

  #condition(stack: Block[], text: string, condition: NonNullable<Block['condition']>): void {
    const waiting = stack.find((block) => block.delimited && !block.row && !block.condition && !block.over);
    if (waiting) {
      waiting.condition = condition;
      waiting.lines.push(text);
    } else this.#begin(stack, { lines: [text], condition });
  }

  /**
   * A line that names a report: a new one, or another headline of one that is open. False: it is an ordinary line after
   * all.
   */
  #headline(stack: Block[], text: string): boolean {
    const row = rows.find(({ start }) => start.test(text))!;
    const top = stack.at(-1);
    const { stage = 0, name, explains } = row.pattern;
    if (top?.row?.belongs?.test(text)) return false;
    if (name === 'warn' || name === 'bug-on' || name === 'bug-nowhere') {
      // What began with `[ cut here ]`, a condition or a message; of two at a time the earlier one.
      const waiting = stack.find(
        (block) =>
          !block.over &&
          (!block.row || block.row.pattern.explains) &&
          (block.delimited || block.condition || block.lines.length === 1),
      );
      if (waiting) {
        if (waiting.before?.row?.belongs?.test(text)) waiting.absorbed = true;
        if (this.#followsFortify(text)) {
          waiting.absorbed = true;
          this.#latest!.rest = waiting;
        }
        if (waiting.row) Object.assign(waiting, { message: waiting.headline, kind: waiting.row.pattern.kind });
        else if (!waiting.condition) Object.assign(waiting, { message: messageOf(waiting) });
        if (name !== 'warn') delete waiting.condition;
        this.#name(waiting, row, text);
        return true;
      }
    }
    // Other reports have their headline right behind `[ cut here ]`, and what explains a WARN stands there, too.
    if (top?.delimited && !top.row && !top.condition && !top.over && (top.lines.length === 1 || explains)) {
      this.#name(top, row, text);
      return true;
    }
    if (stage > 0) {
      const earlier =
        [...stack].reverse().find((block) => (block.row?.pattern.stage ?? 0) > 0 && block.stage < stage) ??
        (stage === 3 && panicOfReport.test(text) ? this.#latest : undefined);
      if (earlier) {
        earlier.stage = stage;
        add(earlier, text);
        return true;
      }
    }
    // Inside of a report these are remarks about it.
    if (top && !top.over && row.pattern.end === '' && (row.pattern.kind === 'ended' || row.pattern.kind === 'notice'))
      return false;
    this.#name(this.#begin(stack, { lines: [] }), row, text);
    return true;
  }

  /**
   * lib/string_helpers.c, __fortify_panic: it warns of an overflow, and then makes a BUG of it, which says nothing new.
   */
  #followsFortify(text: string): boolean {
    return fortifyPanic.test(text) && this.#latest?.message !== undefined && fortify.start.test(this.#latest.message);
  }

  #name(block: Block, row: Row, text: string): void {
    block.row = row;
    block.headline = text;
    block.stage = row.pattern.stage ?? 0;
    add(block, text);
    block.over ||= row.pattern.end === '';
    if (row.pattern.kind !== 'notice' && row.pattern.kind !== 'ended' && !block.absorbed) this.#latest = block;
  }

  #body(stack: Block[], text: string): void {
    const top = stack.at(-1);
    if (!top || (top.over && !isOpenEnded(top))) return;
    // The console adds a panic's texts, and an oops its summary, behind the end.
    add(top, text);
    const end = top.row?.end ?? (top.delimited || top.condition ? warnEnd : undefined);
    if (!end?.test(text) || top.lines.length < 2) return;
    top.over = true;
    // The report around it goes on; that of a crash has no end.
    if (!top.row?.pattern.stage) stack.pop();
  }
}

const isOpenEnded = ({ row, delimited, over }: Block): boolean =>
  row !== undefined && (delimited ? over && (row.pattern.stage ?? 0) > 0 : row.pattern.end === undefined);

function add(block: Block, text: string): void {
  if (!block.told && block.lines.length < MOST_LINES) block.lines.push(text);
}

function conditionOf(text: string): Block['condition'] {
  const bad = badMapping.exec(text);
  const match = bad ?? assertion.exec(text);
  return match
    ? { kind: bad ? 'bad-mapping-warn' : 'assertion', condition: match[1]!, func: match[2]!, line: Number(match[3]) }
    : undefined;
}

const fortify = rows.find(({ pattern: { name } }) => name === 'fortify')!;
const fortifyPanic = /^kernel BUG at lib\/string_helpers\.c:/;

/** A report's stack begins within so many lines. */
const NEAR = 12;
const CALL_TRACE = /^Call Trace:/;

/** What a WARN says, between `[ cut here ]` and its headline. */
const messageOf = ({ lines }: Block): string | undefined => lines.slice(1).find((line) => line.trim() !== '');

function eventOf(block: Block): KernelEvent | undefined {
  const { row, condition, headline, lines, message } = block;
  if (condition) return condition;
  if (!row || headline === undefined) return undefined;
  const title = titleOf(row.pattern, row.start, headline, lines, message);
  const text = [...lines, ...(block.rest?.lines ?? [])].join('\n');
  if (row.pattern.kind === 'ended') return { kind: 'channel-ended', channel: 'lockdep', title, text };
  const { alone } = row.pattern;
  const isAlone = !block.delimited && !lines.slice(0, NEAR).some((line) => CALL_TRACE.test(line));
  const kind = alone && isAlone ? alone : row.pattern.kind;
  return { kind: block.kind === 'bug' ? 'bug' : kind, title, text };
}

/** All reports of a log that is there as a whole. */
export function kernelEvents(lines: Iterable<LogLine>): KernelEvent[] {
  const reader = new LogReader();
  reader.push(lines);
  return reader.take();
}

const oops = rows.filter(({ pattern }) => pattern.stage !== undefined && pattern.stage < 3),
  panic = /^Kernel panic - not syncing: .*$/m;

/** What the kernel died of: the report's title, with the panic it led to. Undefined: the log shows no death. */
export function deathIn(lines: Iterable<LogLine>): string | undefined {
  for (const event of kernelEvents(lines)) {
    if (!('text' in event) || event.kind === 'notice' || event.kind === 'channel-ended') continue;
    const end = panic.exec(event.text)?.[0];
    if (end !== undefined) return event.title.startsWith('Kernel panic') ? end : `${event.title} (${end})`;
    // The panic's line may have been lost.
    if (event.text.split('\n').some((line) => oops.some(({ start }) => start.test(line)))) return event.title;
  }
  return undefined;
}
