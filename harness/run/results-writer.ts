/** Writes a results directory while a run goes on; see harness/model/results.ts for the format. */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseRecord, RunSummary } from '../model/results.ts';

/** A summary is rewritten at most this often: it is small, but a fast campaign finishes thousands of cases a second. */
const SUMMARY_INTERVAL_MS = 1000;

export class ResultsWriter {
  readonly directory: string;
  #cases: number;
  #console: number;
  #lastSummaryMs = 0;

  /** Creates the directory. Throws when it holds results already, and whatever the file system says. */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    if (readdirSync(directory).some((name) => name === 'summary.json' || name === 'cases.jsonl')) {
      throw new ResultsExist(directory);
    }
    this.directory = directory;
    this.#cases = openSync(join(directory, 'cases.jsonl'), 'a');
    this.#console = openSync(join(directory, 'console.log'), 'a');
  }

  append(record: CaseRecord): void {
    writeSync(this.#cases, `${JSON.stringify(record)}\n`);
  }

  appendConsole(text: string): void {
    writeSync(this.#console, text);
  }

  /** Replaces summary.json when it is old enough. */
  update(summary: RunSummary): void {
    if (Date.now() - this.#lastSummaryMs >= SUMMARY_INTERVAL_MS) this.#writeSummary(summary);
  }

  /** Writes the final summary and closes the files. */
  finish(summary: RunSummary): void {
    fsyncSync(this.#cases);
    this.#writeSummary(summary);
    closeSync(this.#cases);
    closeSync(this.#console);
  }

  #writeSummary(summary: RunSummary): void {
    const temporary = join(this.directory, 'summary.json.new');
    writeFileSync(temporary, `${JSON.stringify(summary, undefined, 1)}\n`);
    renameSync(temporary, join(this.directory, 'summary.json'));
    this.#lastSummaryMs = Date.now();
  }
}

/** The directory already holds the results of another run, which must not be mixed with this one's. */
export class ResultsExist extends Error {
  constructor(directory: string) {
    super(`${directory} already holds results; give another --out directory, or move those away`);
  }
}
