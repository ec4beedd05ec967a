/**
 * Entry of the watching thread: looks at the workload's and the server's threads while a case runs, tells the host that
 * the guest is alive when one takes long, and says what a kernel is at that does not come back.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { tellingFrames, type Hang, type HangingTask } from '../../model/hang.ts';
import { parseRecords } from '../../model/kernel-log/line.ts';
import { loadNative } from '../native/index.ts';
import { revisionWith } from '../../uapi/numbers.ts';
import { defaultRevision } from '../../uapi/revision.ts';
import { abortConnection } from './cases/control-fs.ts';
import { mostExchanges, mountPoint } from './cases/shared.ts';
import { Port } from './port.ts';
import { sleep } from './session/server.ts';
import { Judgement, lookMs, type Look } from './watch/judgement.ts';
import type { WatchCommand, WatchThreadData } from './watch/messages.ts';
import { Progress, type Position } from './watch/progress.ts';
import { lastRequestOf } from './watch/request-text.ts';
import { collectTasks, isStuck, othersRunning, processorTicks, usageOf } from './watch/tasks.ts';

const data = workerData as WatchThreadData;
const native = loadNative(data.addon);
const progress = new Progress(data.progress);
const port = Port.shared(data.port);
const threads = { agent: data.agent, server: 0, watch: native.threadId() };
const table = new Uint32Array(7);
let command: WatchCommand = { revision: defaultRevision, hangs: [], server: 0 };

/** So often the host hears of a case that takes long. */
const aliveMs = 1000;
/** Requests that a table case may make beyond those that are answered before its connection is cut. */
const slackExchanges = 1000;
/** The hung-task detector looks twice, a second apart. */
const detectorMs = 2300;
const detectorFile = '/proc/sys/kernel/hung_task_timeout_secs';
const sysrqFile = '/proc/sysrq-trigger';
const mostLogLines = 300;
const O_RDONLY = 0,
  O_NONBLOCK = 0o4000,
  SEEK_END = 2;

interface Place extends Position {
  answered: boolean;
}

/** Where the workload is; a batch of table cases tells more than the first thread can. */
function placeNow(): Place {
  const position = progress.position;
  native.progress(table);
  const [runs, index, step, taken, handled] = table as unknown as [number, number, number, number, number];
  return { ...position, ...(position.phase === 'table' && runs === 1 && { index, step }), answered: taken === handled };
}

function look(place: Place): Look {
  const workload = usageOf(threads.agent),
    server = usageOf(threads.server);
  const { idle, all } = processorTicks();
  return {
    position: [place.moves, place.index, place.step, table[3]].join(),
    running: othersRunning(),
    switches: workload.switches + server.switches,
    userTicks: workload.userTicks + server.userTicks,
    idleTicks: idle,
    allTicks: all,
  };
}

/** Asks the kernel's own detectors, which know of locks what no file tells. What they say, oldest line first. */
function askDetectors(tasks: readonly HangingTask[]): string[] {
  const log = native.open('/dev/kmsg', O_RDONLY | O_NONBLOCK, 0);
  if (log < 0) return [];
  native.lseek(log, 0n, SEEK_END);
  try {
    // w: tasks that cannot be interrupted; d: locks that are held.
    if (existsSync(sysrqFile)) for (const key of ['w', 'd']) writeFileSync(sysrqFile, key);
    if (existsSync(detectorFile) && tasks.some(({ state }) => state === 'D')) {
      const before = readFileSync(detectorFile, 'latin1');
      writeFileSync(detectorFile, '1');
      sleep(detectorMs);
      writeFileSync(detectorFile, before);
    }
  } catch {
    // The kernel has such a file and does not take what is written: then it says nothing.
  }
  const buffer = Buffer.alloc(256 << 10);
  let text = '';
  for (let got = native.drain(log, buffer); got > 0 && text.length < 1 << 20; got = native.drain(log, buffer))
    text += buffer.toString('latin1', 0, got);
  native.close(log);
  return parseRecords(text)
    .map(({ text: line }) => line.replace(/[^\x20-\x7e]/g, '?').slice(0, 512))
    .slice(0, mostLogLines);
}

const signatureOf = ({ how, tasks: [first], lastRequest, during }: Omit<Hang, 'signature'>): string =>
  [how, first ? tellingFrames(first.stack).slice(0, 12).join(' < ') : during, lastRequest?.name ?? 'no request']
    .join('; ')
    .slice(0, 1024);

function describe(place: Place, how: Hang['how'], milliseconds: number): Hang {
  const tasks = collectTasks(threads);
  const lastRequest = lastRequestOf(
    revisionWith(command.revision, command.numbers),
    native.lastRequest(),
    place.answered,
  );
  // Where a busy kernel is differs from look to look: what all looks have in common is the outer end of the stack.
  if (how === 'runs' && tasks[0])
    tasks[0].stack = commonOuter(
      tasks[0].stack,
      () => collectTasks(threads).find(({ role, name }) => role === tasks[0]!.role && name === tasks[0]!.name)?.stack,
    );
  const hang: Omit<Hang, 'signature'> = {
    how,
    blame:
      tasks.some(isStuck) && ((place.phase === 'mount' && place.answered) || !serverOnly(tasks)) ? 'kernel' : 'guest',
    during: place.phase,
    milliseconds,
    tasks,
    log: [],
    ...(place.index !== undefined && { index: place.index }),
    ...(place.step !== undefined && { step: place.step }),
    ...(lastRequest && { lastRequest }),
  };
  return { ...hang, signature: signatureOf(hang) };
}

/**
 * A server that waits for a request is where it should be: it alone shows nothing, unless a mount waits for the kernel
 * to send INIT.
 */
const serverOnly = (tasks: readonly HangingTask[]): boolean =>
  tasks.filter(isStuck).every(({ role, syscall, state }) => role === 'server' && syscall === 0 && state === 'S');

function commonOuter(stack: string[], next: () => string[] | undefined): string[] {
  let common = stack;
  // A thread is likelier to be left off its processor at some places: more looks than a few see others, too.
  for (let times = 0; times < 24; times++) {
    sleep(11 + ((times * 7) % 17));
    const other = next() ?? common;
    let same = 0;
    while (same < common.length && common.at(-1 - same) === other.at(-1 - same)) same++;
    if (same > 0) common = common.slice(common.length - same);
  }
  return common;
}

/** Cuts the connection of a kernel that hangs: what waits for the server comes back then, and the case ends. */
function cut(): void {
  try {
    abortConnection(native, mountPoint);
  } catch {
    // There is none (any more), or the kernel has no control file system: the host ends the guest.
  }
}

class Watch {
  readonly #judgement = new Judgement();
  #reported = '';
  #lastAlive = performance.now();
  #movedAt = performance.now();
  #lastPosition = '';

  step(): void {
    const time = performance.now();
    if (time - this.#lastAlive >= aliveMs) {
      this.#lastAlive = time;
      port.trySend({ kind: 'alive', id: progress.position.id });
    }
    for (let next = receiveMessageOnPort(parentPort!); next; next = receiveMessageOnPort(parentPort!))
      command = next.message as WatchCommand;
    threads.server = command.server;
    const place = placeNow();
    if (place.phase === 'idle') {
      this.#judgement.reset();
      return;
    }
    if (place.phase === 'table' && table[5]! > mostExchanges + slackExchanges) {
      native.endTable();
      cut();
    }
    const now = look(place);
    const { how, early } = this.#judgement.look(now);
    if (now.position !== this.#lastPosition) {
      this.#lastPosition = now.position;
      this.#movedAt = time;
      return;
    }
    const which = how ?? (command.hangs.length > 0 ? early : undefined);
    if (which && this.#reported !== now.position)
      this.#report(place, which, now.position, how !== undefined, Math.round(time - this.#movedAt));
  }

  /** `proven`: also when it is none of those that are known. */
  #report(place: Place, how: Hang['how'], position: string, proven: boolean, milliseconds: number): void {
    const hang = describe(place, how, milliseconds);
    const known = command.hangs.includes(hang.signature);
    if (!proven && !known) return;
    if (!known) hang.log = askDetectors(hang.tasks);
    // It went on after all.
    if (
      placeNow().moves !== place.moves ||
      !port.trySend({ kind: 'case-hangs', id: place.id, hang, ...(known && { known }) })
    )
      return;
    // Whether a kernel that is busy gets nowhere is for the host to say, which knows how much processor the guest had;
    // else it is told again.
    if (how === 'runs') {
      this.#judgement.reset();
      return;
    }
    this.#reported = position;
    cut();
  }
}

port.trySend({ kind: 'alive', id: 0 });
// Whoever started this thread waits for it.
parentPort!.postMessage('ready');
for (const watch = new Watch(); ;) {
  sleep(lookMs);
  try {
    watch.step();
  } catch (error) {
    // A thread that ended while it was looked at, or a file that a kernel does not have: the next look may do better.
    console.error('iomapfuzz-watch:', error);
  }
}
