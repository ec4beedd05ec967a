/** close(2): what is dirty goes out, then FLUSH, where the case answers it itself. */
import { errnos } from '../../uapi/errno.ts';
import type { StepExpectation } from './expectation.ts';
import { failsBy } from './open.ts';
import { closeFile } from './sync.ts';
import { answers, type OpenFile, type World } from './world.ts';
import { payloadOf, repliedErrno } from './answer.ts';

export function close(world: World, fd: OpenFile): StepExpectation {
  const written = closeFile(world, fd);
  if (answers(world, 'FLUSH', fd.file.index) && !world.enosys.flush) {
    const exchange = world.driver.request({ name: 'FLUSH', file: fd.file.index, rule: 'request/ordinary', fields: {} });
    const errno = repliedErrno(exchange) || (payloadOf(exchange).length === 0 ? 0 : errnos.EIO);
    if (errno === errnos.ENOSYS) world.enosys.flush = true;
    else if (errno !== 0) return failsBy(errno, exchange.ended !== undefined);
  }
  // Times that the server was not told yet, or a FLUSH that cannot be sent: close may say so.
  return world.wire.ended ? { kind: 'any', rule: 'connection/ended' } : written;
}
