import { expect, test } from '@playwright/test';
import { writeFileSync } from 'node:fs';
import { runServe as serve, shell } from './testing/run-serve.ts';

test('should serve a striped file, and show which requests that took', async () => {
  const { code, stdout, stderr } = await serve(
    'examples/striped.ts',
    shell('dd if=striped bs=64K count=3 iflag=direct | tr -s . "\\n" | uniq -c'),
  );
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.trim()),
  ).toEqual(['4096 from device 0', '4096 from device 1', '4096 from device 0']);
  expect(stderr).toContain(
    '| BEGIN     striped      DIRECT at 64K for 64K -> read MAPPED 64K..128K on device 1 at 0; write PURE_OVERWRITE 64K..128K',
  );
  expect(stderr).toContain('| DESTROY -> ok');
  expect(code).toBe(0);
});

test('should turn an unwritten extent into a written one when the kernel reports the write', async () => {
  const readBack = 'dd if=sparse bs=64K skip=3 count=2 iflag=direct | tr -d "\\0" | wc -c';
  const { code, stdout, stderr } = await serve(
    'examples/sparse.ts',
    shell(
      `${readBack}; tr "\\0" x < /dev/zero | dd of=sparse bs=64K seek=3 count=1 conv=notrunc iflag=fullblock oflag=direct; ${readBack}`,
    ),
  );
  expect(stdout.trim().split('\n')).toEqual(['0', '65536']);
  expect(stderr).toContain('IOEND     sparse       UNWRITTEN|DIRECT at 192K for 64K');
  expect(code).toBe(0);
});

test('should give a shell the mount, and exit as the shell does', async () => {
  const { code, stdout } = await serve('examples/bad-mappings.ts', [], {
    input: 'ls\ndd if=empty of=/dev/null bs=4K count=1 iflag=direct || exit 7\n',
  });
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
  const { code, stdout } = await serve(
    script,
    shell(
      '(dd if=slow of=/dev/null bs=4K count=1 iflag=direct 2>/dev/null && echo slow) & dd if=quick of=/dev/null bs=4K count=1 iflag=direct 2>/dev/null && echo quick; wait',
    ),
  );
  expect(stdout).toBe('quick\nslow\n');
  expect(code).toBe(0);
});

test('should blame the script for what its handlers throw, with its line', async () => {
  const { code, stderr } = await serve(
    'import { defineServer } from "iomapfuzz/server";\nexport default defineServer({ files: { f: {} }, handlers: {\n  lookup() { throw new Error("no such luck"); },\n} });\n',
    ['ls', 'f'],
  );
  expect(stderr).toContain('no such luck');
  expect(stderr).toMatch(/script\.ts:3:/);
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

test('should keep a tree of files, directories and links that ordinary tools change', async () => {
  const { code, stdout, stderr } = await serve(
    `import { defineServer } from 'iomapfuzz/server';
    export default defineServer({
      files: { 'a/b/c': { content: 'abc' }, l: { symlink: 'a/b/c' }, h: { hardLinkTo: 'a/b/c' }, p: { mode: 0o010600 } },
      evict: (node, { log }) => { log('evicted ' + node.sizeBytes); },
    });\n`,
    shell(`
      cat l; stat -c %h h; test -p p && echo fifo
      mkdir d; for i in $(seq 400); do echo $i > d/f$i; done; ls d | wc -l
      mv d/f1 d/f2; cat d/f2; mv d e; cat e/f400; ln e/f3 e/g; ln -s f3 e/s; cat e/s; stat -c %h e/g
      exec 3< e/f400; rm -r e && ls | wc -l; cat <&3; exec 3<&-
      mkdir x y; mkdir x/z; mv x/z y; rmdir x; rmdir y || echo full; chmod 600 h; chown 5:6 h; touch -d @77 h; stat -c '%a %u %g %Y' a/b/c
      mv -T y/z y 2>&1 | head -c 2; mv h y/z/; cat y/z/h`),
  );
  expect(stdout.trim().split('\n')).toEqual([
    'abc2',
    'fifo',
    '400',
    '1',
    '400',
    '3',
    '2',
    '4',
    '400',
    'full',
    '600 5 6 77',
    'mvabc',
  ]);
  expect(stderr.split('\n').filter((line) => line.startsWith('| # evicted')).length).toBeGreaterThanOrEqual(400);
  expect(code).toBe(0);
});

test('should put what --device and --file bring into the guest, and keep devices when the script serves again', async () => {
  const image = test.info().outputPath('image');
  const bytes = Buffer.alloc(3 << 20);
  bytes.write('at the start');
  bytes.write('in the middle', 2_000_001);
  writeFileSync(image, bytes.subarray(0, (3 << 20) - 100));
  const { code, stdout } = await serve(
    `import { defineServer, mapped } from 'iomapfuzz/server';
    export default defineServer((host) => {
      const first = host.device(0), second = host.device(1), third = host.device(2, { sizeBytes: 4096, content: 'own' });
      const text = first.read(0, 12) + '|' + first.read(2000001, 13) + '|' + first.sizeBytes + '|' + second.sizeBytes + '|' + third.read(0, 3) + '|' + second.read(5000, 5).toString('latin1');
      second.write(5000, Buffer.from('again'));
      const all = mapped({ device: 1, addr: 0, offset: 0, length: 1048576 });
      return { files: { text: { content: text }, data: { sizeBytes: 1048576 } }, handlers: { begin: () => all } };
    });\n`,
    shell(
      'cat text; echo; dd if=data bs=1 skip=5000 count=5 2>/dev/null; echo; cd /; remount; cd /mnt; cat text | tail -c 5; echo; head -c 12 /host/image; rsync --version | head -c 5',
    ),
    { options: ['-q', '--device', image, '--device', '1M', '--file', 'rsync', '--file', image] },
  );
  expect(stdout).toBe('at the start|in the middle|3145728|1048576|own|\0\0\0\0\0\nagain\nagain\nat the startrsync');
  expect(code).toBe(0);
});

test('should say what is wrong with --device and --file', async () => {
  for (const [options, text] of [
    [['--device', '/nowhere'], 'There is no file /nowhere'],
    [['--device', '1000'], 'multiple of 512'],
    [['--file', 'no-such-program'], 'no program no-such-program on PATH'],
    [['--file', '/bin/sh:relative'], 'begins with a slash'],
  ] as const) {
    const { code, stderr } = await serve('examples/striped.ts', ['true'], { options: [...options] });
    expect(stderr).toContain(text);
    expect(code).toBe(2);
  }
  const { code, stderr } = await serve('examples/ext4.ts', ['true']);
  expect(stderr).toContain(
    'the script needs device 0, and there is none: start it with --device FILE or --device SIZE',
  );
  expect(code).toBe(2);
});

test('should let scripts answer any opcode with malformed bytes, INIT included, without hanging', async () => {
  const broken = await serve(
    `import { defineServer, raw } from 'iomapfuzz/server';
    export default defineServer({ handlers: { any: ({ name }) => name === 'INIT' ? raw(new Uint8Array(3)) : undefined } });\n`,
    shell('ls'),
  );
  expect(broken.stderr).toMatch(/sh cannot be started in \/mnt: ECONNREFUSED/);
  expect(broken.code).toBe(127);
  const { stdout, code } = await serve(
    `import { defineServer, raw, error } from 'iomapfuzz/server';
    export default defineServer({ files: { f: { sizeBytes: 4096 }, g: { content: 'g' } }, handlers: { any({ name, file }) {
      if (name === 'OPEN' && file === 'f') return raw(new Uint8Array(1));
      if (name === 'STATFS') return raw(new Uint8Array(0), { error: 5 });
      if (name === 'MKDIR') return raw(new Uint8Array(0), { error: -600 });
      if (name === 'FSYNC') return raw(new Uint8Array(0), { unique: 99n });
      if (name === 'UNLINK') return raw(new Uint8Array(0), { lengthBytes: 7 });
      if (name === 'SYMLINK') return error('EDQUOT');
    } } });\n`,
    shell(
      'for c in "cat f" "df ." "mkdir d" "rm g" "ln -s x y" "dd if=/dev/null of=g conv=fsync,notrunc"; do $c > /dev/null 2>&1; echo $?; done; cat g',
    ),
  );
  expect(stdout).toBe('1\n1\n1\n1\n1\n1\ng');
  expect(code).toBe(0);
});

test('should send notifications while a request is held, and keep the mapping cache warm', async () => {
  const { code, stdout, stderr } = await serve(
    `import { defineServer, mapped, pureOverwrite, retryCache } from 'iomapfuzz/server';
    const at = { offset: 0, length: 65536 };
    const all = mapped({ device: 0, addr: 0, ...at });
    export default defineServer({
      devices: [{ sizeBytes: 65536, content: Buffer.alloc(65536, 'd') }], files: { warm: { sizeBytes: 65536 }, other: { content: '' } },
      handlers: {
        begin(request, { hold, notify, after }) {
          const kept = hold();
          notify.upsert(request.node, { read: all });
          after(100, () => { kept.answer({ read: retryCache(at), write: pureOverwrite(at) }); });
          return kept;
        },
        setattr({ node }, { notify, after }) {
          notify.invalidate('warm', { read: at });
          notify.devInvalidate(0, at);
          after(0, () => { notify.invalidateInode(node); notify.invalidateName('', 'other'); });
        },
      },
    });\n`,
    shell(
      'for i in 1 2 3 4; do dd if=warm bs=4K count=2 iflag=direct 2>/dev/null | tr -d d | wc -c; done; chmod 600 other; sleep 1; stat other > /dev/null; dd if=warm bs=4K count=1 iflag=direct 2>/dev/null | head -c 1',
    ),
  );
  expect(stdout).toBe('0\n0\n0\n0\nd');
  // Once for the first read; once more for the first after the cache lost it.
  expect(stderr.match(/^\| BEGIN .* -> read RETRY_CACHE/gm)).toHaveLength(2);
  expect(stderr.match(/LOOKUP .*other/g)).toHaveLength(2);
  for (const what of [
    'UPSERT_MAPPINGS warm',
    'INVAL_MAPPINGS warm',
    'DEV_INVAL device 0',
    'INVAL_INODE other',
    'INVAL_ENTRY  "other"',
  ])
    expect(stderr).toContain(`| notify ${what} -> ok`);
  expect(code).toBe(0);
});

test('should wait in mount(2) for INIT and CONFIG when the script asks for SYNC_INIT', async () => {
  const script = (config: string): string => `import { defineServer } from 'iomapfuzz/server';
    export default defineServer({ syncInit: true, files: { f: { content: 'f' } }, handlers: { config: () => (${config}) } });\n`;
  const good = await serve(script('{ blockSizeBytes: 1024 }'), ['cat', 'f']);
  expect(good.stdout).toBe('f');
  expect(good.code).toBe(0);
  const refused = await serve(script('{ blockSizeBytes: 1000 }'), ['cat', 'f']);
  expect(refused.stderr).toContain('mount(2) at /mnt failed: EINVAL');
  expect(refused.code).toBe(3);
});
