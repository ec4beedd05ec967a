/** Findings of a run on disk: one case file each, and a line of findings.jsonl that says what it is. */
import { writeInFolder } from '../../files/inside.ts';
import { encodeCase, type Case } from '../../model/case.ts';
import { caseHash } from '../../model/hash.ts';
import { jsonSafe } from '../../model/json-safe.ts';
import type { CaseRecord, FindingRecord } from '../../model/results.ts';
import type { Deviation } from '../../model/verdict.ts';
import { formatCase } from './case-file.ts';
import type { Examined } from './examine.ts';
import { consoleOf } from './outcome.ts';
import type { ResultsWriter } from './results-writer.ts';

/** A finding as a run has it in the end. */
export interface KeptFinding extends Partial<Pick<Examined, 'minimised' | 'reliability' | 'outcome'>> {
  id: string;
  rule: string;
  /** Why nobody made it small. */
  notMinimised?: string;
  case: Case;
  deviations: readonly Deviation[];
  /** The case that it was found with. */
  found: Pick<CaseRecord, 'n' | 'note' | 'seed' | 'cell' | 'consoleTail' | 'tries' | 'crashes'>;
}

export class FindingFiles {
  readonly #writer: ResultsWriter;

  constructor(writer: ResultsWriter) {
    this.#writer = writer;
  }

  /** Returns the path of the case file, relative to the results directory. */
  save({
    id,
    rule,
    notMinimised,
    case: testCase,
    deviations,
    found,
    outcome,
    minimised,
    reliability,
  }: KeptFinding): string {
    const hash = caseHash(testCase);
    const name = `${hash.slice(0, 12)}.case.json`,
      file = `findings/${name}`;
    writeInFolder(this.#writer.directory, 'findings', name, formatCase(testCase));
    const example: CaseRecord = {
      ...found,
      hash,
      verdict: { kind: 'deviates', deviations: [...deviations] },
      case: encodeCase(testCase),
      ...(outcome?.kind === 'observed' && { observation: jsonSafe(outcome.observation) }),
      // A crash that no replay showed again has its log from the case that it was found with.
      ...(outcome && consoleOf(outcome) !== '' && { consoleTail: consoleOf(outcome) }),
    };
    this.#writer.appendFinding({
      id,
      rule,
      file,
      ...(minimised && { minimised }),
      ...(notMinimised !== undefined && { notMinimised }),
      ...(reliability && { reliability }),
      example,
    } satisfies FindingRecord);
    return file;
  }
}
