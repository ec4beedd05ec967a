import { expect, test } from '@playwright/test';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../vm/root.ts';

const kernel = process.env['IOMAPFUZZ_KERNEL'] === undefined ? [] : ['--kernel', process.env['IOMAPFUZZ_KERNEL']];
let scratch: string;
test.beforeAll(() => { scratch = mkdtempSync(join(tmpdir(), 'iomapfuzz-serve-test-')); });
test.afterAll(() => { rmSync(scratch, { recursive: true }); });

interface Ran { code: number | null; stdout: string; stderr: string }

/** `script`: a path in the repository, or the text of a script. */
function serve(script: string, argv: string[], input = ''): Promise<Ran> {
  let path = join(repositoryRoot(), script);
  if (script.includes('\n')) {
    path = join(scratch, `script-${Math.random()}.ts`);
    writeFileSync(path, script);
  }
  return new Promise((resolve) => {
    const child = spawn(join(repositoryRoot(), 'iomapfuzz'), ['serve', ...kernel, path, ...(argv.length > 0 ? ['--', ...argv] : [])]);
    const ran: Ran = { code: null, stdout: '', stderr: '' };
    child.stdout.on('data', (bytes: Buffer) => { ran.stdout += bytes; });
    child.stderr.on('data', (bytes: Buffer) => { ran.stderr += bytes; });
    child.on('close', (code) => { resolve({ ...ran, code }); });
    child.stdin.end(input);
  });
}
const shell = (command: string): string[] => ['sh', '-c', command];

test('should serve a striped file, and show which requests that took', async () => {
  const { code, stdout, stderr } = await serve('examples/striped.ts', shell('dd if=striped bs=64K count=3 iflag=direct | tr -s . "\\n" | uniq -c'));
  expect(stdout.trim().split('\n').map((line) => line.trim())).toEqual(['4096 from device 0', '4096 from device 1', '4096 from device 0']);
  expect(stderr).toContain('| BEGIN     striped      DIRECT at 64K for 64K -> read MAPPED 64K..128K on device 1 at 0; write PURE_OVERWRITE 64K..128K');
  expect(stderr).toContain('| DESTROY -> ok');
  expect(code).toBe(0);
});

test('should turn an unwritten extent into a written one when the kernel reports the write', async () => {
  const readBack = 'dd if=sparse bs=64K skip=3 count=2 iflag=direct | tr -d "\\0" | wc -c';
  const { code, stdout, stderr } = await serve('examples/sparse.ts',
    shell(`${readBack}; tr "\\0" x < /dev/zero | dd of=sparse bs=64K seek=3 count=1 conv=notrunc iflag=fullblock oflag=direct; ${readBack}`));
  expect(stdout.trim().split('\n')).toEqual(['0', '65536']);
  expect(stderr).toContain('IOEND     sparse       UNWRITTEN|DIRECT at 192K for 64K');
  expect(code).toBe(0);
});

test('should give a shell the mount, and exit as the shell does', async () => {
  const { code, stdout } = await serve('examples/bad-mappings.ts', [], 'ls\ndd if=empty of=/dev/null bs=4K count=1 iflag=direct || exit 7\n');
  expect(stdout).toContain('misaligned');
  expect(code).toBe(7);
});

test('should answer a held request later, after other requests', async () => {
  const script = `import { defineServer, mapped } from 'iomapfuzz/server';
    const all = mapped({ device: 0, addr: 0, offset: 0, length: 65536 });
    export default defineServer({
      devices: [{ sizeBytes: 65536 }], files: { slow: { sizeBytes: 65536 }, quick: { sizeBytes: 65536 } },
      handlers: { begin({ file }, { hold, after }) {
        if (file === 'quick') return all;
        const request = hold();
        after(1500, () => { request.answer(all); });
        return request;
      } },
    });\n`;
  const { code, stdout } = await serve(script, shell('(dd if=slow of=/dev/null bs=4K count=1 iflag=direct 2>/dev/null && echo slow) & dd if=quick of=/dev/null bs=4K count=1 iflag=direct 2>/dev/null && echo quick; wait'));
  expect(stdout).toBe('quick\nslow\n');
  expect(code).toBe(0);
});

test('should blame the script for what its handlers throw, with its line', async () => {
  const { code, stderr } = await serve('import { defineServer } from "iomapfuzz/server";\nexport default defineServer({ files: { f: {} }, handlers: {\n  lookup() { throw new Error("no such luck"); },\n} });\n', ['ls', 'f']);
  expect(stderr).toContain('no such luck');
  expect(stderr).toMatch(/script-[^ ]*\.ts:3:/);
  expect(code).toBe(2);
});

test('should name a script that is not there, and one that does not compile', async () => {
  const absent = await serve('examples/none.ts', ['ls']);
  expect(absent.stderr).toContain('there is no script');
  expect(absent.code).toBe(2);
  const broken = await serve('const x = ;\n\n', ['ls']);
  expect(broken.stderr).toContain('does not compile');
  expect(broken.code).toBe(2);
});
