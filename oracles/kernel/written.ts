/** A write as it takes place: where it goes and what it carries, after O_APPEND and the like have had their say. */
import type { ByteSource } from '../../model/bytes.ts';
import { clip, type Segment } from './content.ts';

/** What a write must not return before: its data (O_DSYNC), or all of the file's state (O_SYNC). */
export type Durability = 'data' | 'all';

export interface Write {
  /** Where its first byte goes, in the file. */
  offset: bigint;
  lengthBytes: number;
  /** Whose pattern it carries, and the position that the pattern's first byte has. */
  writer: number;
  patternOffset: bigint;
  durable?: Durability;
  /** The open file (OpenFile) that it is made through. */
  by?: object;
  /** RWF_ATOMIC: as a whole or not at all. */
  atomic?: boolean;
  /** What it carries instead of a pattern, at the positions that it gets. */
  carries?: readonly Segment[];
}

/** What the write puts at `pos` of the file. */
export const sourceAt = ({ offset, writer, patternOffset }: Write, pos: bigint): ByteSource => ({
  kind: 'writer',
  writer,
  offsetBytes: patternOffset + (pos - offset),
});

/** What the write puts into [pos, until) of the file. */
export const bytesOf = (write: Write, pos: bigint, until: bigint): Segment[] =>
  write.carries ? clip(write.carries, pos, until) : [{ start: pos, end: until, sources: [sourceAt(write, pos)] }];
