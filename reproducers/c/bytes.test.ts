/** An emitted program must find the same bytes wrong as the judge. */
import { expect, test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareBytes } from '../../oracles/kernel/content.ts';
import type { ByteSource } from '../../model/bytes.ts';
import { byteOf } from '../../model/pattern.ts';
import { advanced } from '../../model/bytes.ts';
import { emitC } from '../emit-c.ts';
import { sampleCases } from '../testing/samples.ts';
import { source } from './bytes.ts';

const device: ByteSource = { kind: 'device', device: 0, offsetBytes: 0x1003n };
const writer: ByteSource = { kind: 'writer', writer: 0, offsetBytes: 0x5003n };
const bytesOf = (from: ByteSource, length: number): number[] =>
  Array.from({ length }, (_, n) => byteOf(advanced(from, n))!);
const start = 3n;
const length = 21;
const [first, second] = [bytesOf(device, length), bytesOf(writer, length)];
/** The first `count` bytes of one, then the other's. Words begin at 5 and 13. */
const mixed = (count: number): number[] => [...first.slice(0, count), ...second.slice(count)];
const buffers: Record<string, number[]> = {
  'one source': first,
  'the other source': second,
  'both, from a word on': mixed(5),
  'both, from the next word on': mixed(13),
  'halves of both in a word': mixed(8),
  'halves of both in the first bytes': mixed(3),
  zeros: first.map(() => 0),
  'a wrong byte at the end': [...first.slice(0, -1), 0xff],
};

test('should find the first wrong byte where the judge does', () => {
  const directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-c-bytes-'));
  try {
    const program = emitC(sampleCases['direct read of a mapped extent']!, { deviations: [], clauses: new Map() });
    const part = /\/\*\n \* Bytes that say where they came from[\s\S]*?\n\treturn 1;\n\}/
      .exec(program)![0]
      .replace(/#define SOURCES\t\t\d+/, '#define SOURCES 2');
    writeFileSync(
      join(directory, 'bytes.c'),
      `#include <stdint.h>
#include <stdio.h>
#include <string.h>
#define deviates(text, what, at, ...) printf("at 0x%llx\\n", at)
${part}
int main(void)
{
	static const uint8_t buffers[][${length}] = { ${Object.values(buffers)
    .map((bytes) => `{ ${bytes.join(', ')} }`)
    .join(', ')} };
	const struct stretch right = { ${length}, { ${source(device)}, { OWNER(2, 0), 0x5003 } } };

	for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++)
		if (check_stretch("", buffers[i], ${start}, &right))
			puts("at nothing");
	return 0;
}
`,
    );
    execFileSync('gcc', ['-w', '-o', join(directory, 'bytes'), join(directory, 'bytes.c')]);
    const inC = execFileSync(join(directory, 'bytes'), { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.startsWith('at '));
    const judged = Object.values(buffers).map((bytes) => {
      const { difference } = compareBytes(
        [{ lengthBytes: length, source: { kind: 'other', hex: Buffer.from(bytes).toString('hex') } }],
        [{ start, end: start + BigInt(length), sources: [device, writer] }],
      );
      return difference ? `at 0x${(start + difference.at).toString(16)}` : 'at nothing';
    });
    const named = (lines: readonly string[]) =>
      Object.fromEntries(Object.keys(buffers).map((name, index) => [name, lines[index]]));
    expect(named(inC)).toEqual(named(judged));
    expect(named(judged)).toMatchObject({ 'one source': 'at nothing', 'both, from a word on': 'at nothing' });
    expect(named(judged)['halves of both in a word']).not.toBe('at nothing');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
