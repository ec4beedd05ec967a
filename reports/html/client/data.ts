/** The page's data, unpacked once, on first use: a reader who only wants the verdict does not pay for 100,000 cases. */
import type { KindLetter, PageData } from '../page-data.ts';

interface PageCase {
  index: number;
  n: number;
  border: number;
  kind: KindLetter;
  hash: string;
  note: string;
  reason?: string;
  /** What of it was not judged. */
  unjudged?: string;
  finding?: number;
}
export interface Page {
  data: PageData;
  case(index: number): PageCase;
  ofBorder(border: number): number[];
}

let loading: Promise<Page> | undefined;
export const page = (): Promise<Page> => (loading ??= load());

async function load(): Promise<Page> {
  const packed = document.getElementById('data')!.textContent!;
  const bytes = Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0));
  const data = (await new Response(
    new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')),
  ).json()) as PageData;
  const { cases, texts, findingOf } = data;
  const positions = new Array<number>(cases.count);
  const byBorder = new Map<number, number[]>();
  let n = 0;
  for (let index = 0; index < cases.count; index += 1) {
    positions[index] = n += cases.n[index]!;
    const border = cases.border[index]!;
    const list = byBorder.get(border);
    if (list) list.push(index);
    else byBorder.set(border, [index]);
  }
  return {
    data,
    ofBorder: (border) => byBorder.get(border) ?? [],
    case(index) {
      const reason = texts[cases.reason[index]!];
      const unjudged = texts[cases.unjudged[index]!];
      const finding = findingOf[index];
      return {
        index,
        n: positions[index]!,
        border: cases.border[index]!,
        kind: cases.kinds[index] as KindLetter,
        hash: cases.hashes.slice(index * 16, index * 16 + 16).trimEnd(),
        note: texts[cases.note[index]!]!,
        ...(reason !== undefined && { reason }),
        ...(unjudged !== undefined && { unjudged }),
        ...(finding !== undefined && { finding }),
      };
    },
  };
}
