/** The guest's agent: says hello, then does what the host asks. Its only argument is the results port's device. */
import { execFileSync } from 'node:child_process';
import type { GuestMessage, HostMessage } from '../../model/channel.ts';
import { PROTOCOL } from '../../model/channel.ts';
import { giveInput, runCommand } from './exec.ts';
import { readKernelFacts } from './kernel-facts.ts';
import { Port } from './port.ts';
import { runCases, runTable, warmUp, watchThrough } from './run-cases.ts';
import { writeFile } from './write-file.ts';

type Send = (...messages: GuestMessage[]) => void;
type Handlers = {
  [K in HostMessage['kind']]?: (message: Extract<HostMessage, { kind: K }>, send: Send) => void | Promise<void>;
};

/** One row per kind of message; a new kind is a new row. */
const handlers: Handlers = {
  ping: ({ id }, send) => {
    send({ kind: 'pong', id });
  },
  exec: runCommand,
  input: giveInput,
  'write-file': writeFile,
  'run-cases': runCases,
  'run-table': runTable,
  'warm-up': warmUp,
  poweroff: () => {
    execFileSync('busybox', ['reboot', '-f']);
  },
};

const port = Port.open(process.argv[2]!);
watchThrough(port.access);
const send: Send = (...messages) => {
  port.send(...messages);
};

async function handle(message: HostMessage): Promise<void> {
  const handler = handlers[message.kind] as ((message: HostMessage, send: Send) => void | Promise<void>) | undefined;
  if (handler === undefined) {
    send({ kind: 'error', id: message.id, reason: `the agent does not know messages of kind ${message.kind}` });
    return;
  }
  try {
    await handler(message, send);
  } catch (error) {
    send({ kind: 'error', id: message.id, reason: error instanceof Error ? error.message : String(error) });
  }
}

const ended = port.listen((message) => {
  void handle(message);
});
send({ kind: 'hello', protocol: PROTOCOL, facts: readKernelFacts() });
void ended.catch((error: unknown) => {
  console.error('iomapfuzz-agent: the results port failed:', error);
  process.exit(1);
});
