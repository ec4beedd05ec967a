/**
 * The corpus: cases worth keeping, content-addressed, and an index that says why each is there and what kernels made of
 * it.
 */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { InfrastructureError, UsageError, messageOf } from '../../model/errors.ts';
import { requireOrdinary, requireUnlinked, writeInside } from '../../files/inside.ts';
import { makeDirectory } from '../../files/make-directory.ts';
import type { Case } from '../../model/case.ts';
import { caseHash } from '../../model/hash.ts';
import { explainFailure, formatCase, parseCase, readText } from './case-file.ts';
import { prettyJson } from './pretty-json.ts';

/** Version of the index. */
const CORPUS_SCHEMA = 1;

const entrySchema = z.strictObject({
  /** For people: why the case is kept. */
  why: z.string().min(1),
  /** What made it: `conformance map/type-known@read fiemap violating`, `fuzz`, `hand`. */
  origin: z.string(),
  /** What it shows, in the form of the conformance plan's cells: `map/type-known@read fiemap violating`. */
  shows: z.array(z.string()),
  /** By name of a kernel: what became of the case there. */
  kernels: z.record(
    z.string(),
    z.strictObject({
      verdict: z.enum(['conforms', 'deviates', 'unspecified']),
      rules: z.array(z.string()).optional(),
      /** What of the case was not judged there, and why; absent: nothing. */
      unjudged: z.string().optional(),
    }),
  ),
});
export type CorpusEntry = z.infer<typeof entrySchema>;

export const corpusIndexSchema = z.strictObject({
  schema: z.literal(CORPUS_SCHEMA),
  /** By the first 12 digits of the case's content hash: cases/HASH.json. */
  cases: z.record(z.string().regex(/^[0-9a-f]{12}$/), entrySchema),
});
type Index = z.infer<typeof corpusIndexSchema>;

const HASH_DIGITS = 12;

export class Corpus {
  readonly directory: string;
  readonly #index: Index;

  private constructor(directory: string, index: Index) {
    this.directory = directory;
    this.#index = index;
  }

  /**
   * As `open`, of one that is there: to read a corpus that does not exist is a mistake in its name. Throws UsageError.
   */
  static openExisting(directory: string): Corpus {
    if (!existsSync(directory))
      throw new UsageError(
        `there is no corpus ${directory}: no such directory; check --corpus, or begin one with \`corpus add\``,
      );
    if (!statSync(directory).isDirectory())
      throw new UsageError(`${directory} is no directory, and a corpus is one; check --corpus`);
    return Corpus.open(directory);
  }

  /** Opens a corpus; an empty directory, or none, is an empty one. Throws UsageError. */
  static open(directory: string): Corpus {
    const path = join(directory, 'index.json');
    if (!existsSync(path)) {
      if (existsSync(join(directory, 'cases')))
        throw new UsageError(
          `${directory} has cases but no index.json; restore it from version control, or add the cases to an empty corpus`,
        );
      return new Corpus(directory, { schema: CORPUS_SCHEMA, cases: {} });
    }
    let json: unknown;
    try {
      json = JSON.parse(readText(path));
    } catch (error) {
      throw new UsageError(`${path} can't be read: ${messageOf(error)}; restore it from version control`);
    }
    const { schema } = (json ?? {}) as { schema?: unknown };
    if (typeof schema === 'number' && schema > CORPUS_SCHEMA)
      throw new UsageError(`${path} has schema ${schema}, this iomapfuzz knows ${CORPUS_SCHEMA}; update iomapfuzz`);
    const parsed = corpusIndexSchema.safeParse(json);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new UsageError(
        `${path} is no corpus index: ${issue?.path.join('.') || 'the whole file'}: ${issue?.message ?? ''}; restore it from version control`,
      );
    }
    return new Corpus(directory, parsed.data);
  }

  /** Hashes in order, with their entries. */
  entries(): [string, CorpusEntry][] {
    return Object.entries(this.#index.cases).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  has(testCase: Case): boolean {
    return this.#index.cases[addressOf(testCase)] !== undefined;
  }

  path(hash: string): string {
    return join(this.directory, 'cases', `${hash}.json`);
  }

  /** Throws UsageError when the file is missing, unreadable, or not what its name says. */
  read(hash: string): Case {
    const path = this.path(hash);
    const parsed = parseCase(readText(path));
    if (parsed.kind !== 'case') throw new UsageError(`${path}: ${explainFailure(parsed)}`);
    // A migrated case keeps the name it was added under.
    if (parsed.migratedFrom === undefined && addressOf(parsed.case) !== hash) {
      throw new UsageError(
        `${path} was changed: its content is case ${addressOf(parsed.case)}; restore it, or add the changed case with \`corpus add\``,
      );
    }
    return parsed.case;
  }

  /** Cases that lie in the directory without being in the index. */
  strays(): string[] {
    const known = new Set(Object.keys(this.#index.cases));
    try {
      return readdirSync(join(this.directory, 'cases')).filter(
        (name) => name.endsWith('.json') && !known.has(name.slice(0, -'.json'.length)),
      );
    } catch {
      return [];
    }
  }

  /**
   * Throws UsageError when a link or a pipe stands where the corpus has a file or its cases: what somebody else put
   * there leads nowhere else.
   */
  requireOwn(): void {
    try {
      requireUnlinked(join(this.directory, 'cases'));
      for (const path of [this.#indexPath, ...Object.keys(this.#index.cases).map((hash) => this.path(hash))])
        requireOrdinary(path);
    } catch (error) {
      throw new UsageError(`${messageOf(error)}; or name another corpus by --corpus`);
    }
  }

  /**
   * Adds a case or replaces its entry; returns its address. The index is on disk after `save`. Throws UsageError,
   * InfrastructureError.
   */
  add(testCase: Case, entry: CorpusEntry): string {
    const hash = addressOf(testCase);
    this.#index.cases[hash] = entry;
    this.requireOwn();
    this.#write(this.path(hash), formatCase(testCase));
    return hash;
  }

  note(hash: string, change: Partial<CorpusEntry>): void {
    Object.assign(this.#index.cases[hash]!, change);
  }

  remove(hash: string): void {
    this.#index.cases = Object.fromEntries(Object.entries(this.#index.cases).filter(([other]) => other !== hash));
  }

  /** Writes the index, then removes the cases that are not in it any more. Throws UsageError, InfrastructureError. */
  save(): void {
    this.requireOwn();
    this.#write(this.#indexPath, prettyJson({ schema: CORPUS_SCHEMA, cases: Object.fromEntries(this.entries()) }));
    for (const name of this.strays()) rmSync(join(this.directory, 'cases', name));
  }

  get #indexPath(): string {
    return join(this.directory, 'index.json');
  }

  #write(path: string, text: string): void {
    try {
      makeDirectory(join(this.directory, 'cases'));
      if (existsSync(path) && readText(path) === text) return;
      writeInside(path, text);
    } catch (error) {
      throw new InfrastructureError(
        `${path} can't be written: ${messageOf(error)}; name another corpus, or free some space there`,
      );
    }
  }
}

export const addressOf = (testCase: Case): string => caseHash(testCase).slice(0, HASH_DIGITS);
