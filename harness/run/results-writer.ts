/** Writes a results directory while a run goes on; see model/results.ts for the format. */
import { closeSync, constants, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InfrastructureError, UsageError, errnoOf, messageOf } from '../../model/errors.ts';
import { requireOwn } from '../../vm/paths.ts';
import { Reserve } from '../../files/reserve.ts';
import { requireOrdinary, requireUnlinked } from '../../files/inside.ts';
import { makeDirectory } from '../../files/make-directory.ts';
import type { CaseRecord, FindingRecord } from '../../model/results.ts';
import type { RunSummary } from '../../model/run-summary.ts';

/** A summary is rewritten at most this often: it is small, but a fast campaign finishes thousands of cases a second. */
const SUMMARY_INTERVAL_MS = 1000;

/** A link that somebody put into the directory is not followed. */
const appending = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
const replacing = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

/** A disk that is almost full takes a part. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}

/** `durable`: on the disk before it returns. */
function write(path: string, flags: number, text: string, durable = false): void {
  const fd = openSync(path, flags, 0o666);
  try {
    writeAll(fd, text);
    if (durable) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export class ResultsWriter {
  readonly directory: string;
  #cases: number;
  #console: number;
  #lastSummaryMs = -Infinity;
  readonly #reserve: Reserve;

  /** Creates the directory. Throws UsageError when it holds results already or cannot be made. */
  constructor(directory: string) {
    try {
      makeDirectory(directory);
    } catch (error) {
      throw new UsageError(
        `the results directory ${directory} cannot be made (${messageOf(error)}); name another by --out`,
      );
    }
    requireOwn(resolve(directory), 'the results directory', 'give another by --out');
    if (readdirSync(directory).some((name) => name === 'summary.json' || name === 'cases.jsonl')) {
      throw new UsageError(`${directory} already holds results; give another --out directory, or move those away`);
    }
    this.directory = directory;
    try {
      // Before a guest is booted for nothing: these are written later.
      for (const name of ['findings', 'coverage']) requireUnlinked(join(directory, name));
      for (const name of ['cases.jsonl', 'console.log', 'findings.jsonl', 'coverage.json', 'summary.json.new'])
        requireOrdinary(join(directory, name));
      this.#cases = openSync(join(directory, 'cases.jsonl'), appending, 0o666);
      this.#console = openSync(join(directory, 'console.log'), appending, 0o666);
      this.#reserve = new Reserve(directory);
    } catch (error) {
      throw new UsageError(`results cannot be written into ${directory} (${messageOf(error)}); name another by --out`);
    }
  }

  append(record: CaseRecord): void {
    this.#write(() => {
      writeAll(this.#cases, `${JSON.stringify(record)}\n`);
    });
  }

  appendFinding(record: FindingRecord): void {
    this.#write(() => {
      write(join(this.directory, 'findings.jsonl'), appending, `${JSON.stringify(record)}\n`);
    });
  }

  appendConsole(text: string): void {
    this.#write(() => {
      writeSync(this.#console, text);
    });
  }

  /** Replaces summary.json when it is old enough. */
  update(summary: RunSummary): void {
    if (performance.now() - this.#lastSummaryMs >= SUMMARY_INTERVAL_MS) this.#writeSummary(summary, false);
  }

  /**
   * Writes the final summary and closes the files. What a full disk ended says so: the space for that was kept free.
   */
  finish(summary: RunSummary): void {
    this.#reserve.release();
    try {
      let failure: unknown;
      try {
        this.#write(() => {
          fsyncSync(this.#cases);
        });
      } catch (error) {
        failure = error;
      }
      this.#writeSummary(
        failure === undefined
          ? summary
          : { ...summary, complete: false, endedBy: summary.endedBy ?? messageOf(failure) },
        true,
      );
      if (failure !== undefined) throw failure;
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
      const advice =
        errnoOf(error) === 'ENOSPC'
          ? 'free some space or name another disk by --out'
          : 'name another directory by --out';
      throw new InfrastructureError(
        `the results cannot be written to ${this.directory} (${messageOf(error)}); what finished before is there; ${advice}`,
      );
    }
  }

  #writeSummary(summary: RunSummary, durable: boolean): void {
    this.#write(() => {
      const temporary = join(this.directory, 'summary.json.new');
      try {
        write(temporary, replacing, `${JSON.stringify(summary, undefined, 1)}\n`, durable);
        renameSync(temporary, join(this.directory, 'summary.json'));
      } catch (error) {
        // A part of a summary is of no use to anybody, and takes space that others need.
        rmSync(temporary, { force: true });
        throw error;
      }
    });
    this.#lastSummaryMs = performance.now();
  }
}
