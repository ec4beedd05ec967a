/** Runs a case's workload through the model of the kernel: one reading of the rules, as the driver chooses. */
import type { Step } from '../../model/case.ts';
import { errnos } from '../../uapi/errno.ts';
import { clone } from './clone.ts';
import { fuseIoctl } from './control.ts';
import { copyFileRange } from './copy.ts';
import { Desynchronised, Unspecified } from './driver.ts';
import type { Expectation, StepExpectation } from './expectation.ts';
import { deviceRead } from './device-read.ts';
import { fallocate } from './fallocate.ts';
import { checkPlaces, notified } from './held.ts';
import { mmapRead, mmapWrite } from './mmap.ts';
import { mount } from './mount.ts';
import { close } from './close.ts';
import { notify } from './notify.ts';
import { ordinary } from './ordinary.ts';
import { failsAfterEnd, open } from './open.ts';
import { readAhead } from './readahead.ts';
import { fsUuid, setTimes } from './superblock-facts.ts';
import { pread, pwrite } from './read-write.ts';
import { fiemap, seekData, seekHole } from './reports.ts';
import { closeRest, fsync } from './sync.ts';
import { checkState, superblock } from './superblock.ts';
import { pageOut, swapoff, swapoffRest, swapon } from './swap.ts';
import { ftruncate } from './truncate.ts';
import { interleaved, takeWriteback } from './writeback.ts';
import type { OpenFile, World } from './world.ts';
import { checkMinor, makeWorld, type WorldInput } from './make-world.ts';
import { believeSizes } from './times.ts';

export function simulate(input: WorldInput): Expectation {
  const world = makeWorld(input);
  world.driver = interleaved(world);
  const { expectation } = world;
  world.wire.onExchange = (exchange) => {
    notified(world, exchange);
  };
  try {
    checkPlaces(world);
    checkMinor(input);
    if (mount(world)) {
      input.case.workload.forEach((step, index) => {
        world.step = index;
        input.driver.atStep?.(index);
        // The plain kernel believes none of them.
        if (!input.driver.simulated) for (const file of world.files) believeSizes(world, file);
        // Of what a call writes back that changes the size, that call says by which size it goes.
        if (step.call !== 'ftruncate' && step.call !== 'fallocate') takeWriteback(world);
        expectation.steps.push(run(world, step));
        takeWriteback(world);
      });
      if (!input.goesOn) {
        swapoffRest(world);
        closeRest(world);
      }
    }
    if (!input.goesOn) expectation.contents = world.contents;
  } catch (error) {
    if (error instanceof Unspecified) expectation.unspecified = error.reason;
    else if (error instanceof Desynchronised) expectation.desynchronised = true;
    else throw error;
  }
  return expectation;
}

function run(world: World, step: Step): StepExpectation {
  switch (step.call) {
    case 'open':
      return open(world, step);
    case 'fuseIoctl':
      if (world.wire.ended) throw new Unspecified('ioctls of a connection that has ended');
      return fuseIoctl(world, step);
    case 'notify':
      if (world.wire.ended) throw new Unspecified('notifications of a connection that has ended');
      return notify(world, step.notification);
    case 'deviceRead':
      return deviceRead(world, step);
    case 'swapon':
      checkState(world, step.call);
      return swapon(world, step);
    case 'swapoff':
      return swapoff(world, step);
    case 'pageOut':
      return pageOut(world, step);
    case 'ordinary':
      return ordinary(world, step);
    default:
      return onFile(world, step, world.fds[step.fd]);
  }
}

type FileStep = Extract<Step, { fd: number }>;

function onFile(world: World, step: FileStep, fd: OpenFile | undefined): StepExpectation {
  if (!fd || fd.closed) return { kind: 'fails', rule: 'fd', errnos: [errnos.EBADF] };
  const { file } = fd;
  if (file.sizeUncertain && step.call !== 'close') throw new Unspecified('an earlier failure left the file size open');
  if (file.bad && step.call !== 'close') throw new Unspecified('a file whose inode is bad is ordinary FUSE');
  checkState(world, step.call);
  if (world.headers.has(file.index) && step.call !== 'close' && step.call !== 'fstat')
    throw new Unspecified('I/O of what was a swap file is not modelled');
  const plainFuse = (what: string): never => {
    throw new Unspecified(`${what} of a file that does not use iomap is ordinary FUSE I/O`);
  };
  switch (step.call) {
    case 'close':
      // FLUSH of a bad inode cannot be sent; close may say so.
      return file.bad ? { ...close(world, fd), kind: 'any' } : close(world, fd);
    case 'fstat':
      // Attributes may be in memory, or have to be asked for.
      if (world.wire.ended && world.driver.choose(2) === 1) return failsAfterEnd();
      return { kind: 'succeeds', rule: 'size', ret: 0n, sizeBytes: file.sizeBytes };
    case 'pread':
      if (!file.usesIomap && !fd.flags.includes('wronly')) plainFuse('reading');
      return pread(world, fd, step);
    case 'mmapRead':
      if (!file.usesIomap) plainFuse('mapping');
      return mmapRead(world, fd, step);
    case 'mmapWrite':
      if (!file.usesIomap) plainFuse('mapping');
      return mmapWrite(world, fd, step);
    case 'pwrite':
      if (!file.usesIomap && !fd.flags.includes('rdonly')) plainFuse('writing');
      return pwrite(world, fd, step);
    case 'seekData':
      if (!file.usesIomap) plainFuse('seeking');
      return seekData(world, file, step);
    case 'seekHole':
      if (!file.usesIomap) plainFuse('seeking');
      return seekHole(world, file, step);
    case 'fiemap':
      return fiemap(world, file, step);
    case 'copyFileRange':
    case 'clone':
    case 'dedupe': {
      const from = world.fds[step.from];
      if (!from || from.closed) return { kind: 'fails', rule: 'fd', errnos: [errnos.EBADF] };
      if (!file.usesIomap || !from.file.usesIomap) plainFuse('copying');
      return step.call === 'copyFileRange' ? copyFileRange(world, from, fd, step) : clone(from, fd, step);
    }
    case 'ftruncate':
      if (!file.usesIomap) plainFuse('truncation');
      return ftruncate(world, fd, step);
    case 'fallocate':
      if (!file.usesIomap) plainFuse('fallocate');
      return fallocate(world, fd, step);
    case 'freeze':
    case 'thaw':
    case 'syncfs':
    case 'shutdown':
      return superblock(world, step);
    case 'setTimes':
      return setTimes(world, step);
    case 'fsUuid':
      return fsUuid(world);
    case 'readahead':
    case 'fadvise':
      if (!file.usesIomap) plainFuse('reading ahead');
      return readAhead(world, fd, step);
    case 'fsync':
      if (!file.usesIomap) plainFuse('fsync');
      return fsync(world, file, { by: fd });
  }
}
