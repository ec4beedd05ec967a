import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execInGuest } from '../vm/exec.ts';
import { testSpec } from '../vm/testing/spec.ts';
import { Vm } from '../vm/vm.ts';
import { Corpus } from './run/corpus.ts';
import { emitC } from './run/emit/emit-c.ts';
test('corpus as C', async () => {
  test.setTimeout(590_000);
  const corpus = Corpus.open('corpora');
  const dir = mkdtempSync('/tmp/corpusc-');
  const spec = await testSpec();
  const entries = corpus.entries();
  const files = entries.map(([hash]) => {
    const c = join(dir, `${hash}.c`);
    writeFileSync(c, emitC(corpus.read(hash), { deviations: [], clauses: new Map() }));
    const r = spawnSync('gcc', ['-Wall', '-Wextra', '-O2', '-s', '-pthread', '-o', join(dir, hash), c], { encoding: 'utf8' });
    if (r.stderr) console.log(hash, r.stderr);
    return { path: `/repro/${hash}`, content: { kind: 'file' as const, source: join(dir, hash) }, executable: true };
  });
  const vm = await Vm.boot({ ...spec, files: [...spec.files, ...files], memoryMib: 640 });
  const bad: string[] = [];
  for (const [hash, { shows }] of entries) {
    let text = '';
    const code = await execInGuest(vm, { argv: [`/repro/${hash}`], timeoutMs: 60_000, onOutput: (_, b) => { text += Buffer.from(b).toString(); } });
    if (code !== 0) { bad.push(`${hash} ${code} ${shows[0]}\n${text}`); }
  }
  await vm.close();
  console.log(`ran ${entries.length}, not 0: ${bad.length}`);
  console.log(bad.slice(0, 6).join('\n'));
  expect(bad.length).toBe(0);
});
