/** The corpus that is shipped, replayed on the kernel under test. */
import { expect, test } from '@playwright/test';
import { judge } from '../oracles/judge.ts';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { Corpus } from '../harness/run/corpus.ts';
import { execute } from '../harness/run/execute.ts';
import { KernelUnderTest } from './testing/kernel-under-test.ts';

const kernel = new KernelUnderTest();
test.beforeAll(async () => {
  test.setTimeout(3_600_000);
  await kernel.prepare();
});

test('should conform in every case of the corpus', async () => {
  test.setTimeout(600_000);
  const corpus = Corpus.open(join(repositoryRoot(), 'corpora'));
  expect(corpus.strays()).toEqual([]);
  const entries = corpus.entries();
  const cases = entries.map(([hash]) => corpus.read(hash));
  const problems: string[] = [];
  let judged = 0;
  for await (const { index, outcome } of execute(kernel, cases)) {
    const [hash, { why }] = entries[index]!;
    const verdict =
      outcome.kind === 'observed' ? judge(cases[index]!, outcome.observation, { facts: kernel.facts }) : undefined;
    if (verdict?.kind === 'conforms') judged += 1;
    else problems.push(`${hash} (${why}): ${JSON.stringify(verdict ?? outcome)}`);
  }
  expect(problems).toEqual([]);
  expect(judged).toBe(cases.length);
});
