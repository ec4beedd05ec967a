import { expect, test } from '@playwright/test';
import { kernelIsHealthy, runServe, type Ran } from '../harness/cli/testing/run-serve.ts';
import { bundleForGuest } from './testing/bundle.ts';

const tools = (...names: string[]): string[] => names.flatMap((name) => ['--file', name]);
/** bash: busybox's shell prefers its own cp and tar. */
const serve = (command: string, options: string[]): Promise<Ran> => runServe('examples/writable.ts', ['bash', '-c', `set -o pipefail; ${command}; ${kernelIsHealthy}`],
  { options: ['-q', ...tools('bash'), ...options] });
const used = "df . | tail -1 | tr -s ' ' | cut -d ' ' -f 3";
const drop = 'echo 3 > /proc/sys/vm/drop_caches';

test('should share blocks between copies until one of them is written', async () => {
  const { code, stdout } = await serve(`
    seq 100000 > a; cp a b; ${used}; filefrag -v a b | grep -c shared
    printf changed | dd of=b conv=notrunc 2>/dev/null; printf CHANGED | dd of=b bs=1 seek=50000 conv=notrunc 2>/dev/null; sync; ${used}; filefrag b | tail -1
    ${drop}; seq 100000 | cmp - a && echo a is as it was; head -c 7 b; tail -c +50001 b | head -c 7; echo; cmp -l a b | wc -l
    dd if=b bs=4K iflag=direct 2>/dev/null | cmp - b && echo direct
    rm a; sync; ${used}; seq 100000 | cmp -l - b | wc -l; truncate -s 0 b; ${used}`, tools('cp', 'filefrag'));
  expect(stdout.trim().split('\n')).toEqual(['576', '2', '584', 'b: 4 extents found', 'a is as it was', 'changedCHANGED', '14', 'direct', '576', '14', '0']);
  expect(code).toBe(0);
});

test('should be what a buffer in memory is, whatever syscalls come in whatever order', async () => {
  const program = test.info().outputPath('model.mjs');
  await bundleForGuest('examples/testing/model.ts', program);
  const seed = Number(process.env['IOMAPFUZZ_SEED']);
  const { code, stdout } = await serve(`node /host/model.mjs ${seed} 60 && rm model-* && sync && ${used}`, ['--file', program]);
  expect(stdout, `seed ${seed}`).toMatch(/^\d+ sequences, \d+ operations\n0\n$/);
  expect(code).toBe(0);
});
