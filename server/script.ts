/** Which line of a case's script answers a request. */
import type { ScriptLine } from '../model/case.ts';

/** What conditions of lines ask about. */
export interface Asked {
  /** Name of the operation. */
  readonly name: string;
  /** Fields of its structure; those that it does not have count as 0. */
  readonly args: Readonly<Record<string, unknown>>;
}

/** The first line whose conditions hold and whose `times` are not used up answers. */
export class Script {
  readonly lines: readonly ScriptLine[];
  /** How often each may still answer. */
  readonly #left: number[];

  constructor(lines: readonly ScriptLine[]) {
    this.lines = lines;
    this.#left = lines.map(({ times }) => times ?? Infinity);
  }

  /** Index of the line, which is used once more by this; undefined: no line answers. `file`: of the case's. */
  take(asked: Asked, file: number | undefined): number | undefined {
    const { lines } = this;
    for (let index = 0; index < lines.length; index += 1) {
      if (this.#left[index] === 0 || !matches(lines[index]!, asked, file)) continue;
      this.#left[index]! -= 1;
      return index;
    }
    return undefined;
  }
}

function matches(line: ScriptLine, { name, args }: Asked, file: number | undefined): boolean {
  if (line.on !== name || (line.file !== undefined && line.file !== file)) return false;
  const { opflagsSet = 0, opflagsClear = 0, posFrom = 0n, posTo } = line;
  if (opflagsSet !== 0 || opflagsClear !== 0) {
    const opflags = (args['opflags'] as number | undefined) ?? 0;
    if ((opflags & opflagsSet) >>> 0 !== opflagsSet || (opflags & opflagsClear) !== 0) return false;
  }
  if (posFrom === 0n && posTo === undefined) return true;
  const pos = (args['pos'] as bigint | undefined) ?? 0n;
  return pos >= posFrom && (posTo === undefined || pos < posTo);
}
