import { expect, test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
  ftruncateSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { kernelIsHealthy, runServe, shell } from '../cli/testing/run-serve.ts';

/** Bytes that are unlike at every place, without chance. */
function bytes(length: number, seed: string): Buffer {
  const blocks: Buffer[] = [];
  for (let n = 0; n * 64 < length; n++) blocks.push(createHash('sha512').update(`${seed} ${n}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

/** `pieces`: place and length of what is not a hole. */
function sparseFile(path: string, sizeBytes: number, pieces: [number, number][]): void {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, sizeBytes);
  for (const [at, length] of pieces) writeSync(fd, bytes(length, `${path} ${at}`), 0, length, at);
  closeSync(fd);
}

function makeTree(root: string): void {
  mkdirSync(join(root, 'deep/a/b/c/d/e/f/g'), { recursive: true });
  mkdirSync(join(root, 'many'));
  writeFileSync(join(root, 'empty'), '');
  writeFileSync(join(root, 'deep/a/b/c/d/e/f/g/tiny'), 'tiny\n');
  writeFileSync(join(root, 'large'), bytes(5_000_001, 'large'));
  linkSync(join(root, 'large'), join(root, 'hard-link'));
  symlinkSync('deep/a/b', join(root, 'short-link'));
  symlinkSync(`deep/a/b/${'../b/'.repeat(30)}c`, join(root, 'long-link'));
  sparseFile(join(root, 'sparse'), 9_000_000, [
    [3_000_000, 5000],
    [8_990_000, 10_000],
  ]);
  sparseFile(join(root, 'hole-at-end'), 1_000_000, [[0, 100]]);
  // An extent tree of two levels: 700 extents, 84 in a block of 1 KiB, 4 in the inode.
  sparseFile(
    join(root, 'fragments'),
    700 * 2048,
    Array.from({ length: 700 }, (_, n): [number, number] => [n * 2048 + (n % 7), 900]),
  );
  for (let n = 0; n < 800; n++)
    writeFileSync(
      join(root, 'many', `a name that is long enough to give the directory an index, number ${n}`),
      `${n}\n`,
    );
}

const hashes = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${createHash('sha256').update(readFileSync(path)).digest('hex')}  ./${relative(root, path)}`)
    .sort();

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  });
const listFiles = 'find . -name lost+found -prune -o -type f -print0 | xargs -0 sha256sum';

for (const blockBytes of [1024, 4096]) {
  test(`should serve an image of ${blockBytes} byte blocks, every byte as it went in`, async () => {
    const root = test.info().outputPath('tree'),
      image = test.info().outputPath('image.ext4');
    makeTree(root);
    run('mke2fs', '-q', '-t', 'ext4', '-L', 'example', '-b', String(blockBytes), '-d', root, image, '40M');
    // -D builds directory indexes, which mke2fs does not; its exit code says that it changed something.
    try {
      run('e2fsck', '-f', '-y', '-D', image);
    } catch (error) {
      expect((error as { status: number }).status).toBe(1);
    }
    expect(run('debugfs', '-R', 'htree_dump /many', image)).toContain('Indirect levels');
    const { code, stdout, stderr } = await runServe(
      'examples/ext4.ts',
      shell(`
      ${listFiles} > /tmp/sums; cat /tmp/sums; echo ==
      cat short-link/c/d/e/f/g/tiny; ls long-link; readlink long-link | wc -c; stat -c '%h %i' large | (read n i; echo $n links; stat -c %i hard-link | grep -qx $i && echo same inode)
      cat sparse fragments hole-at-end large | sha256sum; for f in sparse fragments hole-at-end large; do dd if=$f bs=64K iflag=direct 2>/dev/null; done | sha256sum
      filefrag -e fragments | grep -c ':.*\\.\\.'; filefrag -e sparse | grep -c ':.*\\.\\.'; ls many | wc -l
      for c in "touch new" "rm empty" "mkdir d" "mv empty full" "chmod 1 empty" "truncate -s 1 large" "dd if=/dev/zero of=large count=1"; do $c 2>&1 | grep -c "Read-only file system"; done
      ${kernelIsHealthy}`),
      { options: ['-q', '--device', image] },
    );
    const [sums, rest] = stdout.split('==\n');
    expect(sums!.trim().split('\n').sort()).toEqual(hashes(root));
    const lines = rest!.trim().split('\n');
    expect(lines.slice(0, 5)).toEqual(['tiny', 'd', String(9 + 30 * 5 + 1 + 1), '2 links', 'same inode']);
    expect(lines[5]).toMatch(/^[0-9a-f]{64} /);
    expect(lines[5]).toBe(lines[6]);
    // In blocks of 4 KiB the 700 pieces touch each other.
    expect(lines[7]).toBe(blockBytes === 1024 ? '700' : '1');
    expect(lines[8]).toBe('2');
    expect(lines.slice(9)).toEqual(['800', ...Array<string>(7).fill('1')]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });
}

test('should read unwritten extents as zeros, whatever their blocks hold', async () => {
  const root = test.info().outputPath('tree'),
    image = test.info().outputPath('image.ext4');
  mkdirSync(root, { recursive: true });
  sparseFile(join(root, 'file'), 200_000, [
    [0, 4096],
    [196_608, 3392],
  ]);
  run('mke2fs', '-q', '-t', 'ext4', '-b', '4096', '-d', root, image, '16M');
  run('debugfs', '-w', '-R', 'fallocate /file 1 20', image);
  const [first] = /\((?:ETB0\):\d+, \()?1-20\[u\]\):(\d+)/.exec(run('debugfs', '-R', 'stat /file', image))!.slice(1);
  run('debugfs', '-w', '-R', `zap_block -p 0xab ${first}`, image);
  const { code, stdout } = await runServe(
    'examples/ext4.ts',
    shell(
      `sha256sum < file; filefrag -v file | grep -c unwritten; dd if=file bs=4K iflag=direct 2>/dev/null | sha256sum; ${kernelIsHealthy}`,
    ),
    { options: ['-q', '--device', image] },
  );
  const sum = `${createHash('sha256')
    .update(readFileSync(join(root, 'file')))
    .digest('hex')}  -`;
  expect(stdout.trim().split('\n')).toEqual([sum, '1', sum]);
  expect(code).toBe(0);
});

test('should refuse what is no ext4, or one that it cannot read', async () => {
  const image = test.info().outputPath('image');
  writeFileSync(image, '');
  truncateSync(image, 8 << 20);
  const none = await runServe('examples/ext4.ts', ['ls'], { options: ['--device', image] });
  expect(none.stderr).toContain('the device holds no ext4');
  expect(none.code).toBe(2);
  run('mke2fs', '-q', '-F', '-t', 'ext4', '-O', 'inline_data', image, '8M');
  const inline = await runServe('examples/ext4.ts', ['ls'], { options: ['--device', image] });
  expect(inline.stderr).toContain('a feature that this reader does not know: inline_data');
  expect(inline.code).toBe(2);
});
