/** Mounting: INIT, the CONFIG answer, and the registration of the case's devices. */
import { firstConfigViolation } from '../rules/config.ts';
import { errnos } from '../../uapi/errno.ts';
import { configAnswer } from './config-reply.ts';
import { initAnswer } from './init-reply.ts';
import { refuse, type World } from './world.ts';
import { connectionHasIomap } from './init-reply.ts';
import { PAGE_SIZE } from '../../uapi/units.ts';
import type { ClauseId } from '../rules/rule-id.ts';

/** Predicts the mount; false when the workload cannot run as usual, because mount(2) failed. */
export function mount(world: World): boolean {
  const { geometry } = world.case;
  if (!negotiated(world)) return false;
  const iomap = connectionHasIomap(world.case, world.revision) && world.revision.runs;
  world.expectation.devices = geometry.devices.map(() => (iomap ? 0 : errnos.EPERM));
  const refused = iomap ? refusedConfig(world) : undefined;
  if (!refused) return true;
  if (geometry.mount === 'syncInit') {
    world.expectation.mount = {
      errno: world.revision.refusedConfig === 'EIO' && refused.refusal ? errnos.EIO : refused.errno,
      rule: refused.rule,
    };
    // Without a mount nobody gets as far as registering a device.
    world.expectation.devices = [];
    return false;
  }
  for (const step of world.case.workload) {
    // Only a syscall that needs the server can tell: the kernel answers it without asking.
    world.expectation.steps.push(
      step.call === 'open'
        ? {
            kind: 'fails',
            rule: refused.rule,
            errnos: refused.ended ? [errnos.ECONNREFUSED, errnos.ENOTCONN] : [errnos.ECONNREFUSED],
          }
        : { kind: 'any', rule: refused.rule },
    );
  }
  world.expectation.devices = [];
  return false;
}

/**
 * An answer to INIT that is none: no connection, and a mount that can only be removed. Source: Linux, fs/fuse/inode.c,
 * fuse_process_init_reply; fs/fuse/req.c.
 */
function negotiated(world: World): boolean {
  const answer = initAnswer(world.case, world.revision);
  if (answer?.kind !== 'refused') return true;
  const { expectation } = world;
  const rule = 'init/refused';
  expectation.devices = [];
  if (world.case.geometry.mount === 'syncInit') expectation.mount = { errno: errnos.ENOTCONN, rule };
  else {
    const wanted = answer.ended ? [errnos.ECONNREFUSED, errnos.ENOTCONN, errnos.ECONNABORTED] : [errnos.ECONNREFUSED];
    for (const { call } of world.case.workload)
      expectation.steps.push(call === 'open' ? { kind: 'fails', rule, errnos: wanted } : { kind: 'any', rule });
  }
  return false;
}

function refusedConfig(world: World): { errno: number; rule: ClauseId; refusal: boolean; ended?: boolean } | undefined {
  const config = configAnswer(world.case, world.revision);
  if (!config) return undefined;
  if (config.kind === 'ended')
    return { errno: errnos.ECONNABORTED, rule: 'connection/ended', refusal: false, ended: true };
  if (config.kind === 'error')
    return config.errno === errnos.ENOSYS ? undefined : { errno: config.errno, rule: 'config/error', refusal: false };
  const context = { revision: world.revision, reply: config.bytes, pageSizeBytes: PAGE_SIZE };
  const refusal = firstConfigViolation(context);
  if (!refusal) return undefined;
  refuse(world, refusal);
  return { errno: refusal.errno, rule: refusal.rule, refusal: true };
}
