import { expect, test } from '@playwright/test';
import { mkdirSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { Qmp } from './qmp.ts';

/** A control socket, and the end of it that speaks for QEMU. */
async function pair(path: string): Promise<{ qmp: Qmp; qemu: Socket; close: () => void }> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  const accepted = new Promise<Socket>((resolve) => {
    server.once('connection', resolve);
  });
  const qemu = createConnection(path);
  qemu.on('error', () => {
    /* the other end gives up */
  });
  return {
    qmp: new Qmp(await accepted),
    qemu,
    close: () => {
      qemu.destroy();
      server.close();
    },
  };
}

test.beforeEach(({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
});

test('should give answers to their commands, whatever events come between', async ({}, info) => {
  const { qmp, qemu, close } = await pair(info.outputPath('qmp'));
  qemu.on('data', () => {
    qemu.write('{"QMP": {}}\n{"event": "STOP"}\n{"id": 1, "return": {"status": "paused"}}\n');
  });
  expect(await qmp.execute('query-status')).toEqual({ status: 'paused' });
  close();
});

const broken: Record<string, string> = {
  'a line that is no JSON': '{"id": 1, "ret\n',
  'a line that is no object': 'null\n',
  'a line that does not end': 'x'.repeat(2 << 20),
};
for (const [name, text] of Object.entries(broken)) {
  test(`${name} should fail the commands that wait and those that follow, and nothing else`, async ({}, info) => {
    const { qmp, qemu, close } = await pair(info.outputPath('qmp'));
    const answer = qmp.execute('query-status');
    qemu.write(text);
    await expect(answer).rejects.toThrow(/query-status: QEMU's control socket said what is not QMP/);
    await expect(qmp.execute('cont')).rejects.toThrow(/has closed/);
    close();
  });
}

test('an error without a description should still be an error of its command', async ({}, info) => {
  const { qmp, qemu, close } = await pair(info.outputPath('qmp'));
  qemu.on('data', () => {
    qemu.write('{"id": 1, "error": {}}\n');
  });
  await expect(qmp.execute('stop')).rejects.toThrow(/stop: undefined/);
  close();
});
