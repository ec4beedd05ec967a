/**
 * A guest that boots, or never will, is ended as fast as one that runs. QEMU is a stand-in here that connects its
 * sockets and says nothing.
 */
import { expect, test } from '@playwright/test';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testableFragment } from '../vm/kernel/fragments.ts';
import { repositoryRoot } from '../files/repository-root.ts';
import { processesThatName } from '../vm/testing/processes.ts';
import { bzImage } from '../vm/testing/stand-in-kernel.ts';

const standIn = `#!${process.execPath}
if (process.argv.includes('--version')) { console.log('QEMU emulator version 0.0.0'); process.exit(0); }
if (process.argv.includes('none') && process.argv.includes('stdio')) process.exit(0);
const { net, fs } = { net: process.getBuiltinModule('node:net'), fs: process.getBuiltinModule('node:fs') };
for (const word of process.argv) { const path = /^socket,id=\\w+,path=(.*)$/.exec(word); if (path) net.createConnection(path[1]); }
fs.writeFileSync(process.env.STAND_IN_STARTED, String(process.pid));
setInterval(() => {}, 1000);
`;

/** By the signal that ends them. */
const ends: readonly { signal: NodeJS.Signals; jobs: string; exit: number | NodeJS.Signals; endedBy?: string }[] = [
  { signal: 'SIGTERM', jobs: '1', exit: 3, endedBy: 'interrupted by SIGTERM' },
  { signal: 'SIGINT', jobs: '1', exit: 3, endedBy: 'interrupted by SIGINT' },
  // Two guests come from a snapshot, which is being made.
  { signal: 'SIGTERM', jobs: '2', exit: 3, endedBy: 'interrupted by SIGTERM' },
  { signal: 'SIGKILL', jobs: '1', exit: 'SIGKILL' },
];

for (const { signal, jobs, exit, endedBy } of ends) {
  test(`${signal} should end a boot at once and leave nothing of it (${jobs} guests)`, async ({}, info) => {
    const [bin, temporary, out] = ['bin', 'tmp', 'out'].map((name) => info.outputPath(name)) as [
      string,
      string,
      string,
    ];
    for (const directory of [bin, temporary]) mkdirSync(directory, { recursive: true });
    writeFileSync(join(bin, 'qemu-system-x86_64'), standIn);
    chmodSync(join(bin, 'qemu-system-x86_64'), 0o755);
    writeFileSync(info.outputPath('bzImage'), bzImage());
    writeFileSync(info.outputPath('config'), testableFragment());
    const started = info.outputPath('started');
    const child = spawn(
      process.execPath,
      [
        join(repositoryRoot(), 'dist/iomapfuzz.mjs'),
        'conformance',
        '--accel',
        'tcg',
        '--kernel',
        info.outputPath('bzImage'),
        '--jobs',
        jobs,
        '--out',
        out,
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          PATH: `${bin}:${process.env['PATH'] ?? ''}`,
          TMPDIR: temporary,
          STAND_IN_STARTED: started,
        },
      },
    );
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => {
        said += bytes.toString();
      });
    const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
      child.on('close', (code, by) => {
        resolve(by ?? code);
      });
    });
    const early = await Promise.race([ended, expect.poll(() => existsSync(started), { timeout: 100_000 }).toBe(true)]);
    expect(early, `it ended before QEMU was started: ${said}`).toBeUndefined();
    const killedMs = performance.now();
    child.kill(signal);
    expect(await ended, said).toBe(exit);
    console.log(
      `${signal}, ${jobs} guests: ended ${String(Math.round(performance.now() - killedMs))} ms after the signal`,
    );
    // A generous deadline: an idle machine needs a tenth of a second, and a boot has minutes.
    expect(performance.now() - killedMs).toBeLessThan(30_000);
    await expect.poll(() => processesThatName(info.outputDir)).toEqual([]);
    await expect.poll(() => readdirSync(temporary)).toEqual([]);
    const summary = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as {
      complete: boolean;
      endedBy?: string;
    };
    expect(summary.complete).toBe(false);
    expect(summary.endedBy).toBe(endedBy);
  });
}
