/** fsync and close: nothing dirty stays behind, and what was lost is reported. */
import type { ExpectedRequest } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import { errnos } from '../../uapi/errno.ts';
import { SETATTR_VALID } from '../../uapi/fuse-flags.ts';
import type { Range } from './ranges.ts';
import { timesRefused } from './times.ts';
import { flush, takeWriteback } from './writeback.ts';
import { settleRest } from './writeback-ioend.ts';
import { answers, type FileState, type OpenFile, type World } from './world.ts';
import type { Write } from './written.ts';
import { payloadOf, repliedErrno } from './answer.ts';
import type { ClauseId } from '../rules/rule-id.ts';

const { ATIME, MTIME, CTIME } = SETATTR_VALID;
const TIMES = ATIME | MTIME | CTIME;

export interface FsyncOptions {
  /** What msync or a write is about. Default: the whole file. */
  range?: Range;
  /** Times and the like need not be durable. Default: false. */
  dataOnly?: boolean;
  /** The server must have heard of the times by then. Default: unless only data matters. */
  times?: boolean;
  /** The server may be asked, or need not be. Default: it must. */
  mayAsk?: boolean;
  /** The open file that it is called on. Default: one of them. */
  by?: object;
}

export function fsync(
  world: World,
  file: FileState,
  { range, dataOnly = false, times = !dataOnly, mayAsk = false, by }: FsyncOptions = {},
): StepExpectation {
  const { wb } = file;
  const asks: ExpectedRequest = {
    name: 'FSYNC',
    file: file.index,
    rule: 'request/fsync',
    fields: {
      fsyncFlags: dataOnly
        ? { value: 1, accepts: (flags) => Number(flags) <= 1, text: '1 (data only), or 0' }
        : { value: 0 },
      padding: { value: 0 },
    },
  };
  const { late } = wb;
  wb.late = [];
  flush(world, file, range);
  // What one open file was told of, each of the others may be told of once, too.
  const { unheard } = wb;
  const mayHear = by ? unheard.by.has(by) : unheard.by.size > 0;
  if (by) unheard.by.delete(by);
  const failure =
    failureOf(wb.errors, wb.errorRule, wb.losses) ??
    (mayHear && world.driver.choose(2) === 1 ? failureOf(unheard.errors, wb.errorRule) : undefined) ??
    (late.length > 0 && world.driver.choose(2) === 1 ? failureOf(late, wb.errorRule) : undefined);
  if (failure) {
    // Whether the server is asked to make durable what is lost is not said.
    if (world.driver.choose(2) === 1) world.driver.request(asks);
    if (wb.errors.length > 0) {
      wb.told = wb.errors;
      wb.unheard = { errors: wb.errors, by: othersOf(world, file, by) };
      world.superblock.lost = {
        errors: [...world.superblock.lost.errors, ...wb.errors],
        by: new Set(world.fds.filter((fd) => !fd.closed)),
      };
    }
    wb.errors = [];
    wb.losses = [];
    return failure;
  }
  if (times) reportTimes(world, file);
  const untold = timesRefused(world, file);
  if (untold && (untold.certain || world.driver.choose(2) === 1)) {
    // Whether the server is asked to make durable what else there is is not said.
    if (!world.enosys.fsync && world.driver.choose(2) === 1) world.driver.request(asks);
    file.wb.timesTold = untold.count;
    // One of an earlier call is an error of the file like one of writeback.
    if (untold.earlier.length > 0)
      wb.unheard = { errors: [...unheard.errors, ...untold.earlier], by: othersOf(world, file, by) };
    return {
      kind: 'fails',
      rule: 'request/times',
      errnos: untold.certain ? untold.errnos : [...untold.errnos, errnos.EIO],
    };
  }
  if (world.enosys.fsync) return { kind: 'succeeds', rule: 'fsync', ret: 0n };
  const exchange = mayAsk ? world.driver.maybe(asks, false, world.step) : world.driver.request(asks);
  if (!exchange) return { kind: 'succeeds', rule: 'fsync', ret: 0n };
  const errno = repliedErrno(exchange) || (payloadOf(exchange).length === 0 ? 0 : errnos.EIO);
  if (errno !== 0 && errno !== errnos.ENOSYS) return { kind: 'fails', rule: 'request/fsync', errnos: [errno] };
  if (errno !== 0) world.enosys.fsync = true;
  return { kind: 'succeeds', rule: 'fsync', ret: 0n };
}

/** Open files of the inode besides that one. */
const othersOf = (world: World, file: FileState, by: object | undefined): Set<object> =>
  new Set(world.fds.filter((fd) => fd.file === file && !fd.closed && fd !== by));

/**
 * What a write comes to that must be durable before it returns: its data is written back and the server asked by FSYNC,
 * whose errno is the result. `inPlace`: nothing but data changed, which a device may have made durable by itself.
 */
export function synced(
  world: World,
  file: FileState,
  write: Write,
  outcome: StepExpectation,
  inPlace = false,
): StepExpectation {
  if (!write.durable || outcome.kind !== 'succeeds' || !outcome.ret) return outcome;
  const dataOnly = write.durable === 'data';
  const durable = fsync(world, file, {
    range: { start: write.offset, end: write.offset + outcome.ret },
    dataOnly,
    mayAsk: dataOnly && inPlace,
    ...(write.by && { by: write.by }),
  });
  return durable.kind === 'fails' ? durable : outcome;
}

/** The outcome when something was lost: the errno of it, or EIO for all. */
export function failureOf(
  errors: readonly (number | undefined)[],
  rule: ClauseId,
  losses: readonly string[] = [],
): StepExpectation | undefined {
  const [first, ...more] = errors;
  if (errors.length === 0) return undefined;
  const loss = losses.length > 0 ? { loss: losses.join('; ') } : {};
  if (first === undefined || more.includes(undefined)) return { kind: 'fails', rule, ...loss };
  return { kind: 'fails', rule, ...loss, errnos: [...new Set([first, ...more.map((errno) => errno!), errnos.EIO])] };
}

/** The kernel's times, which the server has not heard of yet: SETATTR comes some time before. */
function reportTimes(world: World, file: FileState): void {
  if (!file.wb.timesChanged || file.wb.timesReported) return;
  file.wb.timesReported = true;
  world.driver.loose(
    { name: 'SETATTR', file: file.index, rule: 'request/times', fields: { valid: { value: TIMES } } },
    world.step,
  );
}

/** Closing writes back; whether it tells of what was lost is not said, the next fsync does. */
export function closeFile(world: World, fd: OpenFile): StepExpectation {
  fd.closed = true;
  const { file } = fd;
  flush(world, file);
  const { wb } = file;
  const failure = failureOf([...wb.errors, ...wb.late, ...wb.told], wb.errorRule);
  wb.told = [];
  if (failure && world.driver.choose(2) === 1) return failure;
  // Neither is said what becomes of times that the server did not want to hear of.
  if (
    answers(world, 'SETATTR', file.index) &&
    world.driver.come('SETATTR', file.index, world.step).length > 0 &&
    world.driver.choose(2) === 1
  )
    return { kind: 'fails', rule: 'request/times' };
  return { kind: 'succeeds', rule: 'close', ret: 0n };
}

/** What a case leaves open is closed behind its last step. */
export function closeRest(world: World): void {
  world.step += 1;
  for (const fd of world.fds) if (!fd.closed) closeFile(world, fd);
  takeWriteback(world);
  for (const file of world.files) settleRest(world, file);
}
