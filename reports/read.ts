/**
 * Reads a results directory: summary.json at once, cases.jsonl line by line, so that 100,000 cases do not need their
 * size in memory.
 */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readRegularText, requireRegular } from '../files/regular-file.ts';
import { honestVerdict } from '../model/nothing-judged.ts';
import { plainText, plainTexts } from '../model/plain-text.ts';
import {
  caseRecord,
  findingRecord,
  firstIssue,
  RESULTS_FORMAT,
  type CaseRecord,
  type FindingRecord,
} from '../model/results.ts';
import { runSummary, type RunSummary } from '../model/run-summary.ts';
import type { ResultsProblem } from './errors.ts';
import { strayIn } from './stray.ts';

export type CaseLine =
  /** `start` and `lengthBytes` (without the newline) locate the line in the file. */
  | ({ kind: 'case'; line: number; start: number; lengthBytes: number } & ReadRecord<CaseRecord>)
  /** The last line has no end: the run was killed while it wrote. What stands before it is good. */
  | { kind: 'truncated'; line: number }
  | ResultsProblem;

/** A record that was read. `stray`: what its verdict holds that belongs to another kind of verdict, for people. */
export interface ReadRecord<R> {
  record: R;
  stray?: string;
}

const readLater = ['cases.jsonl', 'findings.jsonl'];

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * summary.json of a results directory, validated. The other files are refused here, too, when reading them might never
 * end.
 */
export function readSummary(directory: string): { kind: 'summary'; summary: RunSummary } | ResultsProblem {
  let path = join(directory, 'summary.json');
  let text: string;
  try {
    if (!existsSync(directory)) return { kind: 'absent', path: directory };
    if (!statSync(directory).isDirectory()) return { kind: 'not-results', path: directory };
    if (!existsSync(path))
      return { kind: existsSync(join(directory, 'cases.jsonl')) ? 'no-summary' : 'not-results', path: directory };
    text = readRegularText(path);
    for (const name of readLater) {
      path = join(directory, name);
      if (existsSync(path)) requireRegular(path);
    }
    path = join(directory, 'summary.json');
  } catch (error) {
    return { kind: 'unreadable', path, detail: messageOf(error) };
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { kind: 'corrupt', path, detail: messageOf(error) };
  }
  // Before the schema: a newer format may differ in everything else.
  const found = (json as { format?: unknown } | null)?.format;
  if (typeof found === 'number' && found > RESULTS_FORMAT)
    return { kind: 'newer-format', path: directory, found, known: RESULTS_FORMAT };
  const parsed = runSummary.safeParse(json);
  return parsed.success
    ? { kind: 'summary', summary: plainTexts(parsed.data) }
    : { kind: 'corrupt', path, detail: firstIssue(parsed.error) };
}

/**
 * The lines of cases.jsonl in file order. Ends after the first problem. A run that was killed before its first case has
 * no such file.
 */
export async function* readCases(directory: string): AsyncGenerator<CaseLine> {
  const path = join(directory, 'cases.jsonl');
  if (!existsSync(path)) return;
  let line = 0;
  try {
    requireRegular(path);
    for await (const { bytes, start, ended } of splitLines(path)) {
      line += 1;
      const parsed = parseLine(bytes);
      // A whole record without its newline is still a record.
      if (!ended && parsed.kind === 'bad') yield { kind: 'truncated', line };
      else if (parsed.kind === 'bad') yield { kind: 'corrupt', path, line, detail: parsed.detail };
      else yield { ...parsed, kind: 'case', line, start, lengthBytes: bytes.length };
      if (parsed.kind === 'bad') return;
    }
  } catch (error) {
    yield { kind: 'unreadable', path, detail: messageOf(error) };
  }
}

export type FindingLine =
  | ({ kind: 'finding'; text: string } & ReadRecord<FindingRecord>)
  /** The last line has no end: a run that was killed while it wrote leaves one. */
  | { kind: 'truncated'; line: number }
  /** No finding, or one that lacks its example or its verdict. */
  | { kind: 'bad'; line: number; text: string; detail: string };

/** The lines of findings.jsonl as they stand there. */
export function readFindings(directory: string): FindingLine[] {
  const path = join(directory, 'findings.jsonl');
  if (!existsSync(path)) return [];
  const lines = readRegularText(path).split('\n');
  return lines.flatMap((text, index): FindingLine[] => {
    const line = index + 1,
      isLast = line === lines.length;
    if (isLast && text === '') return [];
    const parsed = parseFinding(text);
    if (parsed.kind === 'finding') return [{ ...parsed, text }];
    return [isLast ? { kind: 'truncated', line } : { kind: 'bad', line, text, detail: parsed.detail }];
  });
}

function parseFinding(
  text: string,
): ({ kind: 'finding' } & ReadRecord<FindingRecord>) | { kind: 'bad'; detail: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { kind: 'bad', detail: messageOf(error) };
  }
  const parsed = findingRecord.safeParse(json);
  if (!parsed.success) return { kind: 'bad', detail: firstIssue(parsed.error) };
  const { file, example } = parsed.data;
  return {
    kind: 'finding',
    record: { ...parsed.data, file: plainText(file), example: plainRecord(example) },
    ...withStray((json as FindingRecord).example),
  };
}

/** `stored`: as it came from JSON. */
function withStray(stored: { verdict: object }): Pick<ReadRecord<unknown>, 'stray'> {
  const stray = strayIn(stored.verdict);
  return stray === undefined ? {} : { stray };
}

/**
 * What a kernel made the guest say, and what stands in somebody else's results, is shown as text and does nothing else.
 * The case and the observation stay as they are: they are decoded before anything of them is shown.
 */
function plainRecord({ case: value, observation, verdict, ...texts }: CaseRecord): CaseRecord {
  return {
    ...plainTexts({ ...texts, verdict: honestVerdict(verdict) }),
    ...(value !== undefined && { case: value }),
    ...(observation !== undefined && { observation }),
  };
}

function parseLine(bytes: Buffer): ({ kind: 'good' } & ReadRecord<CaseRecord>) | { kind: 'bad'; detail: string } {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    return { kind: 'bad', detail: messageOf(error) };
  }
  const parsed = caseRecord.safeParse(json);
  if (!parsed.success) return { kind: 'bad', detail: firstIssue(parsed.error) };
  const { crashes = [], verdict } = parsed.data;
  if (crashes.length > 0 && verdict.kind !== 'deviates')
    return { kind: 'bad', detail: `the kernel went down in one of its tries, and the verdict is ${verdict.kind}` };
  return { kind: 'good', record: plainRecord(parsed.data), ...withStray(json as CaseRecord) };
}

/** node:readline does not say whether the last line ended, nor where a line starts. */
async function* splitLines(path: string): AsyncGenerator<{ bytes: Buffer; start: number; ended: boolean }> {
  let pending: Buffer[] = [];
  let start = 0;
  let position = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      pending.push(chunk.subarray(from, at));
      yield { bytes: Buffer.concat(pending), start, ended: true };
      pending = [];
      from = at + 1;
      start = position + from;
    }
    if (from < chunk.length) pending.push(chunk.subarray(from));
    position += chunk.length;
  }
  if (pending.length > 0) yield { bytes: Buffer.concat(pending), start, ended: false };
}
