/**
 * Sample logs and what is read out of them. UPDATE_GOLDEN=1 writes the expectations anew: look at the difference before
 * it is committed.
 * NAME.log is a log as a console or a program keeps it, NAME.kmsg what /dev/kmsg gives. testdata/README.md says where
 * they come from.
 */
import { expect, test } from '@playwright/test';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { consoleLines, parseRecords } from './line.ts';
import { logPatterns } from './patterns.ts';
import { deathIn, kernelEvents } from './reader.ts';

const folder = join(import.meta.dirname, 'testdata');
const samples = readdirSync(folder)
  .filter((name) => /\.(log|kmsg)$/.test(name))
  .sort();

const linesOf = (name: string) => {
  const text = readFileSync(join(folder, name), 'latin1');
  return name.endsWith('.kmsg') ? parseRecords(text) : consoleLines(text.split('\n'));
};

/** Of a report's text its extent is enough: first and last line, and how many. */
function expectationOf(name: string): object {
  const lines = linesOf(name);
  const died = deathIn(lines);
  const events = kernelEvents(lines).map((event) => {
    if (!('text' in event)) return event;
    const { text, ...rest } = event;
    const all = text.split('\n');
    return { ...rest, lines: all.length, first: all[0], last: all.at(-1) };
  });
  return { events, ...(died !== undefined && { died }) };
}

for (const name of samples) {
  test(`should read what ${name} says`, () => {
    const file = join(folder, `${name.replace(/\.\w+$/, '')}.json`);
    const found = expectationOf(name);
    if (process.env['UPDATE_GOLDEN']) writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
    expect(existsSync(file), `${file} is there; UPDATE_GOLDEN=1 writes it`).toBe(true);
    expect(found).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });
}

test('should have a sample for each kind of report', () => {
  const lines = samples.flatMap((name) => [...linesOf(name)]).map(({ text }) => text);
  const decided = new Set(lines.map((text) => logPatterns.find(({ start }) => new RegExp(start).test(text))?.name));
  expect(logPatterns.map(({ name }) => name).filter((name) => !decided.has(name))).toEqual([]);
});

test('should give titles that name no address, offset, processor or thread', () => {
  for (const name of samples) {
    for (const event of kernelEvents(linesOf(name))) {
      if ('title' in event)
        expect(event.title, name).not.toMatch(/\+0x|\b[0-9a-f]{12,16}\b|CPU#?:? ?\d|PID: \d|\/\d+\b/);
    }
  }
});
