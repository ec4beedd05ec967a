/** Small helpers for text that people read. */

/** `3 cases`, `1 case`, `2 boxes`. */
export const plural = (count: number, noun: string): string =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;

/** Breaks at spaces; words longer than the width stay whole. Lines after the first start with `indent` blanks. */
export function wrap(text: string, width: number, indent = 0): string[] {
  const lines: string[] = [];
  const blank = ' '.repeat(indent);
  for (const paragraph of text.split('\n')) {
    let line = lines.length > 0 ? blank : '';
    let empty = true;
    for (const word of paragraph.split(' ')) {
      if (!empty && line.length + 1 + word.length > width) {
        lines.push(line);
        line = blank;
        empty = true;
      }
      line += empty ? word : ` ${word}`;
      empty = false;
    }
    lines.push(line);
  }
  return lines;
}

/** `1 h 02 min`, `3 min 05 s`, `12.3 s`, `250 ms`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  return seconds < 3600
    ? `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`
    : `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
}

/** The last lines of a kernel log, with a word on what stands before them. */
export function logExcerpt(log: string, maxLines: number): string[] {
  const lines = log.trimEnd().split('\n');
  const left = lines.length - maxLines;
  return left > 0 ? [`[... ${plural(left, 'line')} before ...]`, ...lines.slice(left)] : lines;
}
