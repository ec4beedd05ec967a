/** open(2) and close(2): LOOKUP, OPEN and FLUSH, where the case answers them itself. */
import type { ScriptLine } from '../../harness/model/case.ts';
import { OPEN_REPLY } from '../../harness/uapi/fuse-flags.ts';
import { entryOut, openOut } from '../../harness/uapi/fuse-structs.ts';
import { errnos } from '../rules/rule.ts';
import { rawReply, writeResult } from './answer.ts';
import { payloadOf, repliedErrno } from './begin.ts';
import { Unspecified } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import { closeFile } from './sync.ts';
import type { FileState, OpenFile, World } from './world.ts';

const answers = (world: World, on: ScriptLine['on'], index: number): boolean =>
  world.case.script.some((line) => line.on === on && (line.file === undefined || line.file === index));

/** Opens file `index`; adds the fd also where open fails, since steps count the opens. */
export function open(world: World, index: number, flags: readonly string[]): StepExpectation {
  const file = world.files[index];
  if (!file) throw new Unspecified(`the case has no file ${index}`);
  const fd: OpenFile = { file, flags, closed: false };
  const failure = lookup(world, file) ?? ask(world, fd);
  if (failure && failure.kind === 'fails') fd.closed = true;
  world.fds.push(fd);
  file.known ||= failure === undefined;
  return failure ?? { kind: 'succeeds', rule: 'open' };
}

const fails = (errno: number, ended: boolean): StepExpectation => ({ kind: 'fails', rule: ended ? 'connection/ended' : 'answer/result', errnos: [errno] });

function lookup(world: World, file: FileState): StepExpectation | undefined {
  if (file.known) return undefined;
  if (!answers(world, 'LOOKUP', file.index)) return world.wire.ended ? fails(errnos.ENOTCONN, true) : undefined;
  if (world.case.script.some(({ on, reply }) => on === 'LOOKUP' && reply.kind === 'raw' && writeResult(world.revision, on, {}, rawReply(reply)) === 0)) {
    throw new Unspecified('entries that the case makes up are not modelled');
  }
  const exchange = world.driver.request({ name: 'LOOKUP', file: file.index, rule: 'request/ordinary', fields: {} });
  const errno = repliedErrno(exchange) || (payloadOf(exchange).length === entryOut.size ? 0 : errnos.EIO);
  return errno === 0 ? undefined : fails(errno, exchange.ended !== undefined);
}

/** OPEN, which a server need not have. */
function ask(world: World, fd: OpenFile): StepExpectation | undefined {
  const { file } = fd;
  if (!answers(world, 'OPEN', file.index)) {
    // Whether OPEN has to be asked at all depends on the server of the mount.
    return world.wire.ended && world.driver.choose(2) === 1 ? fails(errnos.ENOTCONN, true) : undefined;
  }
  const exchange = world.driver.request({ name: 'OPEN', file: file.index, rule: 'request/ordinary', fields: {} });
  const errno = repliedErrno(exchange);
  if (errno === errnos.ENOSYS) return undefined;
  if (errno !== 0) return fails(errno, exchange.ended !== undefined);
  const payload = payloadOf(exchange);
  if (payload.length !== openOut.size) return fails(errnos.EIO, false);
  const { openFlags } = openOut.decode(payload);
  const unfit = OPEN_REPLY.PASSTHROUGH | OPEN_REPLY.STREAM | OPEN_REPLY.NONSEEKABLE;
  if ((openFlags & unfit) !== 0) {
    if (!file.usesIomap) throw new Unspecified('open flags of a file that does not use iomap are ordinary FUSE');
    return { kind: 'fails', rule: 'open/flags', errnos: [errnos.EINVAL] };
  }
  fd.directIo = (openFlags & OPEN_REPLY.DIRECT_IO) !== 0;
  return undefined;
}

export function close(world: World, fd: OpenFile): StepExpectation {
  const written = closeFile(world, fd);
  if (answers(world, 'FLUSH', fd.file.index) && !world.enosys.flush) {
    const exchange = world.driver.request({ name: 'FLUSH', file: fd.file.index, rule: 'request/ordinary', fields: {} });
    const errno = repliedErrno(exchange) || (payloadOf(exchange).length === 0 ? 0 : errnos.EIO);
    if (errno === errnos.ENOSYS) world.enosys.flush = true;
    else if (errno !== 0) return fails(errno, exchange.ended !== undefined);
  }
  // Times that the server was not told yet, or a FLUSH that cannot be sent: close may say so.
  return world.wire.ended ? { kind: 'any', rule: 'connection/ended' } : written;
}
