/** Where the agent's first thread is, in words that the watching thread reads. */
import { phases, type Phase } from '../../../model/hang.ts';

const WORD = { moves: 0, phase: 1, id: 2, index: 3, step: 4 } as const;
const none = -1;

export interface Position {
  /** Differs after every move. */
  moves: number;
  phase: Phase;
  /** Of the command. */
  id: number;
  index: number | undefined;
  step: number | undefined;
}

export class Progress {
  readonly words: Int32Array;

  constructor(memory = new SharedArrayBuffer(64)) {
    this.words = new Int32Array(memory);
  }

  /** `index`: the case that this belongs to; `step`: of its workload. */
  enter(phase: Phase, { index = none, step = none }: { index?: number | undefined; step?: number } = {}): void {
    const { words } = this;
    words[WORD.index] = index;
    words[WORD.step] = step;
    words[WORD.phase] = phases.indexOf(phase);
    Atomics.add(words, WORD.moves, 1);
  }

  begin(id: number): void {
    this.words[WORD.id] = id;
  }

  get position(): Position {
    const { words } = this;
    const valueOf = (word: number): number | undefined => (words[word] === none ? undefined : words[word]);
    return {
      moves: Atomics.load(words, WORD.moves),
      phase: phases[words[WORD.phase]!] ?? 'idle',
      id: words[WORD.id]!,
      index: valueOf(WORD.index),
      step: valueOf(WORD.step),
    };
  }
}
