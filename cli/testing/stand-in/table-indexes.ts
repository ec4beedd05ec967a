/** The indexes of the cases of a table batch (model/table-case.ts): all that a stand-in needs to know of one. */
export function decodeTableIndexes(cases: Uint8Array): number[] {
  const bytes = Buffer.from(cases.buffer, cases.byteOffset, cases.byteLength);
  const indexes: number[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at)) indexes.push(bytes.readUInt32LE(at + 4));
  return indexes;
}
