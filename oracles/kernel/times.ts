/** SETATTR with the times that the kernel keeps: what becomes of it when the server does not take them. */
import type { Exchange } from '../../model/observation.ts';
import { errnos } from '../../uapi/errno.ts';
import { SETATTR_VALID } from '../../uapi/fuse-flags.ts';
import { attrOut } from '../../uapi/fuse-structs.ts';
import { payloadOf, repliedErrno } from './answer.ts';
import type { FileState, World } from './world.ts';

/** What the server was told of the file's times by now. */
const reportsOf = (world: World, file: FileState): readonly Exchange[] =>
  world.driver
    .come('SETATTR', file.index, world.step)
    .filter(({ request }) => (Number(request['valid'] ?? 0) & SETATTR_VALID.SIZE) === 0);

/** Of an answer that is no attributes, too. */
const errnoOf = (exchange: Exchange): number =>
  repliedErrno(exchange) || (payloadOf(exchange).length === attrOut.size ? 0 : errnos.EIO);

/**
 * Errnos with which the server refused to hear of the file's times: the caller whose call it was gets one of them.
 * `certain`: this call's last report was refused. One of an earlier call, or one that was repeated, need not be told
 * again. `earlier`: errnos of those that other calls sent. `count`: refused so far, told or not.
 */
export function timesRefused(
  world: World,
  file: FileState,
): { errnos: number[]; certain: boolean; earlier: number[]; count: number } | undefined {
  const reports = reportsOf(world, file).map((exchange) => ({ errno: errnoOf(exchange), step: exchange.step }));
  const refused = reports.filter(({ errno }) => errno !== 0);
  const untold = refused.slice(file.wb.timesTold);
  if (untold.length === 0) return undefined;
  const last = reports.at(-1)!;
  return {
    errnos: [...new Set(untold.map(({ errno }) => errno))],
    earlier: untold.filter(({ step }) => step !== world.step).map(({ errno }) => errno),
    certain: last.errno !== 0 && last.step === world.step,
    count: refused.length,
  };
}

/** The size in the answer to such a SETATTR may become the size on the disk, as that in the answer to any other. */
export function believeSizes(world: World, file: FileState): void {
  const reports = reportsOf(world, file);
  const told = reports
    .slice(file.wb.sizesHeard)
    .filter((exchange) => errnoOf(exchange) === 0)
    .map((exchange) => attrOut.decode(payloadOf(exchange)).attr.size);
  if (told.length > 0) file.onDisk.set(...file.onDisk.candidates, ...told);
  file.wb.sizesHeard = reports.length;
}
