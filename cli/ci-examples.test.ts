import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { jsonReporter } from '../reports/json.ts';
import { reportInput } from '../reports/reporter.ts';
import { sampleRuleTexts } from '../reports/testing/rules.ts';
import type { SampleOptions } from '../reports/testing/sample.ts';
import { sampleRun } from '../reports/testing/scratch.ts';

async function annotations(options: SampleOptions): Promise<string[]> {
  const input = await jsonReporter.render(reportInput(await sampleRun(options), sampleRuleTexts));
  const { stdout, status } = spawnSync(process.execPath, [join(repositoryRoot(), 'examples/ci/annotations.mjs')], {
    encoding: 'utf8',
    input,
  });
  expect(status).toBe(0);
  return stdout.trimEnd().split('\n');
}

test('should annotate each finding on one line, and say how many are left out', async () => {
  const one = await annotations({ deviates: ({ id }) => id === 'map/type-known@read fiemap violating' });
  expect(one).toHaveLength(1);
  expect(one[0]).toMatch(
    /^::error title=[0-9a-f]{8} map\/type-known%3A fiemap succeeds%2C must fail with EUCLEAN::on fiemap: expected EUCLEAN \(117\), seen success \(0\)%0A/,
  );
  const many = await annotations({ deviates: ({ border }) => border === 'violating' });
  expect(many).toHaveLength(10);
  expect(many[9]).toMatch(/^::error title=iomapfuzz::\d+ more findings/);
});

test('should annotate a pass as a notice, and a run without a verdict as an error', async () => {
  expect((await annotations({}))[0]).toMatch(/^::notice title=iomapfuzz::CONFORMS/);
  expect((await annotations({ killedAfter: 5 }))[0]).toMatch(/^::error title=iomapfuzz::NO VERDICT/);
});

test('should call commands and options that exist', () => {
  const cli = join(repositoryRoot(), 'cli');
  for (const file of ['examples/ci/github-actions.yml', 'examples/ci/kubernetes-job.yaml']) {
    const text = readFileSync(join(repositoryRoot(), file), 'utf8');
    const calls = [...text.matchAll(/\.\/iomapfuzz (\w+)([^\n|]*)/g)];
    expect(calls.length).toBeGreaterThan(2);
    for (const [, command, rest] of calls) {
      const sources = ['', 'vm-options']
        .map((name) => readFileSync(join(cli, `${name || command!}.ts`), 'utf8'))
        .join('');
      for (const [option] of rest!.matchAll(/--[a-z]+/g))
        expect(sources, `${command} ${option}`).toContain(`'${option} <`);
    }
  }
});
