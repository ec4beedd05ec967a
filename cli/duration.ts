/** Durations on the command line. */
import { InvalidArgumentError } from 'commander';

const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `90s`, `10m`, `2h`. */
export function durationMs(text: string): number {
  const match = /^([1-9]\d{0,6})([smh])$/.exec(text);
  if (!match) throw new InvalidArgumentError('It must be a number with a unit: 90s, 10m, 2h.');
  return Number(match[1]) * unitsMs[match[2]!]!;
}
