/**
 * Freeze, thaw, sync and shutdown of the file system as a whole (docs/spec/behaviour.md#requests-of-syscalls, FIFREEZE;
 * fs/super.c).
 */
import { errnos } from '../../uapi/errno.ts';
import { Unspecified, type ExpectedRequest } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import type { OpenFile, StepOf, World } from './world.ts';
import { connectionHasIomap } from './init-reply.ts';
import { failureOf } from './sync.ts';
import { timesRefused } from './times.ts';
import { flush } from './writeback.ts';
import { payloadOf, repliedErrno } from './answer.ts';
import type { ClauseId } from '../rules/rule-id.ts';

type SuperblockStep = StepOf<'freeze' | 'thaw' | 'syncfs' | 'shutdown'>;

const fails = (rule: ClauseId, ...wanted: number[]): StepExpectation => ({ kind: 'fails', rule, errnos: wanted });
const succeeds = (rule: ClauseId): StepExpectation => ({ kind: 'succeeds', rule, ret: 0n });

export function superblock(world: World, step: SuperblockStep): StepExpectation {
  if (!connectionHasIomap(world.case, world.revision) || world.revision.opcodes.FREEZE_FS === undefined)
    throw new Unspecified(`${step.call} without iomap is ordinary FUSE`);
  switch (step.call) {
    case 'freeze':
      return freeze(world);
    case 'thaw':
      return thaw(world);
    case 'syncfs': {
      const errno = syncAll(world);
      if (errno !== 0) return fails('syncfs/error', errno);
      return tellsOfLost(world, world.fds[step.fd]!) ?? tellsOfTimes(world) ?? succeeds('syncfs/request');
    }
    case 'shutdown':
      return shutdown(world, step.flags);
  }
}

/** Positive errno of the answer, 0 for none. None of these requests is answered by bytes. */
function ask(world: World, request: ExpectedRequest): number {
  const exchange = world.driver.request(request);
  const errno = repliedErrno(exchange);
  return errno === 0 && payloadOf(exchange).length !== 0 ? errnos.EIO : errno;
}

/** Everything dirty goes to its place, then the server is told to do the same with what it has. */
function syncAll(world: World): number {
  for (const file of world.files) {
    flush(world, file);
    if (file.wb.errors.length > 0)
      throw new Unspecified('whether what writeback lost is an error of sync is not laid down');
  }
  if (world.enosys.syncfs) return 0;
  const errno = ask(world, { name: 'SYNCFS', rule: 'syncfs/request', fields: {} });
  if (errno === errnos.ENOSYS) world.enosys.syncfs = true;
  return errno === errnos.ENOSYS ? 0 : errno;
}

/** A file system may count what its files lost by itself: each open file is told once by syncfs, whoever else was. */
function tellsOfLost({ superblock: { lost }, driver }: World, fd: OpenFile): StepExpectation | undefined {
  if (!lost.by.has(fd) || driver.choose(2) === 0) return undefined;
  lost.by.delete(fd);
  return failureOf(lost.errors, 'syncfs/error');
}

/** The same for times that the server refused to hear of, which are an error of their file. */
function tellsOfTimes(world: World): StepExpectation | undefined {
  const refused = world.files.flatMap((file) => timesRefused(world, file) ?? []);
  const count = refused.reduce((sum, one) => sum + one.count, 0);
  const { superblock } = world;
  if (count <= superblock.timesTold || world.driver.choose(2) === 0) return undefined;
  superblock.timesTold = count;
  return fails('syncfs/error', ...refused.flatMap((one) => one.errnos), errnos.EIO);
}

function freeze(world: World): StepExpectation {
  const { superblock: state } = world;
  if (state.frozen) return fails('freeze/state', errnos.EBUSY);
  const synced = syncAll(world);
  if (synced !== 0) return fails('freeze/error', synced);
  const errno = ask(world, { name: 'FREEZE_FS', rule: 'freeze/request', fields: {} });
  if (errno === errnos.ENOSYS) {
    // A server that cannot freeze: whether the kernel's half is good enough is not laid down.
    state.frozen = world.driver.choose(2) === 1;
    return state.frozen ? succeeds('freeze/request') : fails('freeze/error', errnos.EOPNOTSUPP, errnos.ENOSYS);
  }
  if (errno !== 0) return fails('freeze/error', errno);
  state.frozen = true;
  return succeeds('freeze/request');
}

function thaw(world: World): StepExpectation {
  const { superblock: state } = world;
  if (!state.frozen) return fails('freeze/state', errnos.EINVAL);
  if (world.wire.ended) {
    // Nobody is left who could thaw, and a mount that stays frozen could not be removed.
    state.frozen = false;
    return succeeds('thaw/server-gone');
  }
  const errno = ask(world, { name: 'UNFREEZE_FS', rule: 'thaw/request', fields: {} });
  if (world.wire.ended) {
    state.frozen = world.driver.choose(2) === 1;
    return state.frozen ? fails('thaw/error', errno) : succeeds('thaw/server-gone');
  }
  if (errno === errnos.ENOSYS && world.driver.choose(2) === 1)
    return fails('thaw/error', errnos.EOPNOTSUPP, errnos.ENOSYS);
  if (errno !== 0 && errno !== errnos.ENOSYS) return fails('thaw/error', errno);
  state.frozen = false;
  return succeeds('thaw/request');
}

function shutdown(world: World, flags: number): StepExpectation {
  const errno = ask(world, {
    name: 'SHUTDOWN_FS',
    rule: 'shutdown/request',
    fields: { flags: { value: BigInt(flags) } },
  });
  if (errno === errnos.ENOSYS) return fails('shutdown/error', errnos.EOPNOTSUPP, errnos.ENOSYS, errnos.ENOTTY);
  if (errno !== 0) return fails('shutdown/error', errno);
  world.superblock.shutDown = true;
  return succeeds('shutdown/request');
}

/** What would change the file system waits for the thaw. */
const changing: ReadonlySet<string> = new Set([
  'pwrite',
  'mmapWrite',
  'ftruncate',
  'fallocate',
  'copyFileRange',
  'clone',
  'dedupe',
  'fsync',
  'swapon',
]);

/** Throws Unspecified for steps that nothing is said about after what was done to the file system as a whole. */
export function checkState(world: World, call: string): void {
  if (world.superblock.frozen && changing.has(call))
    throw new Unspecified(`${call} on a frozen file system waits until it is thawed`);
  if (world.superblock.shutDown && call !== 'close' && call !== 'fstat' && call !== 'open')
    throw new Unspecified("what a file system does after its shutdown is the server's business");
}
