/** Results of table cases as the addon writes them (model/table-result.ts), for guests that are made up. */
import type { Case } from '../../../model/case.ts';
import type { PackedObservation } from '../../../model/exchange-record.ts';

/** One result, whose reads came back as zeros; its transcript is `transcript`, which lies at `logAt` of the log. */
function resultOf(index: number, { workload }: Case, { steps, transcript }: PackedObservation, logAt: number): Buffer {
  const parts = workload.map((step, at) => {
    const reads = step.call === 'pread' || step.call === 'mmapRead';
    const out = Buffer.alloc(40 + (reads ? 24 : 0));
    out.writeBigInt64LE(steps[at]?.ret ?? 0n, 0);
    out.writeUInt32LE(steps[at]?.errno ?? 0, 8);
    out.writeUInt32LE(reads ? 1 : 0, 16);
    if (reads) {
      out.writeUInt32LE(step.lengthBytes, 40);
      out.writeUInt16LE(4, 44);
    }
    return out;
  });
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(64);
  head.writeUInt32LE(64 + body.length, 0);
  head.writeUInt32LE(index, 4);
  head.writeUInt32LE(workload.length, 20);
  head.writeUInt32LE(64 + body.length, 36);
  head.writeBigUInt64LE(BigInt(logAt), 40);
  head.writeBigUInt64LE(BigInt(logAt + transcript.length), 48);
  return Buffer.concat([head, body]);
}

/** The results of a batch. */
export function tableBytes(all: readonly { index: number; case: Case; packed: PackedObservation }[]): Buffer {
  let logAt = 0;
  const results = Buffer.concat(
    all.map(({ index, case: testCase, packed }) => {
      const result = resultOf(index, testCase, packed, logAt);
      logAt += packed.transcript.length;
      return result;
    }),
  );
  const head = Buffer.alloc(32);
  head.writeBigUInt64LE(BigInt(all.length), 0);
  head.writeBigUInt64LE(BigInt(results.length), 16);
  head.writeBigUInt64LE(BigInt(logAt), 24);
  return Buffer.concat([head, results, ...all.map(({ packed }) => packed.transcript)]);
}
