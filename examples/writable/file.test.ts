import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { FileBlocks } from './file.ts';
import { Space } from './space.ts';

const first = 4,
  end = 40;
const make = (): { space: Space; files: FileBlocks[]; checkpoints: () => number } => {
  let count = 0;
  const space = new Space(first, end, () => {
    count++;
    space.commit();
  });
  return {
    space,
    files: [new FileBlocks(space), new FileBlocks(space), new FileBlocks(space)],
    checkpoints: () => count,
  };
};

const file = fc.nat(2),
  at = fc.nat(20),
  count = fc.integer({ min: 1, max: 10 });
const operation = fc.record({
  name: fc.constantFrom('promise', 'write', 'direct', 'lose', 'cut', 'preallocate', 'share', 'unpromise'),
  file,
  other: file,
  at,
  from: at,
  count,
});

test('should never give a block to two files that did not share it, and count free space right', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const { space, files } = make();
      /** What each block of each file was written with last: what its reader must find on the device. */
      const content = files.map(() => new Map<number, number>());
      const device = new Map<number, number>();
      let serial = 0;
      for (const { name, file, other, at, from, count } of operations) {
        const blocks = files[file]!,
          bytes = content[file]!;
        switch (name) {
          case 'promise':
            blocks.promise(at, count);
            break;
          case 'lose':
            blocks.lost(at, count);
            break;
          case 'unpromise':
            blocks.unpromise(at, count);
            break;
          case 'preallocate':
            blocks.preallocate(at, count);
            break;
          case 'cut':
            blocks.cut(at, count);
            for (let n = 0; n < count; n++) bytes.delete(at + n);
            break;
          case 'share': {
            if (file === other) break;
            blocks.shareFrom(files[other]!, from, at, count);
            for (let n = 0; n < count; n++) {
              const value = content[other]!.get(from + n);
              if (value === undefined) bytes.delete(at + n);
              else bytes.set(at + n, value);
            }
            break;
          }
          default: {
            // A write of `count` blocks, as the kernel makes it: piece by piece.
            for (let block = at; block < at + count;) {
              if (name === 'write' && !blocks.promise(block, at + count - block)) break;
              const target = blocks.place(block, at + count - block);
              if (!target) break;
              const place = target.to ?? target.over;
              if (place.at !== block || (place.kind !== 'written' && place.kind !== 'unwritten'))
                throw new Error(`${name} at ${block} was given ${JSON.stringify(place)}`);
              for (let n = 0; n < place.count; n++) {
                device.set('start' in place ? place.start + n : -1, ++serial);
                bytes.set(block + n, serial);
              }
              blocks.arrived(block, place.count, { copy: target.copy === true });
              block += place.count;
            }
          }
        }
        // One expectation for all of it: there are millions of blocks to look at.
        const wrong: string[] = [];
        const used = new Set<number>();
        let promised = 0;
        for (const [index, one] of files.entries()) {
          for (let block = 0; block < 40; block++) {
            const piece = one.read(block);
            const found = piece.kind === 'written' && 'start' in piece ? device.get(piece.start) : undefined;
            if (found !== content[index]!.get(block))
              wrong.push(
                `after ${name} block ${block} of file ${index} is ${piece.kind} and has ${found}, not ${content[index]!.get(block)}`,
              );
          }
          for (const extent of one.extents) for (let n = 0; n < extent.count; n++) used.add(extent.start + n);
          promised += one.promisedBlocks;
        }
        for (const block of used) if (block < first || block >= end) wrong.push(`block ${block} is not for files`);
        if (space.available !== end - first - used.size - promised)
          wrong.push(`after ${name} ${space.available} blocks are available, ${used.size} used, ${promised} promised`);
        expect(wrong).toEqual([]);
      }
      for (const one of files) one.cut(0, Infinity);
      expect(space.available).toBe(end - first);
    }),
    { numRuns: 300 },
  );
});

test('should use what was freed only when a checkpoint does not name it any more', () => {
  const {
    space,
    files: [file],
    checkpoints,
  } = make();
  expect(file!.preallocate(0, end - first)).toBe(true);
  expect(space.available).toBe(0);
  file!.cut(0, 10);
  expect(space.available).toBe(10);
  expect(checkpoints()).toBe(0);
  expect(file!.place(0, 1)).toBeDefined();
  expect(checkpoints()).toBe(1);
});

test('should refuse what does not fit, and keep promises', () => {
  const {
    files: [file, other],
  } = make();
  expect(file!.promise(0, 30)).toMatchObject({ fresh: true, to: { count: 30 } });
  expect(other!.preallocate(0, 7)).toBe(false);
  expect(other!.promise(0, 7)).toMatchObject({ to: { count: 6 } });
  expect(other!.promise(6, 1)).toBeUndefined();
  // Promised space can be had although nothing is available.
  for (let block = 0; block < 30;) block += file!.place(block, 30 - block)!.over.count;
  expect(file!.extents.reduce((sum, { count }) => sum + count, 0)).toBe(30);
});
