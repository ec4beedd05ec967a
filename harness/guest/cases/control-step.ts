/** Control plane steps: ioctls on the connection's /dev/fuse, or on one that is not mounted. */
import type { Step } from '../../../model/case.ts';
import type { StepResult } from '../../../model/observation.ts';
import type { Native } from '../../native/index.ts';
import { backingMap, iomapSupport, setBlocksize } from '../../../uapi/iomap.ts';
import type { Revision } from '../../../uapi/revision.ts';
import type { DeviceSet } from './devices.ts';
import { cookieOf, type Cookies } from '../../../server/mapping.ts';
import { errnos } from '../../../uapi/errno.ts';

export interface ControlPlane {
  readonly revision: Revision;
  readonly mountedFd: number;
  /** Opened on first use, the same for all steps of a case. */
  unmountedFd(): number;
  readonly devices: DeviceSet;
  readonly deviceFds: readonly number[];
  readonly cookies: Cookies;
  /** Node ids and inode numbers of the case's files. */
  readonly nodeids: readonly bigint[];
  /** A regular file on another file system. */
  readonly regularPath: string;
}

type IoctlStep = Extract<Step, { call: 'fuseIoctl' }>;
const O_RDWR = 2;
const badFd = 0x7fff_0000;
/** What kernels answer to an ioctl number that they do not have. */
const { ENOTTY } = errnos;

const idOf = (control: ControlPlane, id: IoctlStep['id']): number =>
  typeof id === 'object' ? cookieOf(control.cookies, id.device) : (id ?? 0);
const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value >>> 0, 0);
  return out;
};

/** Opens what BACKING_OPEN shall refer to; `close` when the fd is the step's own. */
function target(
  native: Native,
  control: ControlPlane,
  { target: kind = 'device', device = 0 }: IoctlStep,
): { fd: number; close: boolean } {
  switch (kind) {
    case 'device':
      return { fd: control.deviceFds[device] ?? badFd, close: false };
    case 'device-opath':
      return { fd: control.devices.open(device, 'path'), close: true };
    case 'regular':
      return { fd: native.open(control.regularPath, O_RDWR, 0), close: true };
    case 'bad':
      return { fd: badFd, close: false };
  }
}

/** The argument of each ioctl; an ioctl without one gets 0. */
const argumentOf: Record<IoctlStep['ioctl'], (control: ControlPlane, step: IoctlStep, fd: number) => Buffer | number> =
  {
    BACKING_OPEN: ({ revision }, { flags, padding }, fd) =>
      backingMap.encode({ fd, flags: flags ?? revision.backingTypes.IOMAP ?? 0, padding: padding ?? 0n }),
    BACKING_CLOSE: (control, { id }) => u32(idOf(control, id)),
    SYNC_INIT: () => 0,
    IOMAP_SUPPORT: () => Buffer.alloc(iomapSupport.size),
    SET_NOFS: (_, { value }) => u32(value ?? 0),
    ADD_IOMAP: () => 0,
    IOMAP_SET_BLOCKSIZE: (control, { id, value }) =>
      setBlocksize.encode({ id: idOf(control, id), blocksize: value ?? 0 }),
  };

export function controlStep(native: Native, control: ControlPlane, step: IoctlStep): StepResult {
  const request = control.revision.ioctls[step.ioctl];
  if (request === undefined) return { ret: -1n, errno: ENOTTY };
  const on = step.on === 'mounted' ? control.mountedFd : control.unmountedFd();
  const backing = step.ioctl === 'BACKING_OPEN' ? target(native, control, step) : undefined;
  const argument = argumentOf[step.ioctl](control, step, backing?.fd ?? -1);
  const ret = native.ioctl(on, request, argument);
  if (backing?.close && backing.fd >= 0) native.close(backing.fd);
  return {
    ret: BigInt(Math.max(ret, -1)),
    errno: ret < 0 ? -ret : 0,
    ...(step.ioctl === 'IOMAP_SUPPORT' && typeof argument !== 'number' ? { out: Uint8Array.from(argument) } : {}),
  };
}
