/**
 * What must still be written when the process is about to end without order: after an uncaught error, or when nothing
 * can be printed.
 */

type LastWord = (reason: string) => void;

const registered = new Set<LastWord>();

/** `word` must be synchronous: nothing runs after it. The returned function takes it back. */
export function onSuddenEnd(word: LastWord): () => void {
  registered.add(word);
  return () => {
    registered.delete(word);
  };
}

/** Never throws: what cannot be written (a full disk) is left as it was. */
export function sayLastWords(reason: string): void {
  for (const word of [...registered]) {
    registered.delete(word);
    try {
      word(reason);
    } catch {
      // The disk may be what ends the process; the results on it say by themselves that they are incomplete.
    }
  }
}
