/**
 * A case's extents as bars over the file and over each device: what the syscall asked for, what the two halves of the
 * answer said, what changed on a device. Positions are ordinal: every border that occurs gets a place of its own,
 * because a byte and 2^63 of them must be told apart in one picture.
 */
import type { Case } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { Observation } from '../../model/observation.ts';
import { quantity } from '../describe.ts';
import { scriptMappings } from '../timeline.ts';
import { html, Markup } from './markup.ts';

interface Bar {
  label: string;
  className: string;
  from: bigint;
  to: bigint;
}
interface Lane {
  title: string;
  bars: Bar[];
  endLabel?: string;
  end?: bigint;
}

const LIMIT = 1n << 64n;
const ALL_ONES = LIMIT - 1n;
const LEFT = 118;
const WIDTH = 620;
const ROW = 20;
/** A picture with more answers than this is no picture. */
const MAX_ANSWERS = 4;

export function extentsPicture(value: Case, observation: Observation | undefined, number: number): Markup | undefined {
  const answers = scriptMappings(value).slice(0, MAX_ANSWERS);
  if (answers.length === 0) return undefined;
  const lanes = [fileLane(value, answers), ...deviceLanes(value, answers, observation)].filter(
    ({ bars }) => bars.length > 0,
  );
  let y = 0;
  const drawn = lanes.map((lane) => {
    const [shapes, height] = drawLane(lane, y);
    y += height;
    return shapes;
  });
  const spoken = lanes
    .map(
      ({ title, bars }) =>
        `${title}: ${bars.map(({ label, from, to }) => `${label} from ${quantity(from)} to ${quantity(to)}`).join('; ')}`,
    )
    .join('. ');
  return html`<figure class="extents"><figcaption id="extents-${number}">Extents, in bytes <small>(every border has its place; distances are not to scale)</small></figcaption>
<svg viewBox="0 0 ${LEFT + WIDTH + 70} ${y}" role="img" aria-label="${spoken}">${drawn}</svg></figure>`;
}

/** Answers are numbered as the script has them. */
const suffix = (answers: unknown[], index: number): string => (answers.length > 1 ? ` ${index + 1}` : '');

function fileLane(value: Case, answers: { read: MappingSpec; write: MappingSpec }[]): Lane {
  const bars: Bar[] = [];
  for (const step of value.workload) {
    const range =
      'offset' in step && 'lengthBytes' in step
        ? [step.offset, BigInt(step.lengthBytes)]
        : 'offset' in step
          ? [step.offset, 1n]
          : 'start' in step
            ? [step.start, step.lengthBytes]
            : undefined;
    if (range && range[0]! >= 0n)
      bars.push({
        label: step.call,
        className: 'asked',
        from: range[0]!,
        to: range[0]! + (range[1]! > 0n ? range[1]! : 0n),
      });
  }
  answers.forEach(({ read, write }, index) => {
    bars.push(
      {
        label: `read half${suffix(answers, index)}`,
        className: 'read',
        from: read.offset,
        to: read.offset + read.length,
      },
      {
        label: `write half${suffix(answers, index)}`,
        className: 'write',
        from: write.offset,
        to: write.offset + write.length,
      },
    );
  });
  const size = value.geometry.files[0]?.sizeBytes;
  return { title: 'file', bars, ...(size !== undefined && { end: size, endLabel: 'size' }) };
}

function deviceLanes(
  value: Case,
  answers: { read: MappingSpec; write: MappingSpec }[],
  observation: Observation | undefined,
): Lane[] {
  return value.geometry.devices.map((device, index) => {
    const bars = answers.flatMap(({ read, write }, position) =>
      (
        [
          [`read half${suffix(answers, position)}`, 'read', read],
          [`write half${suffix(answers, position)}`, 'write', write],
        ] as const
      ).flatMap(([label, className, mapping]): Bar[] =>
        typeof mapping.dev === 'object' && mapping.dev.device === index && mapping.addr !== ALL_ONES
          ? [{ label, className, from: mapping.addr, to: mapping.addr + mapping.length }]
          : [],
      ),
    );
    for (const change of observation?.deviceChanges ?? []) {
      if (change.device !== index) continue;
      const length = change.content.reduce((sum, { lengthBytes }) => sum + BigInt(lengthBytes), 0n);
      bars.push({ label: 'changed', className: 'changed', from: change.offsetBytes, to: change.offsetBytes + length });
    }
    return { title: `device ${index} (${device.access})`, bars, end: BigInt(device.sizeBytes), endLabel: 'end' };
  });
}

function drawLane({ title, bars, end, endLabel }: Lane, top: number): [Markup, number] {
  // What wraps 64 bits is drawn to the edge, with an arrow.
  const borders = [
    ...new Set([
      0n,
      ...(end === undefined ? [] : [end]),
      ...bars.flatMap(({ from, to }) => [from, to > LIMIT ? LIMIT : to]),
    ]),
  ].sort((a, b) => (a < b ? -1 : 1));
  const step = WIDTH / Math.max(1, borders.length - 1);
  const x = (at: bigint): number => LEFT + borders.indexOf(at > LIMIT ? LIMIT : at) * step;
  const barsTop = top + 22;
  const bottom = barsTop + bars.length * ROW;
  const parts = [`<text class="lane" x="0" y="${top + 14}">${title}</text>`];
  for (const border of borders)
    parts.push(`<line class="grid" x1="${x(border)}" x2="${x(border)}" y1="${barsTop - 4}" y2="${bottom + 4}"/>`);
  if (end !== undefined)
    parts.push(
      `<line class="end" x1="${x(end)}" x2="${x(end)}" y1="${barsTop - 8}" y2="${bottom + 4}"/><text class="tick" x="${x(end)}" y="${barsTop - 10}" text-anchor="middle">${endLabel}</text>`,
    );
  bars.forEach(({ label, className, from, to }, index) => {
    const y = barsTop + index * ROW;
    const width = x(to) - x(from);
    const exact = `${label}: ${quantity(from)} to ${quantity(to)}`;
    parts.push(`<text class="label" x="${LEFT - 8}" y="${y + 14}" text-anchor="end">${label}</text>`);
    // No length: a mark instead of a bar.
    if (width <= 0)
      parts.push(
        `<path class="${className} point" d="M${x(from)} ${y + 3}l5 6.5l-5 6.5l-5 -6.5z"><title>${exact} (empty)</title></path>`,
      );
    else
      parts.push(
        `<rect class="${className}" x="${x(from)}" y="${y + 3}" width="${width}" height="${ROW - 7}" rx="2"><title>${exact}</title></rect>`,
      );
    if (to > LIMIT) parts.push(`<text class="wraps" x="${x(to) + 6}" y="${y + 14}">wraps →</text>`);
  });
  // Labels of neighbouring borders stand on two lines so that they do not run into each other.
  borders.forEach((border, index) =>
    parts.push(
      `<text class="tick" x="${x(border)}" y="${bottom + 16 + (index % 2) * 12}" text-anchor="middle">${border === LIMIT ? '2^64' : quantity(border)}</text>`,
    ),
  );
  return [new Markup(parts.join('')), bottom + 40 - top];
}
