/**
 * Entry of the server's thread: serves one session after the other, blocking, for the agent's thread that runs
 * workloads.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { loadNative, type Native } from '../native/index.ts';
import { offeredFlags } from './session/init.ts';
import { Server } from './session/server.ts';
import { fail } from '../../server/answer.ts';
import { revisionWith } from '../../uapi/numbers.ts';
import type { InitIn } from '../../uapi/fuse-structs.ts';
import { CaseFiles } from './cases/case-files.ts';
import { LogWriter } from './cases/exchange-log.ts';
import type { ServerCase, ServerThreadData, SessionStart, ToServer } from './cases/messages.ts';
import { STATE, WORD, barrierName, mostExchanges, mountPoint } from './cases/shared.ts';
import { abortConnection } from './cases/control-fs.ts';
import { ENDED } from '../../model/exchange-record.ts';
import { constants } from 'node:os';

const data = workerData as ServerThreadData;
const native = loadNative(data.addon);
/** Requests of table cases are answered before this thread sees them. */
const scripted: Native = { ...native, read: (fd, buffer, at, length) => native.readUnanswered(fd, buffer, at, length) };
const words = new Int32Array(data.words);
words[WORD.thread] = native.threadId();
const log = new LogWriter(words, data.log);
const port = parentPort!;

function setState(state: number): void {
  Atomics.store(words, WORD.state, state);
  Atomics.notify(words, WORD.state);
}

function cut(): void {
  try {
    abortConnection(native, mountPoint);
  } catch {
    // The kernel has no control file system: errors are all that it gets.
  }
}

function postedCases(): ServerCase[] {
  const cases: ServerCase[] = [];
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
    const message = next.message as ToServer;
    if (message.kind === 'cases') cases.push(...message.cases);
  }
  return cases;
}

function serve(start: SessionStart): void {
  const revision = revisionWith(start.revision, start.numbers);
  const { geometry } = start;
  const cookies = (): number[] => start.devices.map((_, index) => words[WORD.devices + index]!);
  const files = new CaseFiles(
    {
      revision,
      native,
      opens: start.opens,
      config: geometry.config,
      fetch: postedCases,
      cookies,
      notify: (line, messages, signal) => {
        log.notified(
          line,
          messages.map((message) => Math.max(-native.write(start.fd, message, 0, message.length), 0)),
        );
        // The workload runs on the first thread.
        if (signal) native.signalMain();
      },
    },
    start.own,
  );
  const server = new Server(
    scripted,
    start.fd,
    {
      revision,
      ...(geometry.initMinor === undefined ? {} : { minor: geometry.initMinor }),
      ...(geometry.initIomap === undefined ? {} : { iomap: geometry.initIomap }),
    },
    {
      answer: (request) => {
        Atomics.add(words, WORD.taken, 1);
        if (request.names[0] !== barrierName) Atomics.store(words, WORD.begun, log.next + 1);
        if (words[WORD.count]! <= (words[WORD.most]! || mostExchanges) || request.names[0] === barrierName)
          return files.answer(request);
        // An error ends most loops, a connection that is gone the others.
        if (words[WORD.endless] === 0) {
          words[WORD.endless] = request.opcode + 1;
          words[WORD.endlessAt] = log.next;
          cut();
        }
        return fail(constants.errno.EIO);
      },
      answerInit: (request) => {
        const init = request.args as InitIn;
        const offered = offeredFlags(init);
        words[WORD.initMinor] = init.minor;
        words[WORD.initFlags] = Number(BigInt.asIntN(32, offered));
        words[WORD.initFlags2] = Number(BigInt.asIntN(32, offered >> 32n));
        const answer = files.answerInit(request);
        if (answer?.kind === 'end') Atomics.add(words, WORD.taken, 1);
        return answer;
      },
      record: (buffer, length, reply, writeErrno, request) => {
        if (request.names[0] !== barrierName) log.append(buffer, length, reply, writeErrno);
        if (request.name === 'INIT') {
          // Whatever the kernel makes of the answer: the workload will see.
          setState(STATE.initialised);
          return;
        }
        Atomics.add(words, WORD.handled, 1);
        Atomics.notify(words, WORD.handled);
      },
      end: (how, buffer, length) => {
        log.append(buffer, length, undefined, ENDED[how]);
        if (how !== 'abort') {
          words[WORD.died] = 1;
          native.close(start.fd);
          // The last one that has it open, if there is such a process.
          if (how === 'kill' && start.holder !== undefined) native.killHolder(start.holder);
        } else abortConnection(native, mountPoint);
        Atomics.add(words, WORD.handled, 1);
        Atomics.notify(words, WORD.handled);
        // INIT, of a connection that ends with it.
        if (Atomics.load(words, WORD.state) === STATE.starting) setState(STATE.initialised);
      },
      abandoned: () => Atomics.load(words, WORD.abandoned) === 1,
    },
  );
  const end = server.run();
  if (end.kind === 'read-failed') throw new Error(`reading requests from /dev/fuse failed with errno ${end.errno}`);
}

// Whoever started this thread waits for it.
port.postMessage('ready');
port.on('message', (message: ToServer) => {
  if (message.kind !== 'session') return;
  try {
    serve(message);
    setState(STATE.idle);
  } catch (error) {
    // An open connection without a server would block every later syscall: closing the fd aborts it.
    if (words[WORD.died] !== 1) native.close(message.fd);
    const reason = Buffer.from(error instanceof Error ? (error.stack ?? error.message) : String(error));
    words[WORD.used] = reason.copy(Buffer.from(data.log));
    setState(STATE.failed);
  }
});
