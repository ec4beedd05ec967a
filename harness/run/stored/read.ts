/**
 * Finds stored observations: records of one file each, lines of results, findings, and directories of them at any
 * depth.
 */
import { closeSync, createReadStream, existsSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { errnoOf, messageOf } from '../../../model/errors.ts';
import { readRegularText, requireRegular } from '../../../files/regular-file.ts';
import type { Numbers } from '../../../uapi/numbers.ts';
import { headerOfResults } from './numbers.ts';
import { isCaseAlone, storedIncidents, storedItem, type StoredItem, type StoredRecord } from './record.ts';

/** Files of results that hold no observation. */
const withoutRecords: ReadonlySet<string> = new Set(['coverage.json', 'night.json', 'report.json', 'index.json']);
const LINES = /\.jsonl$|\.ndjson$/;

/** Everything that `path` holds, in the order of names. Nothing is thrown: what cannot be read is an item. */
export async function* storedItems(path: string): AsyncGenerator<StoredItem> {
  const known = new Map<string, Numbers | undefined>();
  for await (const item of itemsOf(path)) yield item.kind === 'record' ? withNumbers(item, known) : item;
}

/** `known`: by the directory of a record. */
function withNumbers(record: StoredRecord, known: Map<string, Numbers | undefined>): StoredItem {
  const { place } = record;
  const directory = dirname(place.file);
  try {
    if (!known.has(directory)) known.set(directory, headerOfResults(place.file)?.numbers);
  } catch (error) {
    return { kind: 'unreadable', place, reason: messageOf(error) };
  }
  const numbers = known.get(directory);
  return numbers ? { ...record, numbers } : record;
}

async function* itemsOf(path: string): AsyncGenerator<StoredItem> {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(path).isDirectory();
  } catch (error) {
    yield {
      kind: 'unreadable',
      place: { file: path },
      reason: errnoOf(error) === 'ENOENT' ? 'there is no such file or directory' : messageOf(error),
    };
    return;
  }
  if (isDirectory) yield* inDirectory(path);
  else if (LINES.test(path)) yield* inLines(path);
  else yield* inFile(path);
}

async function* inDirectory(directory: string): AsyncGenerator<StoredItem> {
  let entries;
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    yield { kind: 'unreadable', place: { file: directory }, reason: messageOf(error) };
    return;
  }
  // The observations of the case files in findings/ are in findings.jsonl.
  const isRun = entries.some(({ name }) => name === 'cases.jsonl');
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (!isRun) yield* inDirectory(path);
    } else if (LINES.test(entry.name)) {
      yield* inLines(path);
    } else if (entry.name === 'summary.json') {
      yield* inSummary(path);
    } else if (entry.name.endsWith('.json')) {
      if (!withoutRecords.has(entry.name)) yield* inFile(path);
    } else if (!isRun) {
      yield { kind: 'other-file', place: { file: path } };
    }
  }
}

async function* inSummary(path: string): AsyncGenerator<StoredItem> {
  try {
    yield* storedIncidents(JSON.parse(readRegularText(path)), path);
  } catch (error) {
    yield { kind: 'unreadable', place: { file: path }, reason: messageOf(error) };
  }
}

async function* inFile(path: string): AsyncGenerator<StoredItem> {
  let text: string;
  try {
    text = readRegularText(path);
  } catch (error) {
    yield { kind: 'unreadable', place: { file: path }, reason: messageOf(error) };
    return;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    // One record a line, under another name than results have.
    if (isLine(text.slice(0, text.indexOf('\n') + 1))) yield* inLines(path);
    else yield { kind: 'unreadable', place: { file: path }, reason: `this is no JSON (${messageOf(error)})` };
    return;
  }
  if (Array.isArray(json)) {
    if (json.length === 0) yield { kind: 'nothing', place: { file: path }, reason: 'an empty list' };
    for (const [index, one] of json.entries()) yield storedItem(one, { file: path, index });
    return;
  }
  let finding: unknown;
  try {
    finding = await findingOf(path, json);
  } catch (error) {
    yield { kind: 'unreadable', place: { file: findingsBeside(path) }, reason: messageOf(error) };
    return;
  }
  yield finding ? storedItem(finding, { file: path }) : storedItem(json, { file: path });
}

const isLine = (text: string): boolean => {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
};

const findingsBeside = (caseFile: string): string => join(dirname(caseFile), '..', 'findings.jsonl');

/** What findings.jsonl of the same results holds about the case file of a finding. */
async function findingOf(path: string, json: unknown): Promise<unknown> {
  if (typeof json !== 'object' || json === null || !isCaseAlone(json as Record<string, unknown>)) return undefined;
  const lines = findingsBeside(path);
  if (!existsSync(lines)) return undefined;
  for await (const { json: line } of linesOf(lines)) {
    const file = (line as { file?: unknown } | undefined)?.file;
    if (typeof file === 'string' && basename(file) === basename(path)) return line;
  }
  return undefined;
}

async function* inLines(path: string): AsyncGenerator<StoredItem> {
  try {
    for await (const { line, json, problem, isLast } of linesOf(path)) {
      const place = { file: path, line };
      if (problem === undefined) yield storedItem(json, place);
      // A run that was killed wrote no more of it; what stands before is good.
      else if (isLast)
        yield { kind: 'nothing', place, reason: 'the last line breaks off: the run ended while it was written' };
      else yield { kind: 'unreadable', place, reason: `this is no JSON (${problem})` };
    }
  } catch (error) {
    yield { kind: 'unreadable', place: { file: path }, reason: messageOf(error) };
  }
}

interface Line {
  line: number;
  json?: unknown;
  problem?: string;
  /** Nothing follows it, not even the end of the line. */
  isLast: boolean;
}

async function* linesOf(path: string): AsyncGenerator<Line> {
  requireRegular(path);
  const endsWhole = endsWithNewline(path);
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity });
  let line = 0;
  let pending: Line | undefined;
  for await (const text of lines) {
    line += 1;
    if (pending) yield pending;
    pending = undefined;
    if (text.trim() === '') continue;
    try {
      pending = { line, json: JSON.parse(text), isLast: false };
    } catch (error) {
      pending = { line, problem: messageOf(error), isLast: false };
    }
  }
  if (pending) yield { ...pending, isLast: !endsWhole };
}

function endsWithNewline(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const last = Buffer.alloc(1);
    return size === 0 || (readSync(file, last, 0, 1, size - 1) === 1 && last[0] === 10);
  } finally {
    closeSync(file);
  }
}
