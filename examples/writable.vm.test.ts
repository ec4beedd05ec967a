import { expect, test } from '@playwright/test';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { kernelIsHealthy, runServe, type Ran } from '../cli/testing/run-serve.ts';
import { bundleForGuest } from './testing/bundle.ts';

const tools = (...names: string[]): string[] => names.flatMap((name) => ['--file', name]);
/** bash: busybox's shell prefers its own cp and tar. */
const serve = (command: string, options: string[]): Promise<Ran> =>
  runServe('examples/writable.ts', ['bash', '-c', `set -o pipefail; ${command}; ${kernelIsHealthy}`], {
    options: ['-q', ...tools('bash'), ...options],
  });
const used = "df . | tail -1 | tr -s ' ' | cut -d ' ' -f 3";
const drop = 'echo 3 > /proc/sys/vm/drop_caches';

test('should share blocks between copies until one of them is written', async () => {
  const { code, stdout } = await serve(
    `
    seq 100000 > a; cp a b; ${used}; filefrag -v a b | grep -c shared
    printf changed | dd of=b conv=notrunc 2>/dev/null; printf CHANGED | dd of=b bs=1 seek=50000 conv=notrunc 2>/dev/null; sync; ${used}; filefrag b | tail -1
    ${drop}; seq 100000 | cmp - a && echo a is as it was; head -c 7 b; tail -c +50001 b | head -c 7; echo; cmp -l a b | wc -l
    dd if=b bs=4K iflag=direct 2>/dev/null | cmp - b && echo direct
    rm a; sync; ${used}; seq 100000 | cmp -l - b | wc -l; truncate -s 0 b; ${used}`,
    tools('cp', 'filefrag'),
  );
  expect(stdout.trim().split('\n')).toEqual([
    '576',
    '2',
    '584',
    'b: 4 extents found',
    'a is as it was',
    'changedCHANGED',
    '14',
    'direct',
    '576',
    '14',
    '0',
  ]);
  expect(code).toBe(0);
});

test('should hold what rsync and tar bring, with its space accounted, and find it again after a remount', async () => {
  const { code, stdout } = await serve(
    `
    rsync -a /host/oracles/ r/ && tar -C r -cf t.tar . && mkdir x && tar -C x -xf t.tar && diff -r r x && diff -r x /host/oracles && echo same
    ln -s r/rules link; ln t.tar hard; chmod 751 r; touch -d @1234567 x; before=$(${used}); cd /; remount; cd /mnt
    [ "$(${used})" = "$before" ] && echo as much; diff -r r /host/oracles && diff -r x /host/oracles && echo same; diff link/ /host/oracles/rules > /dev/null && echo link; cmp t.tar hard; stat -c '%h' hard; stat -c %a r; stat -c %Y x
    rsync -ac --itemize-changes /host/oracles/ r/ | grep -c '^>'; mv r/rules moved; rm -r r x t.tar hard moved link; sync; ls -A | wc -l; ${used}
    cd /; remount; cd /mnt; ls -A | wc -l; ${used}`,
    [...tools('rsync', 'tar'), '--file', join(repositoryRoot(), 'oracles')],
  );
  expect(stdout.trim().split('\n')).toEqual([
    'same',
    'as much',
    'same',
    'link',
    '2',
    '751',
    '1234567',
    '0',
    '0',
    '0',
    '0',
    '0',
  ]);
  expect(code).toBe(0);
});

test('should say that the device is full, lose nothing that it took, and have all space back afterwards', async () => {
  const { code, stdout } = await serve(
    `
    dd if=/dev/zero of=fill bs=64K 2>&1 | grep -o 'No space left on device'; sync; df . | tail -1 | tr -s ' ' | cut -d ' ' -f 4
    echo x > more; echo $?; fallocate -l 1M f || echo refused; rm fill; sync
    tr '\\0' z < /dev/zero | head -c 5000000 > again; ${drop}; sha256sum < again; tr '\\0' z < /dev/zero | head -c 5000000 | sha256sum
    fallocate -l 3M f && stat -c %s f; fallocate -p -o 4096 -l 1048576 again; sync; stat -c %b again; rm -f f again more; sync; ${used}`,
    ['--device', '16M', ...tools('fallocate')],
  );
  const lines = stdout.trim().split('\n');
  expect(lines.slice(0, 4)).toEqual(['No space left on device', '0', '1', 'refused']);
  expect(lines[4]).toBe(lines[5]);
  expect(lines.slice(6)).toEqual(['3145728', String((1221 - 256) * 8), '0']);
  expect(code).toBe(0);
});

test('should be what a buffer in memory is, whatever syscalls come in whatever order', async () => {
  const program = test.info().outputPath('model.mjs');
  await bundleForGuest('examples/testing/model.ts', program);
  const seed = Number(process.env['IOMAPFUZZ_SEED']);
  const { code, stdout } = await serve(`node /host/model.mjs ${seed} 60 && rm model-* && sync && ${used}`, [
    '--file',
    program,
  ]);
  expect(stdout, `seed ${seed}`).toMatch(/^\d+ sequences, \d+ operations\n0\n$/);
  expect(code).toBe(0);
});

test('should pass fio with verification: buffered, mmap and direct, at random and with fsync', async () => {
  const { code, stdout, stderr } = await serve(
    `
    fio() { command fio --thread --size=2M --bs=4k --verify=crc32c --verify_fatal=1 --minimal --output=/tmp/out "$@" && echo verified || { echo failed "$@"; cat /tmp/out; }; }
    fio --name=psync --filename=p --rw=randwrite --fsync=64
    fio --name=mixed --filename=m --rw=randwrite --bsrange=512-64k --bs_unaligned
    fio --name=mmap --filename=q --rw=randwrite --ioengine=mmap
    fio --name=direct --filename=d --rw=randwrite --direct=1
    fio --name=many --directory=/mnt --nrfiles=40 --rw=randwrite --openfiles=10
    ${drop}; fio --name=again --filename=d --rw=randwrite --direct=1 --verify_only`,
    tools('fio'),
  );
  expect(stdout.trim().split('\n'), stderr).toEqual(Array<string>(6).fill('verified'));
  expect(code).toBe(0);
});
