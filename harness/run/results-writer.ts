/** Writes a results directory while a run goes on; see harness/model/results.ts for the format. */
import { appendFileSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { InfrastructureError, UsageError, errnoOf, messageOf } from '../../vm/errors.ts';
import type { CaseRecord, FindingRecord, RunSummary } from '../model/results.ts';

/** A summary is rewritten at most this often: it is small, but a fast campaign finishes thousands of cases a second. */
const SUMMARY_INTERVAL_MS = 1000;

export class ResultsWriter {
  readonly directory: string;
  #cases: number;
  #console: number;
  #lastSummaryMs = -Infinity;

  /** Creates the directory. Throws UsageError when it holds results already or cannot be made. */
  constructor(directory: string) {
    try {
      mkdirSync(directory, { recursive: true });
    } catch (error) {
      throw new UsageError(`the results directory ${directory} cannot be made (${messageOf(error)}); name another by --out`);
    }
    if (readdirSync(directory).some((name) => name === 'summary.json' || name === 'cases.jsonl')) {
      throw new UsageError(`${directory} already holds results; give another --out directory, or move those away`);
    }
    this.directory = directory;
    this.#cases = openSync(join(directory, 'cases.jsonl'), 'a');
    this.#console = openSync(join(directory, 'console.log'), 'a');
  }

  append(record: CaseRecord): void {
    this.#write(() => { writeSync(this.#cases, `${JSON.stringify(record)}\n`); });
  }

  appendFinding(record: FindingRecord): void {
    this.#write(() => { appendFileSync(join(this.directory, 'findings.jsonl'), `${JSON.stringify(record)}\n`); });
  }

  appendConsole(text: string): void {
    this.#write(() => { writeSync(this.#console, text); });
  }

  /** Replaces summary.json when it is old enough. */
  update(summary: RunSummary): void {
    if (performance.now() - this.#lastSummaryMs >= SUMMARY_INTERVAL_MS) this.#writeSummary(summary);
  }

  /** Writes the final summary and closes the files. */
  finish(summary: RunSummary): void {
    try {
      this.#write(() => { fsyncSync(this.#cases); });
      this.#writeSummary(summary);
    } finally {
      closeSync(this.#cases);
      closeSync(this.#console);
    }
  }

  /** A full disk ends the run; what was written before stays. */
  #write(action: () => void): void {
    try {
      action();
    } catch (error) {
      const advice = errnoOf(error) === 'ENOSPC' ? 'free some space or name another disk by --out' : 'name another directory by --out';
      throw new InfrastructureError(`the results cannot be written to ${this.directory} (${messageOf(error)}); what finished before is there; ${advice}`);
    }
  }

  #writeSummary(summary: RunSummary): void {
    this.#write(() => {
      const temporary = join(this.directory, 'summary.json.new');
      writeFileSync(temporary, `${JSON.stringify(summary, undefined, 1)}\n`);
      renameSync(temporary, join(this.directory, 'summary.json'));
    });
    this.#lastSummaryMs = performance.now();
  }
}
