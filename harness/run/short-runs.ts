/**
 * Names the origin of few bytes. The guest names an owner where the bytes alone prove it; the host knows the case, and
 * so every place that they can come from. Where exactly one holds these bytes, they are from there; where several do,
 * they stay of unknown origin.
 */
import type { ByteRun, ByteSource } from '../../model/bytes.ts';
import type { Case } from '../../model/case.ts';
import type { Observation } from '../../model/observation.ts';
import { byteOf } from '../../model/pattern.ts';
import { advanced } from '../../model/bytes.ts';

/** Longer stretches are named by the guest, or come from nowhere. */
const mostBytes = 16;
/** Places that are looked at for one observation; where more would have to be, nothing is proven. */
const mostPlaces = 100_000;
const WORD = 8n;

/** Bytes `start` to `end` of what this owner holds. */
interface Origin {
  at: (offsetBytes: bigint) => ByteSource;
  start: bigint;
  end: bigint;
}

function originsOf({ geometry: { devices, files }, workload }: Case): Origin[] {
  const writes = workload.flatMap((step): Origin[] => {
    if (step.call !== 'pwrite' && step.call !== 'mmapWrite') return [];
    const { writer, offset, lengthBytes } = step;
    return [
      {
        at: (offsetBytes) => ({ kind: 'writer', writer, offsetBytes }),
        start: offset,
        end: offset + BigInt(lengthBytes),
      },
    ];
  });
  return [
    ...writes,
    ...devices.map(({ sizeBytes }, device): Origin => ({
      at: (offsetBytes) => ({ kind: 'device', device, offsetBytes }),
      start: 0n,
      end: BigInt(sizeBytes),
    })),
    ...files.map(({ sizeBytes }, file): Origin => ({
      at: (offsetBytes) => ({ kind: 'server', file, offsetBytes }),
      start: 0n,
      end: sizeBytes,
    })),
  ];
}

/** The first byte of a word that says who owns it; from there on it holds nothing of the position. */
const ownerLane = 5;

/** Whether those bytes that say who owns a word can be the owner's, when the first of them lies `within` a word. */
const canOwn = (bytes: Buffer, { at }: Origin, within: bigint): boolean =>
  bytes.every(
    (byte, index) => (Number(within) + index) % Number(WORD) < ownerLane || byteOf(at(within + BigInt(index))) === byte,
  );

const holds = (bytes: Buffer, source: ByteSource): boolean =>
  bytes.every((byte, index) => byteOf(advanced(source, index)) === byte);

/** Numbers of the words, `first` to `last`, whose lowest byte is `low`. */
function* wordsByLowest(low: bigint, first: bigint, last: bigint): Generator<bigint> {
  for (let word = first + ((low - first) & 0xffn); word <= last; word += 256n) yield word;
}

/** The same for bytes that lie `within` a word and do not hold its lowest one: whole stretches of words fit. */
function* wordsByOthers(bytes: Buffer, within: number, first: bigint, last: bigint): Generator<bigint> {
  const known = Math.min(bytes.length, ownerLane - within);
  let base = 0n;
  for (let index = 0; index < known; index += 1) base |= BigInt(bytes[index]!) << BigInt(8 * (within + index));
  const above = BigInt(8 * (within + Math.max(known, 0))),
    below = BigInt(8 * Math.min(within, ownerLane));
  for (let high = first >> above; high <= last >> above; high += 1n) {
    const start = (high << above) | base,
      end = start + (1n << below) - 1n;
    for (let word = start > first ? start : first; word <= (end < last ? end : last); word += 1n) yield word;
  }
}

/** The only place of the case that holds these bytes; undefined: there is none, or there are several. */
function onlyOrigin(bytes: Buffer, origins: readonly Origin[], left: { places: number }): ByteSource | undefined {
  const found = new Map<string, ByteSource>();
  for (const origin of origins) {
    const { at, start, end } = origin;
    for (let within = 0n; within < WORD; within += 1n) {
      if (!canOwn(bytes, origin, within)) continue;
      // Where the first byte of a word is among them, it is the lowest of the word's number.
      const lead = Number((WORD - within) % WORD);
      const [first, last] = [start / WORD, end / WORD];
      const next = lead === 0 ? 0n : 1n;
      const words =
        lead < bytes.length
          ? wordsByLowest((BigInt(bytes[lead]!) - next) & 0xffn, first, last)
          : wordsByOthers(bytes, Number(within), first, last);
      for (const word of words) {
        const position = word * WORD + within;
        if (left.places-- <= 0) return undefined;
        if (position < start || position + BigInt(bytes.length) > end) continue;
        const source = at(position);
        if (!holds(bytes, source)) continue;
        found.set(
          JSON.stringify(source, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)),
          source,
        );
        if (found.size > 1) return undefined;
      }
    }
  }
  return [...found.values()][0];
}

/** Replaces runs of unknown origin whose place is proven; what the bytes are stays the same. */
export function nameShortRuns(testCase: Case, seen: Observation): void {
  let origins: Origin[] | undefined;
  const left = { places: mostPlaces };
  const name = (runs: ByteRun[] | undefined): void => {
    for (const run of runs ?? []) {
      if (run.source.kind !== 'other' || run.lengthBytes >= mostBytes || run.source.hex.length !== 2 * run.lengthBytes)
        continue;
      run.source =
        onlyOrigin(Buffer.from(run.source.hex, 'hex'), (origins ??= originsOf(testCase)), left) ?? run.source;
    }
  };
  for (const { data, tail } of seen.steps) [data, tail].forEach(name);
  for (const { content } of seen.deviceChanges) name(content);
  for (const { request } of seen.transcript) name(request['data'] as ByteRun[] | undefined);
}
