/**
 * Syscalls that every FUSE file system serves by one request: what its answer comes to. Source: Linux, fs/fuse/dir.c,
 * xattr.c, readdir.c, file.c, ioctl.c.
 */
import { ordinaryCalls, type OrdinaryCall } from '../../model/ordinary-calls.ts';
import type { Exchange } from '../../model/observation.ts';
import { attrOut, getxattrOut, ioctlOut, pollOut } from '../../uapi/fuse-structs.ts';
import { errnos } from '../../uapi/errno.ts';
import { payloadOf, repliedErrno, writeResult } from './answer.ts';
import { Unspecified, type ExpectedRequest } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import { failsAfterEnd, failsBy, lookup } from './open.ts';
import { answers, type StepOf, type World } from './world.ts';

const S_IFMT = 0o170000,
  S_IFREG = 0o100000;
const POLLERR = 8,
  POLLIN = 1,
  POLLOUT = 4;
const sizeOf = (exchange: Exchange): bigint => BigInt(payloadOf(exchange).length);

/** What the syscall returns for an answer that is in order; absent: 0. Undefined: not said here. */
const returned: Partial<Record<OrdinaryCall, (exchange: Exchange) => bigint | undefined>> = {
  listxattr: sizeOf,
  getxattr: sizeOf,
  readlink: sizeOf,
  listxattrSize: (exchange) => BigInt(getxattrOut.decode(payloadOf(exchange)).size),
  getxattrSize: (exchange) => BigInt(getxattrOut.decode(payloadOf(exchange)).size),
  poll: (exchange) => BigInt(pollOut.decode(payloadOf(exchange)).revents & (POLLIN | POLLOUT | POLLERR)),
  ioctl: (exchange) => BigInt(ioctlOut.decode(payloadOf(exchange)).result),
  readdir: () => undefined,
  opendir: () => undefined,
};

/**
 * Room that the syscalls of the workload have for the answer, where its size depends on that
 * (harness/native/src/names.cc).
 */
const room: Partial<Record<OrdinaryCall, ExpectedRequest['fields']>> = {
  listxattr: { size: { value: 64 } },
  getxattr: { size: { value: 64 } },
  listxattrSize: { size: { value: 0 } },
  getxattrSize: { size: { value: 0 } },
  readdir: {
    size: { value: 4096, accepts: (bytes) => bytes > 0 && BigInt(bytes) % 4096n === 0n, text: 'whole pages' },
  },
  ioctl: { outSize: { value: 4 } },
};

/** Those whose request is about the case's file; the others' is about the directory, or about a name that is new. */
const aboutFile: ReadonlySet<OrdinaryCall> = new Set([
  'stat',
  'statx',
  'access',
  'listxattr',
  'listxattrSize',
  'getxattr',
  'getxattrSize',
  'setxattr',
  'removexattr',
  'poll',
  'ioctl',
]);

/** What must have made the name that the syscall is about. */
const maker: Partial<Record<OrdinaryCall, OrdinaryCall>> = { readlink: 'symlink', rmdir: 'mkdir' };
const isMade = ({ case: testCase, expectation, step }: World, file: number, by: OrdinaryCall): boolean =>
  testCase.workload
    .slice(0, step)
    .some(
      (one, n) =>
        one.call === 'ordinary' && one.syscall === by && one.file === file && expectation.steps[n]?.kind === 'succeeds',
    );

export function ordinary(world: World, { syscall, file: index }: StepOf<'ordinary'>): StepExpectation {
  const name = ordinaryCalls[syscall];
  const file = world.files[index];
  if (!file) throw new Unspecified(`the case has no file ${index}`);
  if (world.wire.ended) return failsAfterEnd();
  const unfound = lookup(world, file);
  if (unfound) return unfound;
  if (maker[syscall] && !isMade(world, index, maker[syscall]))
    throw new Unspecified(`${syscall} of a name that is not there`);
  // Nobody waits for RELEASEDIR; others the server answers as it likes.
  if (name === 'RELEASEDIR' || !answers(world, name, index))
    return name === 'RELEASEDIR'
      ? { kind: 'succeeds', rule: 'request/ordinary' }
      : { kind: 'any', rule: 'request/ordinary' };
  if (syscall === 'link' && world.set.maxLinks === 1)
    return { kind: 'fails', rule: 'config/max-links', errnos: [errnos.EMLINK] };
  const exchange = world.driver.request({
    name,
    rule: 'request/ordinary',
    fields: room[syscall] ?? {},
    ...(aboutFile.has(syscall) && { file: index }),
  });
  const errno =
    repliedErrno(exchange) || (writeResult(world.revision, name, exchange.request, exchange.reply!) ? errnos.EIO : 0);
  // More than the caller has room for (fs/fuse/ioctl.c, fuse_do_ioctl).
  if (
    syscall === 'ioctl' &&
    errno === 0 &&
    payloadOf(exchange).length > ioctlOut.size + Number(exchange.request['outSize'])
  )
    return failsBy(errnos.EIO, false);
  if (errno === errnos.ENOSYS) throw new Unspecified(`what the kernel does without ${name} is ordinary FUSE`);
  // poll(2) does not fail for what a file cannot do.
  if (syscall === 'poll' && errno !== 0) return { kind: 'succeeds', rule: 'answer/result', ret: BigInt(POLLERR) };
  if (errno !== 0) return failsBy(errno, exchange.ended !== undefined);
  if (syscall === 'stat' && (attrOut.decode(payloadOf(exchange)).attr.mode & S_IFMT) !== S_IFREG) {
    // fs/fuse/dir.c, fuse_do_getattr
    file.bad = true;
    return failsBy(errnos.EIO, false);
  }
  const ret = returned[syscall] ? returned[syscall](exchange) : 0n;
  return { kind: 'succeeds', rule: 'answer/result', ...(ret !== undefined && { ret }) };
}
