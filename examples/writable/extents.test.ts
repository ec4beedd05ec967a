import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { ExtentMap, type Extent, type Kind } from './extents.ts';

const most = 40;
const range = fc.record({ at: fc.nat(most), count: fc.integer({ min: 1, max: 12 }) });
const operation = fc.oneof(
  fc.record({ op: fc.constant('cut' as const), range }),
  fc.record({
    op: fc.constant('put' as const),
    range,
    kind: fc.constantFrom<Kind>('written', 'unwritten', 'delalloc'),
    start: fc.integer({ min: 1, max: 60 }),
  }),
);
/** One block as the plain model has it. */
const blockOf = (extent: Extent, block: number): string =>
  `${extent.kind} ${extent.kind === 'delalloc' ? 0 : extent.start + block - extent.at}`;

test('should be what a table of single blocks is, after any cuts and puts', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
      const map = new ExtentMap();
      const model = new Map<number, string>();
      for (const one of operations) {
        const { at, count } = one.range;
        const blocks = Array.from({ length: count }, (_, n) => at + n);
        const there = blocks.map((block) => model.get(block));
        const extent: Extent | undefined =
          one.op === 'put' ? { at, count, start: one.kind === 'delalloc' ? 0 : one.start, kind: one.kind } : undefined;
        const old = extent ? map.put(extent) : map.cut(at, count);
        // What was there is returned, cut to the range.
        const returned = new Map(
          old.flatMap((piece) =>
            Array.from({ length: piece.count }, (_, n) => [piece.at + n, blockOf(piece, piece.at + n)] as const),
          ),
        );
        expect(blocks.map((block) => returned.get(block))).toEqual(there);
        expect(returned.size).toBe(there.filter((block) => block !== undefined).length);
        for (const block of blocks) {
          if (extent) model.set(block, blockOf(extent, block));
          else model.delete(block);
        }
      }
      for (let block = 0; block < most + 14; block++) {
        const piece = map.at(block);
        if ((piece.kind === 'hole' ? undefined : blockOf(piece, block)) !== model.get(block))
          throw new Error(`block ${block} is ${JSON.stringify(piece)}, not ${model.get(block)}`);
        // As far as it says, and no further than another kind.
        const kinds = Array.from(
          { length: Math.min(piece.count, most) },
          (_, n) => model.get(block + n)?.split(' ')[0] ?? 'hole',
        );
        if (kinds.some((kind) => kind !== piece.kind))
          throw new Error(
            `block ${block} begins ${piece.count} blocks of ${piece.kind}, and they are ${kinds.join(' ')}`,
          );
      }
      const { all } = map;
      all.forEach((extent, n) => {
        const next = all[n + 1];
        expect(extent.count).toBeGreaterThan(0);
        if (!next) return;
        expect(extent.at + extent.count).toBeLessThanOrEqual(next.at);
        // Neighbours that are one are one.
        expect(extent.at + extent.count === next.at && blockOf(extent, next.at) === blockOf(next, next.at)).toBe(false);
      });
    }),
  );
});
