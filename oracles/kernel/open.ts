/** open(2): LOOKUP and OPEN, where the case answers them itself, and O_TRUNC. */
import { OPEN_REPLY } from '../../uapi/fuse-flags.ts';
import { entryOut, openOut } from '../../uapi/fuse-structs.ts';
import { errnos } from '../../uapi/errno.ts';
import { payloadOf, rawReply, repliedErrno, writeResult } from './answer.ts';
import { Unspecified } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import { truncateTo } from './truncate.ts';
import { answers, type FileState, type OpenFile, type StepOf, type World } from './world.ts';
import type { ClauseId } from '../rules/rule-id.ts';

/** Opens file `index`; adds the fd also where open fails, since steps count the opens. */
export function open(world: World, { file: index, flags }: StepOf<'open'>): StepExpectation {
  const file = world.files[index];
  if (!file) throw new Unspecified(`the case has no file ${index}`);
  const fd: OpenFile = { file, flags, closed: false };
  const failure = lookup(world, file) ?? forbidden(file, flags) ?? ask(world, fd) ?? truncated(world, file, flags);
  fd.closed = failure !== undefined;
  world.fds.push(fd);
  return failure ?? { kind: 'succeeds', rule: 'open' };
}

export const failsBy = (errno: number, ended: boolean): StepExpectation => ({
  kind: 'fails',
  rule: ended ? 'connection/ended' : 'answer/result',
  errnos: [errno],
});
/** What is asked after the server's death; see Connection for the two errnos. */
export const failsAfterEnd = (): StepExpectation => ({
  kind: 'fails',
  rule: 'connection/ended',
  errnos: [errnos.ENOTCONN, errnos.ECONNABORTED],
});

export function lookup(world: World, file: FileState): StepExpectation | undefined {
  if (file.known) return undefined;
  if (!answers(world, 'LOOKUP', file.index)) return world.wire.ended ? failsAfterEnd() : known(file);
  if (
    world.case.script.some(
      ({ on, reply }) =>
        on === 'LOOKUP' && reply.kind === 'raw' && writeResult(world.revision, on, {}, rawReply(reply)) === 0,
    )
  ) {
    throw new Unspecified('entries that the case makes up are not modelled');
  }
  const exchange = world.driver.request({ name: 'LOOKUP', file: file.index, rule: 'request/ordinary', fields: {} });
  const errno = repliedErrno(exchange) || (payloadOf(exchange).length === entryOut.size ? 0 : errnos.EIO);
  file.known = errno === 0;
  return errno === 0 ? undefined : failsBy(errno, exchange.ended !== undefined);
}

function known(file: FileState): undefined {
  file.known = true;
  return undefined;
}

/** What the attributes of the inode forbid, before the server is asked (fs/namei.c, may_open). */
function forbidden(file: FileState, flags: readonly string[]): StepExpectation | undefined {
  const has = (name: string): boolean => file.attrFlags.includes(name);
  if (!has('IMMUTABLE') && !has('APPEND')) return undefined;
  if (!file.usesIomap)
    throw new Unspecified('whether IMMUTABLE and APPEND count for an inode that does not use iomap is not said');
  const writes = flags.includes('wronly') || flags.includes('rdwr');
  const fails = (rule: ClauseId): StepExpectation => ({ kind: 'fails', rule, errnos: [errnos.EPERM] });
  if (has('IMMUTABLE') && (writes || flags.includes('trunc'))) return fails('inode/immutable');
  return has('APPEND') && (flags.includes('trunc') || (writes && !flags.includes('append')))
    ? fails('inode/append')
    : undefined;
}

/** OPEN, which a server need not have. */
function ask(world: World, fd: OpenFile): StepExpectation | undefined {
  const { file } = fd;
  if (!answers(world, 'OPEN', file.index)) {
    // Whether OPEN has to be asked at all depends on the server of the mount.
    return world.wire.ended && world.driver.choose(2) === 1 ? failsAfterEnd() : undefined;
  }
  const exchange = world.driver.request({ name: 'OPEN', file: file.index, rule: 'request/ordinary', fields: {} });
  const errno = repliedErrno(exchange);
  if (errno === errnos.ENOSYS) return undefined;
  if (errno !== 0) return failsBy(errno, exchange.ended !== undefined);
  const payload = payloadOf(exchange);
  if (payload.length !== openOut.size) return failsBy(errnos.EIO, false);
  const { openFlags } = openOut.decode(payload);
  const unfit = OPEN_REPLY.PASSTHROUGH | OPEN_REPLY.STREAM | OPEN_REPLY.NONSEEKABLE;
  if ((openFlags & unfit) !== 0) {
    if (!file.usesIomap) throw new Unspecified('open flags of a file that does not use iomap are ordinary FUSE');
    return { kind: 'fails', rule: 'open/flags', errnos: [errnos.EINVAL] };
  }
  fd.directIo = (openFlags & OPEN_REPLY.DIRECT_IO) !== 0;
  return undefined;
}

/** The VFS truncates after the file was opened (fs/namei.c, handle_truncate); a failure is that of open. */
function truncated(world: World, file: FileState, flags: readonly string[]): StepExpectation | undefined {
  if (!flags.includes('trunc')) return undefined;
  if (!file.usesIomap) throw new Unspecified('O_TRUNC of a file that does not use iomap is ordinary FUSE');
  const outcome = truncateTo(world, file, 0n);
  return outcome.kind === 'succeeds' ? undefined : outcome;
}
