/** Ioctls on /dev/fuse. */
import type { Case, Step } from '../../model/case.ts';
import { u32, u64 } from './text.ts';
import type { Program } from './uses.ts';

type IoctlStep = Extract<Step, { call: 'fuseIoctl' }>;

export function ioctlHelper(testCase: Case): string {
  const fuseIoctls = testCase.workload.filter((step) => step.call === 'fuseIoctl');
  const targets = new Set(
    fuseIoctls.filter(({ ioctl }) => ioctl === 'BACKING_OPEN').map(({ target }) => target ?? 'device'),
  );
  return targets.has('regular')
    ? `static int regular_file(void)
{
	char name[] = "/tmp/iomap-repro-regular.XXXXXX";
	int file = mkstemp(name);

	unlink(name);
	return file;
}`
    : '';
}

export function fuseIoctl(step: IoctlStep, { revision }: Program): string[] {
  const on = step.on === 'mounted' ? 'fuse_fd' : 'unmounted_fd';
  if (revision.ioctls[step.ioctl] === undefined)
    return [`errno = ENOTTY;	/* ${step.ioctl} does not exist in ${revision.id} */`, 'saw(-1);'];
  const call = (argument: string): string => `CALL(ioctl(${on}, DEV_${step.ioctl}, ${argument}));`;
  const id =
    typeof step.id === 'object' ? `devices[${step.id.device}].cookie` : step.id === undefined ? '0' : String(step.id);
  switch (step.ioctl) {
    case 'SYNC_INIT':
    case 'ADD_IOMAP':
      return [call('0')];
    case 'BACKING_CLOSE':
      return [call(`&(uint32_t){ ${id} }`)];
    case 'SET_NOFS':
      return [call(`&(uint32_t){ ${u32(step.value ?? 0)} }`)];
    case 'IOMAP_SET_BLOCKSIZE':
      return [call(`((uint32_t[]){ ${id}, ${u32(step.value ?? 0)} })`)];
    case 'IOMAP_SUPPORT':
      return [
        'memset(support, 0, sizeof(support));',
        call('support'),
        'printf("    flags 0x%llx\\n", (unsigned long long)support[0]);',
      ];
    case 'BACKING_OPEN': {
      const flags = u32(step.flags ?? revision.backingTypes.IOMAP ?? 0);
      const open = (fd: string): string =>
        `CALL(ioctl(${on}, DEV_BACKING_OPEN,\n\t\t   &(struct backing_map){ .fd = ${fd}, ${rest} }));`;
      const rest = `.flags = ${flags}${step.padding ? `, .padding = ${u64(step.padding)}` : ''}`;
      switch (step.target ?? 'device') {
        case 'device':
          return [open(`devices[${step.device ?? 0}].fd`)];
        case 'bad':
          return [open('0x7fff0000')];
        case 'device-opath':
        case 'regular': {
          const opened =
            step.target === 'regular'
              ? 'regular_file()'
              : `open(devices[${step.device ?? 0}].path, O_PATH | O_CLOEXEC)`;
          return [`target = ${opened};`, open('target'), 'close(target);'];
        }
      }
    }
  }
}
