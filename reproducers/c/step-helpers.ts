/** Functions that steps call. */
import type { Program } from './uses.ts';
import { ioctlHelper } from './fuse-ioctl.ts';
import { namesFile, ordinaryHelpers } from './ordinary-calls.ts';
import { mmapHelper } from './mmap.ts';
import { swapHelper } from './swap.ts';
import { thawHelper } from './freeze.ts';

/** The functions that the emitted steps call, in the order in which C wants them. */
export function stepHelpers(
  { case: testCase, uses: { calls, reads, comparesBytes, hasBuffer } }: Program,
  steps: readonly string[],
): string[] {
  return [
    hasBuffer ? alignedHelper : '',
    calls.has('open') || calls.has('swapon') || calls.has('swapoff') || testCase.workload.some(namesFile)
      ? pathHelper
      : '',
    ordinaryHelpers(testCase.workload),
    calls.has('fiemap') ? fiemapHelper : '',
    calls.has('dedupe') ? dedupeHelper : '',
    steps.some((text) => text.includes('check_extents(')) ? extentsHelper : '',
    calls.has('mmapRead') || calls.has('mmapWrite') ? mmapHelper : '',
    calls.has('freeze') ? thawHelper : '',
    swapHelper(testCase.workload),
    calls.has('deviceRead') ? deviceReadHelper : '',
    reads && comparesBytes ? readHelper : '',
    calls.has('fuseIoctl') ? ioctlHelper(testCase) : '',
  ].filter((part) => part !== '');
}

const alignedHelper = `/* Zeroed memory that suits O_DIRECT. */
static uint8_t *aligned(size_t length)
{
	void *memory;

	if (posix_memalign(&memory, 4096, length))
		cannot_run("out of memory");
	return memset(memory, 0, length);
}`;

const pathHelper = `static const char *path(int file)
{
	static char name[sizeof(mountpoint) + 16];

	snprintf(name, sizeof(name), "%s/file%d", mountpoint, file);
	return name;
}`;

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

const readHelper = `/* The bytes that a read returned, one stretch after the other. */
static void check_bytes(const uint8_t *buf, uint64_t start, const struct stretch *right)
{
	uint64_t at = 0;

	for (; ret >= 0 && right->length; at += right->length, right++)
		if (!check_stretch("read", buf + at, start + at, right))
			return;
}

#define CHECK_BYTES(buf, start, ...) \\
	check_bytes(buf, start, (const struct stretch[]){ __VA_ARGS__, { 0, { { 0, 0 } } } })`;
