/**
 * Node ids, inode numbers and names of cases' files, so that host and guest know from each to which case and file it
 * belongs.
 */

export const nodesPerCase = 64n;
/** Below are the root and the connection. */
export const firstCaseNode = 0x1000n;
/** Inode numbers differ from node ids, so that a kernel that mixes them up is noticed. */
export const inoOffset = 0x1_0000_0000n;

export const nodeidOf = (serial: number, file: number): bigint =>
  firstCaseNode + BigInt(serial) * nodesPerCase + BigInt(file);
export const inoOf = (nodeid: bigint): bigint => nodeid + inoOffset;
export function parseNodeid(nodeid: bigint): { serial: number; file: number } | undefined {
  if (nodeid < firstCaseNode) return undefined;
  const n = nodeid - firstCaseNode;
  return { serial: Number(n / nodesPerCase), file: Number(n % nodesPerCase) };
}

/** Name of a case's file in the root directory: `c<serial>.<file>`. */
export const fileName = (serial: number, file: number): string => `c${serial}.${file}`;
export function parseFileName(name: string): { serial: number; file: number } | undefined {
  const match = /^c([0-9]+)\.([0-9]+)$/.exec(name);
  return match ? { serial: Number(match[1]), file: Number(match[2]) } : undefined;
}
