/** Text of the trace event fuse_iomap_bad_data, as trace_pipe prints it. */
import type { KernelEvent } from './observation.ts';

const eventLine = /\bfuse_iomap_bad_data:\s*(.*)$/;
const lostLine = /LOST (\d+) EVENTS/;
/** In place of an event whose text is longer than a page (kernel/trace/trace.c); nobody knows what it was. */
const tooBigLine = /\[LINE TOO BIG\]/;
/**
 * Kernels may print `func name`, `func=name` or `func: name`; the condition is the last field, since it may hold
 * anything.
 */
const fields =
  /\bfunc(?:tion)?[ =:]+"?([A-Za-z0-9_.]+)"?,?\s+line[ =:]+(\d+),?\s+(?:cond(?:ition)?|what|why|msg)[ =:]+(.*)$/;

export function parseTrace(text: string): KernelEvent[] {
  const events: KernelEvent[] = [];
  for (const line of text.split('\n')) {
    const lost = lostLine.exec(line);
    if (lost) events.push({ kind: 'lost-events', source: 'trace', count: Number(lost[1]) });
    if (tooBigLine.test(line)) {
      events.push({ kind: 'lost-events', source: 'trace', count: 1 });
      continue;
    }
    const event = eventLine.exec(line);
    if (!event) continue;
    const match = fields.exec(event[1]!);
    // An event that cannot be read is shown whole: it must not vanish.
    events.push(
      match
        ? { kind: 'bad-data', func: match[1]!, line: Number(match[2]), condition: match[3]!.trim() }
        : { kind: 'bad-data', func: '', line: 0, condition: event[1]! },
    );
  }
  return events;
}
