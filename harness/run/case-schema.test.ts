import { expect, test } from '@playwright/test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { repositoryRoot } from '../../files/repository-root.ts';
import { caseSchema } from '../../model/case.ts';
import { corpusIndexSchema } from './corpus.ts';
import { prettyJson } from './pretty-json.ts';

/** For editors and other programs; IOMAPFUZZ_UPDATE=1 writes them anew after a change of the schema. */
for (const [name, schema] of [
  ['case', caseSchema],
  ['index', corpusIndexSchema],
] as const) {
  test(`should ship the JSON schema of ${name} files as the code has it`, () => {
    const path = join(repositoryRoot(), 'corpora/schema', `${name}.schema.json`);
    const text = prettyJson(z.toJSONSchema(schema, { io: 'input' }));
    if (process.env['IOMAPFUZZ_UPDATE'] === '1') writeFileSync(path, text);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
}
