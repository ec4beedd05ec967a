/** The case's syscalls, each followed by what the rules say about it. */
import { UsageError } from '../../../../vm/errors.ts';
import type { Step } from '../../../model/case.ts';
import type { FiemapExtent } from '../../../model/observation.ts';
import type { StepExpectation } from '../../../../oracles/kernel/expectation.ts';
import { stretch } from './bytes.ts';
import { notificationsOf, notify, notifyHelper } from './notify.ts';
import { errno, s64, string, u32, u64, wrapLine } from './text.ts';
import { comparableBytes, type Program } from './uses.ts';

type StepOf<C extends Step['call']> = Extract<Step, { call: C }>;

const openFlags = { direct: 'O_DIRECT', append: 'O_APPEND', sync: 'O_SYNC', dsync: 'O_DSYNC', trunc: 'O_TRUNC' } as const;
const accessFlags = { rdonly: 'O_RDONLY', wronly: 'O_WRONLY', rdwr: 'O_RDWR' } as const;

export function workload(program: Program): string {
  const { case: of, uses, revision } = program;
  const ioctls = of.workload.filter((step) => step.call === 'fuseIoctl').filter(({ ioctl }) => revision.ioctls[ioctl] !== undefined);
  const opens = of.workload.filter(({ call }) => call === 'open').length;
  const room = Math.max(0, ...of.workload.map((step) => ('lengthBytes' in step && typeof step.lengthBytes === 'number' ? step.lengthBytes : 0)));
  const paths = uses.calls.has('open');
  let opened = 0;
  const steps = of.workload.map((step, index) => {
    const lines = statements(step, opened, program);
    if (step.call === 'open') opened += 1;
    const note = program.prediction.steps[index]!.length === 0 && program.prediction.unspecified !== undefined
      ? ['/*', ...wrapLine(`The rules say nothing more: ${program.prediction.unspecified.replaceAll('*/', '')}.`, 80).map((line) => ` * ${line}`), ' */'] : [];
    return [...lines, ...expectations(step, program.prediction.steps[index]!), ...note].map((line) => (line === '' ? '' : `\t${line}`)).join('\n');
  });
  const helpers = [
    paths ? `static const char *path(int file)
{
	static char name[sizeof(mountpoint) + 16];

	snprintf(name, sizeof(name), "%s/file%d", mountpoint, file);
	return name;
}` : '',
    uses.calls.has('fiemap') ? fiemapHelper : '',
    uses.calls.has('dedupe') ? dedupeHelper : '',
    steps.some((text) => text.includes('check_extents(')) ? extentsHelper : '',
    usesMmap(uses) ? mmapHelper : '',
    uses.calls.has('notify') ? notifyHelper(notificationsOf(of.workload)) : '',
    uses.calls.has('deviceRead') ? deviceReadHelper : '',
    uses.reads && uses.comparesBytes ? readHelper : '',
    uses.calls.has('fuseIoctl') ? ioctlHelper(program) : '',
  ].filter((part) => part !== '');
  const locals = [
    opens > 0 ? `	int fd[${opens}];` : '',
    room > 0 ? `	uint8_t *buf = aligned(${u64(BigInt(room))});` : uses.reads || uses.writes ? '	uint8_t *buf = aligned(1);' : '',
    uses.calls.has('fstat') ? '	struct stat st;' : '',
    ioctls.some(({ ioctl }) => ioctl === 'IOMAP_SUPPORT') ? '	uint64_t support[2];	/* flags, padding */' : '',
    ioctls.some(({ target }) => target === 'regular' || target === 'device-opath') ? '	int target;' : '',
    of.workload.some((step) => step.call === 'fuseIoctl' && step.on === 'unmounted') ? '	int unmounted_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);' : '',
  ].filter((line) => line !== '');
  const closing = [
    opens > 0 ? `	for (size_t i = 0; i < ${opens}; i++)\n\t\tif (fd[i] >= 0)\n\t\t\tclose(fd[i]);` : '',
    of.workload.some((step) => step.call === 'fuseIoctl' && step.on === 'unmounted') ? '	close(unmounted_fd);' : '',
    locals.some((line) => line.includes('*buf')) ? '	free(buf);' : '',
  ].filter((line) => line !== '');
  if (locals.some((line) => line.includes('*buf'))) helpers.unshift(`/* Zeroed memory that suits O_DIRECT. */
static uint8_t *aligned(size_t length)
{
	void *memory;

	if (posix_memalign(&memory, 4096, length))
		cannot_run("out of memory");
	return memset(memory, 0, length);
}`);
  return [...helpers, `static void workload(void)
{
${locals.join('\n')}${locals.length > 0 ? '\n\n' : ''}${steps.join('\n\n')}${closing.length > 0 ? `\n\n${closing.join('\n')}` : ''}
}`].join('\n\n');
}

const fiemapHelper = `static struct {
	struct fiemap map;
	struct fiemap_extent extents[4096];
} found;

static int fiemap(int file, uint64_t start, uint64_t length, uint32_t flags, uint32_t extents)
{
	memset(&found, 0, sizeof(found));
	found.map.fm_start = start;
	found.map.fm_length = length;
	found.map.fm_flags = flags;
	found.map.fm_extent_count = extents;
	return ioctl(file, FS_IOC_FIEMAP, &found);
}`;

const dedupeHelper = `static int dedupe(int from, uint64_t from_offset, uint64_t length, int to, uint64_t to_offset)
{
	uint64_t room[(sizeof(struct file_dedupe_range) +
		       sizeof(struct file_dedupe_range_info)) / 8] = { 0 };
	struct file_dedupe_range *range = (void *)room;

	range->src_offset = from_offset;
	range->src_length = length;
	range->dest_count = 1;
	range->info[0].dest_fd = to;
	range->info[0].dest_offset = to_offset;
	if (ioctl(from, FIDEDUPERANGE, range) < 0)
		return -1;
	if (range->info[0].status >= 0)
		return 0;
	errno = -range->info[0].status;
	return -1;
}`;

const extentsHelper = `static void print_extent(const struct fiemap_extent *extent)
{
	printf("    logical 0x%llx physical 0x%llx length 0x%llx flags 0x%x\\n",
	       (unsigned long long)extent->fe_logical, (unsigned long long)extent->fe_physical,
	       (unsigned long long)extent->fe_length, extent->fe_flags);
}

static void check_extents(const struct fiemap_extent *right, size_t count)
{
	for (size_t i = 0; i < found.map.fm_mapped_extents && i < found.map.fm_extent_count; i++)
		print_extent(&found.extents[i]);
	if (ret < 0)
		return;
	if (found.map.fm_mapped_extents != count)
		deviates("expected %zu extents, seen %u", count, found.map.fm_mapped_extents);
	for (size_t i = 0; i < count && i < found.map.fm_mapped_extents; i++) {
		const struct fiemap_extent *seen = &found.extents[i];

		if (seen->fe_logical == right[i].fe_logical &&
		    seen->fe_physical == right[i].fe_physical &&
		    seen->fe_length == right[i].fe_length && seen->fe_flags == right[i].fe_flags)
			continue;
		deviates("extent %zu is not the one expected:", i);
		print_extent(&right[i]);
	}
}`;

const deviceReadHelper = `/* Through the device's own page cache. */
static ssize_t read_device(int n, uint8_t *buf, size_t length, off_t offset)
{
	int file = open(devices[n].path, O_RDONLY | O_CLOEXEC);
	ssize_t got = pread(file, buf, length, offset);

	close(file);
	return got;
}`;

const usesMmap = ({ calls }: Program['uses']): boolean => calls.has('mmapRead') || calls.has('mmapWrite');

const mmapHelper = `enum mmap_copy { COPY_FROM, COPY_TO, COPY_TO_AND_SYNC };

static sigjmp_buf bus_error;

static void on_bus_error(int signal)
{
	(void)signal;
	siglongjmp(bus_error, 1);
}

/* Bytes copied; fewer than asked for means that the page there gave SIGBUS. */
static long copy_by_mmap(int file, uint8_t *buf, size_t length, off_t offset,
			 enum mmap_copy how)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	const size_t before = offset % page;
	volatile size_t done = 0;
	long result;
	uint8_t *map = mmap(NULL, length + before,
			    how == COPY_FROM ? PROT_READ : PROT_READ | PROT_WRITE,
			    MAP_SHARED, file, offset - before);

	if (map == MAP_FAILED)
		return -1;
	madvise(map, length + before, MADV_RANDOM);
	signal(SIGBUS, on_bus_error);
	if (sigsetjmp(bus_error, 1) == 0) {
		while (done < length) {
			size_t step = page - (before + done) % page;

			if (step > length - done)
				step = length - done;
			if (how == COPY_FROM)
				memcpy(buf + done, map + before + done, step);
			else
				memcpy(map + before + done, buf + done, step);
			done = done + step;
		}
	}
	signal(SIGBUS, SIG_DFL);
	result = done;
	if (how == COPY_TO_AND_SYNC && msync(map, length + before, MS_SYNC))
		result = -1;
	munmap(map, length + before);
	return result;
}`;

const readHelper = `/* The bytes that a read returned, one stretch after the other. */
static void check_bytes(const uint8_t *buf, const struct stretch *right)
{
	uint64_t at = 0;

	for (; ret >= 0 && right->length; at += right->length, right++)
		if (!check_stretch("read", buf + at, at, right))
			return;
}

#define CHECK_BYTES(buf, ...) \\
	check_bytes(buf, (const struct stretch[]){ __VA_ARGS__, { 0, { { 0, 0 } } } })`;

function ioctlHelper({ case: of }: Program): string {
  const fuseIoctls = of.workload.filter((step) => step.call === 'fuseIoctl');
  const targets = new Set(fuseIoctls.filter(({ ioctl }) => ioctl === 'BACKING_OPEN').map(({ target }) => target ?? 'device'));
  return targets.has('regular') ? `static int regular_file(void)
{
	char name[] = "/tmp/iomap-repro-regular.XXXXXX";
	int file = mkstemp(name);

	unlink(name);
	return file;
}` : '';
}

const fdName = (fd: number): string => `fd[${fd}]`;

/** The step without a judgement; lines without indentation. */
function statements(step: Step, opened: number, program: Program): string[] {
  switch (step.call) {
    case 'open': {
      const access = step.flags.find((flag) => flag in accessFlags) as keyof typeof accessFlags | undefined;
      const rest = step.flags.flatMap((flag) => (flag in openFlags ? [openFlags[flag as keyof typeof openFlags]] : []));
      return [`fd[${opened}] = CALL(open(path(${step.file}), ${[accessFlags[access ?? 'rdonly'], ...rest].join(' | ')}));`];
    }
    case 'close': return [`CALL(close(${fdName(step.fd)}));`, `${fdName(step.fd)} = -1;`];
    case 'pread': {
      const length = u64(BigInt(step.lengthBytes));
      return [`memset(buf, UNTOUCHED_BYTE, ${length});`, step.rwf
        ? `CALL(preadv2(${fdName(step.fd)}, &(struct iovec){ buf, ${length} }, 1, ${s64(step.offset)}, ${u32(step.rwf)}));`
        : `CALL(pread(${fdName(step.fd)}, buf, ${length}, ${s64(step.offset)}));`];
    }
    case 'pwrite': {
      const length = u64(BigInt(step.lengthBytes));
      return [`fill(buf, ${length}, WRITER(${step.writer}), ${u64(BigInt.asUintN(64, step.offset))});`, step.rwf
        ? `CALL(pwritev2(${fdName(step.fd)}, &(struct iovec){ buf, ${length} }, 1, ${s64(step.offset)}, ${u32(step.rwf)}));`
        : `CALL(pwrite(${fdName(step.fd)}, buf, ${length}, ${s64(step.offset)}));`];
    }
    case 'mmapRead': {
      const length = u64(BigInt(step.lengthBytes));
      return [`memset(buf, UNTOUCHED_BYTE, ${length});`, `CALL(copy_by_mmap(${fdName(step.fd)}, buf, ${length}, ${s64(step.offset)}, COPY_FROM));`];
    }
    case 'mmapWrite': {
      const length = u64(BigInt(step.lengthBytes));
      return [`fill(buf, ${length}, WRITER(${step.writer}), ${u64(BigInt.asUintN(64, step.offset))});`,
        `CALL(copy_by_mmap(${fdName(step.fd)}, buf, ${length}, ${s64(step.offset)}, ${step.msync ? 'COPY_TO_AND_SYNC' : 'COPY_TO'}));`];
    }
    case 'seekData': return [`CALL(lseek(${fdName(step.fd)}, ${s64(step.offset)}, SEEK_DATA));`];
    case 'seekHole': return [`CALL(lseek(${fdName(step.fd)}, ${s64(step.offset)}, SEEK_HOLE));`];
    case 'fiemap': return [`CALL(fiemap(${fdName(step.fd)}, ${u64(step.start)}, ${u64(step.lengthBytes)}, ${u32(step.flags)}, ${step.extents}));`];
    case 'fsync': return [`CALL(fsync(${fdName(step.fd)}));`];
    case 'ftruncate': return [`CALL(ftruncate(${fdName(step.fd)}, ${s64(step.sizeBytes)}));`];
    case 'fallocate': return [`CALL(fallocate(${fdName(step.fd)}, ${u32(step.mode)}, ${s64(step.offset)}, ${s64(step.lengthBytes)}));`];
    case 'copyFileRange': return [
      `CALL(copy_file_range(${fdName(step.from)}, &(off_t){ ${s64(step.fromOffset)} }, ${fdName(step.fd)}, &(off_t){ ${s64(step.offset)} },`,
      `\t\t     ${u64(BigInt(step.lengthBytes))}, 0));`,
    ];
    case 'clone': return [
      `CALL(ioctl(${fdName(step.fd)}, FICLONERANGE, &(struct file_clone_range){`,
      `\t.src_fd = ${fdName(step.from)}, .src_offset = ${u64(step.fromOffset)}, .src_length = ${u64(step.lengthBytes)}, .dest_offset = ${u64(step.offset)},`, '}));',
    ];
    case 'dedupe': return [
      `CALL(dedupe(${fdName(step.from)}, ${u64(step.fromOffset)}, ${u64(step.lengthBytes)}, ${fdName(step.fd)}, ${u64(step.offset)}));`,
    ];
    case 'fstat': return [`CALL(fstat(${fdName(step.fd)}, &st));`];
    case 'readahead': return [`CALL(readahead(${fdName(step.fd)}, ${s64(step.offset)}, ${u64(BigInt(step.lengthBytes))}));`];
    // posix_fadvise gives the errno instead of setting it.
    case 'fadvise': return [`CALL((errno = posix_fadvise(${fdName(step.fd)}, ${s64(step.offset)}, ${s64(BigInt(step.lengthBytes))}, ${step.advice === 'willneed' ? 'POSIX_FADV_WILLNEED' : 'POSIX_FADV_DONTNEED'})) ? -1 : 0);`];
    case 'fuseIoctl': return fuseIoctl(step, program);
    case 'notify': return notify(step.notification, program);
    case 'deviceRead': {
      const length = u64(BigInt(step.lengthBytes));
      return [`memset(buf, UNTOUCHED_BYTE, ${length});`, `CALL(read_device(${step.device}, buf, ${length}, ${u64(step.offset)}));`];
    }
    case 'freeze': return [`CALL(ioctl(${fdName(step.fd)}, FIFREEZE, 0));`];
    case 'thaw': return [`CALL(ioctl(${fdName(step.fd)}, FITHAW, 0));`];
    case 'syncfs': return [`CALL(syncfs(${fdName(step.fd)}));`];
    case 'shutdown': return [`CALL(ioctl(${fdName(step.fd)}, _IOR('X', 125, uint32_t), &(uint32_t){ ${u32(step.flags)} }));	/* FS_IOC_SHUTDOWN */`];
    case 'swapon': case 'swapoff': case 'pageOut': case 'ordinary': case 'fsUuid': case 'setTimes': throw new UsageError(`the C program cannot do a ${step.call} step yet; replay the case with iomapfuzz repro`);
  }
}

function fuseIoctl(step: StepOf<'fuseIoctl'>, { revision }: Program): string[] {
  const on = step.on === 'mounted' ? 'fuse_fd' : 'unmounted_fd';
  if (revision.ioctls[step.ioctl] === undefined) return [`errno = ENOTTY;	/* ${step.ioctl} does not exist in ${revision.id} */`, 'saw(-1);'];
  const call = (argument: string): string => `CALL(ioctl(${on}, DEV_${step.ioctl}, ${argument}));`;
  const id = typeof step.id === 'object' ? `devices[${step.id.device}].cookie` : step.id === undefined ? '0' : String(step.id);
  switch (step.ioctl) {
    case 'SYNC_INIT': case 'ADD_IOMAP': return [call('0')];
    case 'BACKING_CLOSE': return [call(`&(uint32_t){ ${id} }`)];
    case 'SET_NOFS': return [call(`&(uint32_t){ ${u32(step.value ?? 0)} }`)];
    case 'IOMAP_SET_BLOCKSIZE': return [call(`((uint32_t[]){ ${id}, ${u32(step.value ?? 0)} })`)];
    case 'IOMAP_SUPPORT': return ['memset(support, 0, sizeof(support));', call('support'), 'printf("    flags 0x%llx\\n", (unsigned long long)support[0]);'];
    case 'BACKING_OPEN': {
      const flags = u32(step.flags ?? revision.backingTypes.IOMAP ?? 0);
      const open = (fd: string): string => `CALL(ioctl(${on}, DEV_BACKING_OPEN,\n\t\t   &(struct backing_map){ .fd = ${fd}, ${rest} }));`;
      const rest = `.flags = ${flags}${step.padding ? `, .padding = ${u64(step.padding)}` : ''}`;
      switch (step.target ?? 'device') {
        case 'device': return [open(`devices[${step.device ?? 0}].fd`)];
        case 'bad': return [open('0x7fff0000')];
        case 'device-opath': case 'regular': {
          const opened = step.target === 'regular' ? 'regular_file()' : `open(devices[${step.device ?? 0}].path, O_PATH | O_CLOEXEC)`;
          return [`target = ${opened};`, open('target'), 'close(target);'];
        }
      }
    }
  }
}

function expectations(step: Step, outcomes: readonly StepExpectation[]): string[] {
  if (outcomes.length === 0 || outcomes.some(({ kind }) => kind === 'any')) return [];
  const rows = outcomes.flatMap((outcome): string[] => {
    const rule = string(outcome.rule);
    if (outcome.kind === 'fails') return outcome.errnos === undefined || outcome.errnos.length === 0 ? [`{ FAILS, 0, ${rule} }`] : [...new Set(outcome.errnos)].map((value) => `{ FAILS, ${errno(value)}, ${rule} }`);
    // The number of an fd is nobody's business; the harness reports 0.
    if (outcome.kind === 'succeeds') return [outcome.ret === undefined || step.call === 'open' ? `{ SUCCEEDS, 0, ${rule} }` : `{ RETURNS, ${s64(outcome.ret)}, ${rule} }`];
    return [];
  });
  const unique = [...new Set(rows)];
  const expect = unique.length === 1 ? [`EXPECT(${unique[0]!});`] : [`EXPECT(${unique.join(',\n\t       ')});`];
  return [...expect, ...details(step, outcomes)];
}

/** Checks of more than the result; only where all readings that succeed agree. */
function details(step: Step, outcomes: readonly StepExpectation[]): string[] {
  const successes = outcomes.filter((outcome) => outcome.kind === 'succeeds');
  const [first] = successes;
  if (!first) return [];
  const read = step.call === 'pread' || step.call === 'mmapRead' || step.call === 'deviceRead' ? comparableBytes(outcomes) : undefined;
  if (read) {
    return [`CHECK_BYTES(buf, ${read.map(stretch).join(',\n\t\t    ')});`];
  }
  if (step.call === 'fiemap' && first.fiemap && successes.length === 1) {
    const rows = first.fiemap.map(extent);
    return rows.length === 0 ? ['check_extents(NULL, 0);']
      : [`check_extents((const struct fiemap_extent[]){\n\t${rows.map((row) => `\t${row},\n\t`).join('')}}, ${rows.length});`];
  }
  if (step.call === 'fuseIoctl' && first.outFlags && successes.length === 1) {
    const { set, may } = first.outFlags;
    return [`if (ret == 0 && (support[0] | ${u64(may)}) != ${u64(set | may)})`, `\tdeviates("expected the flags ${u64(set)}, perhaps with ${u64(may)}");`];
  }
  if (step.call === 'fstat' && first.sizeBytes !== undefined && successes.length === 1) {
    const size = s64(first.sizeBytes);
    return [`if (ret == 0 && st.st_size != ${size})`, `\tdeviates("expected a size of %lld, seen %lld", (long long)${size},`, '\t\t (long long)st.st_size);'];
  }
  return [];
}

const extent = ({ logical, physical, length, flags }: FiemapExtent): string =>
  `{ .fe_logical = ${u64(logical)}, .fe_physical = ${u64(physical)}, .fe_length = ${u64(length)}, .fe_flags = ${u32(flags)} }`;
