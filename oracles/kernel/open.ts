/** open(2): what the server may say about it, and O_TRUNC. */
import { OPEN_REPLY } from '../../harness/uapi/fuse-flags.ts';
import { openOut } from '../../harness/uapi/fuse-structs.ts';
import { errnos } from '../rules/rule.ts';
import { payloadOf, repliedErrno } from './begin.ts';
import { Unspecified } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import { truncateTo } from './truncate.ts';
import type { FileState, StepOf, World } from './world.ts';

/** What a file that uses iomap cannot be. Source: uAPI, when an inode uses iomap. */
const IMPOSSIBLE = OPEN_REPLY.PASSTHROUGH | OPEN_REPLY.STREAM | OPEN_REPLY.NONSEEKABLE;

export function open(world: World, { file: index, flags }: StepOf<'open'>): StepExpectation {
  const file = world.files[index];
  if (!file) throw new Unspecified(`the case has no file ${index}`);
  const scripted = (on: string) => world.case.script.some((line) => line.on === on && (line.file === undefined || line.file === index));
  if (scripted('LOOKUP')) throw new Unspecified('scripted answers to LOOKUP are not modelled');
  const refused = (scripted('OPEN') ? answered(world, file) : undefined) ?? truncated(world, file, flags);
  world.fds.push({ file, flags, closed: refused !== undefined });
  return refused ?? { kind: 'succeeds', rule: 'open' };
}

function answered(world: World, file: FileState): StepExpectation | undefined {
  const exchange = world.driver.request({ name: 'OPEN', file: file.index, rule: 'open', fields: {} });
  const errno = repliedErrno(exchange);
  if (errno === errnos.ENOSYS) throw new Unspecified('OPEN answered with ENOSYS is ordinary FUSE');
  if (errno !== 0) return { kind: 'fails', rule: 'open', errnos: [errno] };
  const payload = payloadOf(exchange);
  if (payload.length !== openOut.size) return { kind: 'fails', rule: 'open', errnos: [errnos.EIO] };
  const { openFlags } = openOut.decode(payload);
  if (!file.usesIomap) throw new Unspecified('open flags of a file that does not use iomap are ordinary FUSE');
  if ((openFlags & IMPOSSIBLE) !== 0) return { kind: 'fails', rule: 'open/flags', errnos: [errnos.EINVAL] };
  if (((openFlags & OPEN_REPLY.DIRECT_IO) !== 0) !== file.directIo) throw new Unspecified('FOPEN_DIRECT_IO for some opens of a file is not modelled');
  return undefined;
}

/** The VFS truncates after the file was opened (fs/namei.c, handle_truncate); a failure is that of open. */
function truncated(world: World, file: FileState, flags: readonly string[]): StepExpectation | undefined {
  if (!flags.includes('trunc')) return undefined;
  if (!file.usesIomap) throw new Unspecified('O_TRUNC of a file that does not use iomap is ordinary FUSE');
  const outcome = truncateTo(world, file, 0n);
  return outcome.kind === 'succeeds' ? undefined : outcome;
}
