/** Syscalls that any FUSE server is asked about: as harness/native/src/names.cc makes them. */
import type { Step } from '../../model/case.ts';
import type { OrdinaryCall } from '../../model/ordinary-calls.ts';

type OrdinaryStep = Extract<Step, { call: 'ordinary' }>;

/** `path` is the file's, `other` a name that no file has. */
const expressions: Readonly<Record<OrdinaryCall, (path: string, other: string) => string>> = {
  statfs: (path) => `statfs(${path}, &(struct statfs){ 0 })`,
  stat: (path) => `ask_attributes(${path}, STATX_BASIC_STATS)`,
  statx: (path) => `ask_attributes(${path}, STATX_BASIC_STATS | STATX_BTIME)`,
  access: (path) => `access(${path}, R_OK)`,
  listxattrSize: (path) => `listxattr(${path}, NULL, 0)`,
  listxattr: (path) => `listxattr(${path}, (char[64]){ 0 }, 64)`,
  getxattrSize: (path) => `getxattr(${path}, "user.iomapfuzz", NULL, 0)`,
  getxattr: (path) => `getxattr(${path}, "user.iomapfuzz", (char[64]){ 0 }, 64)`,
  setxattr: (path) => `setxattr(${path}, "user.iomapfuzz", "value", 5, 0)`,
  removexattr: (path) => `removexattr(${path}, "user.iomapfuzz")`,
  symlink: (_, other) => `symlink("target", ${other})`,
  readlink: (_, other) => `readlink(${other}, (char[4096]){ 0 }, 4096)`,
  mkdir: (_, other) => `mkdir(${other}, 0755)`,
  rmdir: (_, other) => `rmdir(${other})`,
  mknod: (_, other) => `mknod(${other}, S_IFIFO | 0644, 0)`,
  create: (_, other) => `with_file(${other}, O_RDWR | O_CREAT | O_EXCL, nothing)`,
  tmpfile: () => 'with_file(mountpoint, O_RDWR | O_TMPFILE, nothing)',
  link: (path, other) => `link(${path}, ${other})`,
  unlink: (path) => `unlink(${path})`,
  rename: (path, other) => `rename(${path}, ${other})`,
  renameNoreplace: (path, other) => `syscall(SYS_renameat2, AT_FDCWD, ${path}, AT_FDCWD, ${other}, 1)`,
  readdir: () => 'with_file(mountpoint, O_RDONLY | O_DIRECTORY, count_names)',
  opendir: () => 'with_file(mountpoint, O_RDONLY | O_DIRECTORY, count_names)',
  releasedir: () => 'with_file(mountpoint, O_RDONLY | O_DIRECTORY, count_names)',
  fsyncdir: () => 'with_file(mountpoint, O_RDONLY | O_DIRECTORY, sync_it)',
  poll: (path) => `with_file(${path}, O_RDWR, poll_it)`,
  ioctl: (path) => `with_file(${path}, O_RDWR, control_it)`,
};

export const ordinaryCall = ({ syscall, file }: OrdinaryStep): string =>
  `CALL(${expressions[syscall](`path(${file})`, `other(${file})`)});`;

const otherHelper = `/* A name that no file of the case has. */
static const char *other(int file)
{
	static char name[sizeof(mountpoint) + 20];

	snprintf(name, sizeof(name), "%s/file%d.new", mountpoint, file);
	return name;
}`;

const askHelper = `/* What the server says of the inode, not what the kernel remembers. */
static int ask_attributes(const char *name, unsigned int mask)
{
	struct statx answer;

	return statx(AT_FDCWD, name, AT_STATX_FORCE_SYNC | AT_SYMLINK_NOFOLLOW, mask, &answer);
}`;

const withFileHelper = `/* Opens, does something, closes. */
static long with_file(const char *name, int flags, long (*act)(int file))
{
	int file = open(name, flags | O_CLOEXEC, 0644);
	long result = file < 0 ? -1 : act(file);
	int error = errno;

	if (file >= 0)
		close(file);
	errno = error;
	return result;
}`;

/** What is done with an open file, by name. */
const acts: Readonly<Record<string, string>> = {
  nothing: `static long nothing(int file)
{
	(void)file;
	return 0;
}`,
  count_names: `static long count_names(int file)
{
	char entries[4096];
	long names = 0, got;

	while ((got = syscall(SYS_getdents64, file, entries, sizeof(entries))) > 0)
		for (long at = 0; at < got; names++) {
			uint16_t length;	/* d_reclen of struct linux_dirent64 */

			memcpy(&length, entries + at + 16, sizeof(length));
			at += length;
		}
	return got < 0 ? -1 : names;
}`,
  sync_it: `static long sync_it(int file)
{
	return fsync(file);
}`,
  poll_it: `static long poll_it(int file)
{
	struct pollfd one = { file, POLLIN | POLLOUT, 0 };

	return poll(&one, 1, 1000) < 0 ? -1 : one.revents;
}`,
  control_it: `/* A command that nobody else knows. */
static long control_it(int file)
{
	int value = 0;

	return ioctl(file, _IOR('Z', 0x5a, int), &value);
}`,
};

/** The functions that these calls use; none: ''. */
export function ordinaryHelpers(workload: readonly Step[]): string {
  const text = workload.flatMap((step) => (step.call === 'ordinary' ? [ordinaryCall(step)] : [])).join('\n');
  return [
    text.includes('other(') ? otherHelper : '',
    text.includes('ask_attributes(') ? askHelper : '',
    text.includes('with_file(') ? withFileHelper : '',
    ...Object.entries(acts)
      .filter(([name]) => text.includes(`, ${name})`))
      .map(([, act]) => act),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** Whether the case's own files are named by it. */
export const namesFile = (step: Step): boolean => step.call === 'ordinary' && ordinaryCall(step).includes('path(');
