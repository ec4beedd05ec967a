/** The control plane: ioctls on /dev/fuse, predicted from their tables. */
import { firstIoctlViolation, type IoctlContext } from '../rules/ioctls.ts';
import { Unspecified } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import type { StepOf, World } from './world.ts';
import { connectionHasIomap } from './init-reply.ts';

type IoctlStep = StepOf<'fuseIoctl'>;

/** The number in `id`: a cookie as it is, or that of a device of the case. Source: the case schema. */
function idOf(world: World, id: IoctlStep['id']): number {
  if (id === undefined || typeof id === 'number') return id ?? 0;
  const known = [...world.facts.devices].find(([, device]) => device.index === id.device);
  if (!known) throw new Unspecified(`the case's device ${id.device} has no cookie`);
  return known[0];
}

export function fuseIoctl(world: World, step: IoctlStep): StepExpectation {
  const id = idOf(world, step.id);
  const mounted = step.on === 'mounted';
  const context: IoctlContext = {
    revision: world.revision,
    mounted,
    connectionHasIomap: mounted && connectionHasIomap(world.case, world.revision),
    target: step.target ?? 'device',
    flags: step.flags ?? world.revision.backingTypes.IOMAP ?? 0,
    padding: step.padding ?? 0n,
    id,
    idKnown: world.facts.devices.has(id),
    value: step.value ?? 0,
    // An inode lives as long as somebody holds it open; afterwards the dentry cache decides.
    iomapInodeLives: world.fds.some((fd) => !fd.closed && fd.file.usesIomap),
  };
  // The uAPI names no errno for these two on an fd that is not mounted; only that there is one.
  if (!mounted && (step.ioctl === 'SET_NOFS' || step.ioctl === 'BACKING_CLOSE'))
    return { kind: 'fails', rule: 'ioctl/unmounted' };
  const violated = firstIoctlViolation(step.ioctl, context);
  if (violated) return { kind: 'fails', rule: violated.id, errnos: [violated.errno as number] };
  return succeeds[step.ioctl](world, context);
}

const succeeds: Record<IoctlStep['ioctl'], (world: World, context: IoctlContext) => StepExpectation> = {
  BACKING_OPEN: (_, c) => {
    if ((c.flags & 0xff) !== c.revision.backingTypes.IOMAP)
      throw new Unspecified('passthrough backing files are not modelled');
    return { kind: 'succeeds', rule: 'backing-open/id' };
  },
  BACKING_CLOSE: (world, c) => {
    if (world.fds.length > 0) throw new Unspecified('a file that was open may still have an inode in memory');
    (world.facts.devices as Map<number, unknown>).delete(c.id);
    return { kind: 'succeeds', rule: 'backing-close/ok', ret: 0n };
  },
  SYNC_INIT: (_, c) => {
    if (c.mounted) throw new Unspecified('SYNC_INIT on a mounted fd');
    return { kind: 'succeeds', rule: 'sync-init/ok', ret: 0n };
  },
  IOMAP_SUPPORT: (_, c) => ({
    kind: 'succeeds',
    rule: 'iomap-support/flags',
    ret: 0n,
    outFlags: { set: BigInt(c.revision.supportFlags.FILEIO ?? 0), may: BigInt(c.revision.supportFlags.ATOMIC ?? 0) },
  }),
  // Without iomap CAP_SYS_RESOURCE is enough, which the workload has.
  SET_NOFS: () => ({ kind: 'succeeds', rule: 'set-nofs/ok', ret: 0n }),
  ADD_IOMAP: (_, c) => {
    if (c.mounted) throw new Unspecified('ADD_IOMAP on a mounted fd');
    return { kind: 'succeeds', rule: 'add-iomap/ok', ret: 0n };
  },
  IOMAP_SET_BLOCKSIZE: () => {
    throw new Unspecified('IOMAP_SET_BLOCKSIZE answers what the block layer says');
  },
};
