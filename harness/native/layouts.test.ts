import { expect, test } from '@playwright/test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { layout, u16, u64 } from '../../uapi/struct.ts';
import { cStruct } from '../../uapi/c-struct.ts';
import { layoutsHeader } from './layouts.ts';

/** IOMAPFUZZ_UPDATE=1 writes it anew after a change of the tables. */
test("should ship the addon's layouts as the tables have them", () => {
  const path = join(import.meta.dirname, 'src/layouts.h');
  const text = layoutsHeader();
  if (process.env['IOMAPFUZZ_UPDATE'] === '1') writeFileSync(path, text);
  expect(readFileSync(path, 'utf8')).toBe(text);
});

test('a layout with a hole is refused: compilers would fill it as they like', () => {
  const options = { name: 'Some', member: (field: string) => field, language: 'C' as const };
  expect(() => cStruct(layout('some', 16, { a: u16(0), b: u64(8) }), options)).toThrow('hole before b');
  expect(() => cStruct(layout('some', 16, { b: u64(0) }), options)).toThrow('hole at its end');
  expect(cStruct(layout('some', 8, { b: u64(0) }), options)).toContain('_Static_assert(sizeof(struct Some) == 8');
});
