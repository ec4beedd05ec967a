/**
 * How much a guest tells of bytes, so that a message can be sent and read. What is more is of source `unknown`
 * (bytes.ts).
 */

/**
 * Of one buffer: runs, and among them bytes of no known origin, which are spelled out. As in
 * harness/native/src/pattern.cc.
 */
export const mostRunsOfBuffer = 4096,
  mostSpelledBytes = 4096;

/** Of all devices after a case: changed stretches, and runs of them. */
export const mostChanges = 16_384,
  mostRunsOfChanges = 65_536;
