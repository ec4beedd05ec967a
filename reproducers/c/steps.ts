/** The statements that do a syscall of the case, without a judgement. */
import type { Step } from '../../model/case.ts';
import { fuseIoctl } from './fuse-ioctl.ts';
import { notify } from './notify.ts';
import { ordinaryCall } from './ordinary-calls.ts';
import { s64, u32, u64 } from './text.ts';
import type { Program } from './uses.ts';

const openFlags = {
  direct: 'O_DIRECT',
  append: 'O_APPEND',
  sync: 'O_SYNC',
  dsync: 'O_DSYNC',
  trunc: 'O_TRUNC',
} as const;
const accessFlags = { rdonly: 'O_RDONLY', wronly: 'O_WRONLY', rdwr: 'O_RDWR' } as const;

const fdName = (fd: number): string => `fd[${fd}]`;

/** Lines without indentation; `opened`: how many open steps came before. */
export function statements(step: Step, opened: number, program: Program): string[] {
  switch (step.call) {
    case 'open': {
      const access = step.flags.find((flag) => flag in accessFlags) as keyof typeof accessFlags | undefined;
      const rest = step.flags.flatMap((flag) => (flag in openFlags ? [openFlags[flag as keyof typeof openFlags]] : []));
      return [
        `fd[${opened}] = CALL(open(path(${step.file}), ${[accessFlags[access ?? 'rdonly'], ...rest].join(' | ')}));`,
      ];
    }
    case 'close':
      return [
        ...(program.uses.calls.has('freeze')
          ? [`thaw(${fdName(step.fd)});	/* if it is what froze the file system */`]
          : []),
        `CALL(close(${fdName(step.fd)}));`,
        `${fdName(step.fd)} = -1;`,
      ];
    case 'pread': {
      const length = u64(BigInt(step.lengthBytes));
      return [
        `memset(buf, UNTOUCHED_BYTE, ${length});`,
        step.rwf
          ? `CALL(preadv2(${fdName(step.fd)}, &(struct iovec){ buf, ${length} }, 1, ${s64(step.offset)}, ${u32(step.rwf)}));`
          : `CALL(pread(${fdName(step.fd)}, buf, ${length}, ${s64(step.offset)}));`,
      ];
    }
    case 'pwrite': {
      const length = u64(BigInt(step.lengthBytes));
      return [
        `fill(buf, ${length}, WRITER(${step.writer}), ${u64(BigInt.asUintN(64, step.offset))});`,
        step.rwf
          ? `CALL(pwritev2(${fdName(step.fd)}, &(struct iovec){ buf, ${length} }, 1, ${s64(step.offset)}, ${u32(step.rwf)}));`
          : `CALL(pwrite(${fdName(step.fd)}, buf, ${length}, ${s64(step.offset)}));`,
      ];
    }
    case 'mmapRead': {
      const length = u64(BigInt(step.lengthBytes));
      return [
        `memset(buf, UNTOUCHED_BYTE, ${length});`,
        `CALL(copy_by_mmap(${fdName(step.fd)}, buf, ${length}, ${s64(step.offset)}, COPY_FROM));`,
      ];
    }
    case 'mmapWrite': {
      const length = u64(BigInt(step.lengthBytes));
      return [
        `fill(buf, ${length}, WRITER(${step.writer}), ${u64(BigInt.asUintN(64, step.offset))});`,
        `CALL(copy_by_mmap(${fdName(step.fd)}, buf, ${length}, ${s64(step.offset)}, ${step.msync ? 'COPY_TO_AND_SYNC' : 'COPY_TO'}));`,
      ];
    }
    case 'seekData':
      return [`CALL(lseek(${fdName(step.fd)}, ${s64(step.offset)}, SEEK_DATA));`];
    case 'seekHole':
      return [`CALL(lseek(${fdName(step.fd)}, ${s64(step.offset)}, SEEK_HOLE));`];
    case 'fiemap':
      return [
        `CALL(fiemap(${fdName(step.fd)}, ${u64(step.start)}, ${u64(step.lengthBytes)}, ${u32(step.flags)}, ${step.extents}));`,
      ];
    case 'fsync':
      return [`CALL(fsync(${fdName(step.fd)}));`];
    case 'ftruncate':
      return [`CALL(ftruncate(${fdName(step.fd)}, ${s64(step.sizeBytes)}));`];
    case 'fallocate':
      return [`CALL(fallocate(${fdName(step.fd)}, ${u32(step.mode)}, ${s64(step.offset)}, ${s64(step.lengthBytes)}));`];
    case 'copyFileRange':
      return [
        `CALL(copy_file_range(${fdName(step.from)}, &(off_t){ ${s64(step.fromOffset)} }, ${fdName(step.fd)}, &(off_t){ ${s64(step.offset)} },`,
        `\t\t     ${u64(BigInt(step.lengthBytes))}, 0));`,
      ];
    case 'clone':
      return [
        `CALL(ioctl(${fdName(step.fd)}, FICLONERANGE, &(struct file_clone_range){`,
        `\t.src_fd = ${fdName(step.from)}, .src_offset = ${u64(step.fromOffset)}, .src_length = ${u64(step.lengthBytes)}, .dest_offset = ${u64(step.offset)},`,
        '}));',
      ];
    case 'dedupe':
      return [
        `CALL(dedupe(${fdName(step.from)}, ${u64(step.fromOffset)}, ${u64(step.lengthBytes)}, ${fdName(step.fd)}, ${u64(step.offset)}));`,
      ];
    case 'fstat':
      return [`CALL(fstat(${fdName(step.fd)}, &st));`];
    case 'readahead':
      return [`CALL(readahead(${fdName(step.fd)}, ${s64(step.offset)}, ${u64(BigInt(step.lengthBytes))}));`];
    // posix_fadvise gives the errno instead of setting it.
    case 'fadvise':
      return [
        `CALL((errno = posix_fadvise(${fdName(step.fd)}, ${s64(step.offset)}, ${s64(BigInt(step.lengthBytes))}, ${step.advice === 'willneed' ? 'POSIX_FADV_WILLNEED' : 'POSIX_FADV_DONTNEED'})) ? -1 : 0);`,
      ];
    case 'fuseIoctl':
      return fuseIoctl(step, program);
    case 'notify':
      return notify(step.notification, program);
    case 'deviceRead': {
      const length = u64(BigInt(step.lengthBytes));
      return [
        `memset(buf, UNTOUCHED_BYTE, ${length});`,
        `CALL(read_device(${step.device}, buf, ${length}, ${u64(step.offset)}));`,
      ];
    }
    case 'freeze':
      return [`CALL(ioctl(${fdName(step.fd)}, FIFREEZE, 0));`, 'if (ret >= 0)', `\tfrozen_by = ${fdName(step.fd)};`];
    case 'thaw':
      return [
        `CALL(ioctl(${fdName(step.fd)}, FITHAW, 0));`,
        ...(program.uses.calls.has('freeze') ? ['if (ret >= 0)', '\tfrozen_by = -1;'] : []),
      ];
    case 'syncfs':
      return [`CALL(syncfs(${fdName(step.fd)}));`];
    case 'shutdown':
      return [
        `CALL(ioctl(${fdName(step.fd)}, _IOR('X', 125, uint32_t), &(uint32_t){ ${u32(step.flags)} }));	/* FS_IOC_SHUTDOWN */`,
      ];
    case 'swapon':
      return [
        step.header
          ? `CALL(swapon_with_header(path(${step.file}), ${step.header.device}, ${u64(step.header.offset)}, ${u32(step.header.pages)}));`
          : `CALL(swapon(path(${step.file}), 0));`,
      ];
    case 'swapoff':
      return [`CALL(swapoff(path(${step.file})));`];
    case 'pageOut': {
      const length = u64(BigInt(step.lengthBytes));
      return [`fill(buf, ${length}, WRITER(${step.writer}), 0);`, `CALL(page_out(buf, ${length}));`];
    }
    case 'ordinary':
      return [ordinaryCall(step)];
    // _IOR(0x15, 0, struct fsuuid2): include/uapi/linux/fs.h since Linux 6.9.
    case 'fsUuid':
      return [
        'memset(uuid, 0, sizeof(uuid));',
        `CALL(ioctl(${fdName(step.fd)}, 0x80111500 /* FS_IOC_GETFSUUID */, uuid));`,
      ];
    case 'setTimes':
      return [
        `CALL(futimens(${fdName(step.fd)}, (struct timespec[]){`,
        `\t\t{ ${s64(step.atime.sec)}, ${step.atime.nsec} }, { ${s64(step.mtime.sec)}, ${step.mtime.nsec} },`,
        '\t    }));',
      ];
  }
}
