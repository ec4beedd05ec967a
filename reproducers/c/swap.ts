/** Swap files whose header is on a device, and memory that is paged out. */
import type { Step } from '../../model/case.ts';

export function swapHelper(workload: readonly Step[]): string {
  return [
    workload.some((step) => step.call === 'swapon' && step.header !== undefined) ? swapon : '',
    workload.some(({ call }) => call === 'pageOut') ? pageOut : '',
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const swapon = `/*
 * swapon(2) while the page that mkswap writes lies there on the device, where the
 * file's first page may be mapped. Before and behind it the device's own bytes do.
 */
static int swapon_with_header(const char *file, int device, uint64_t offset, uint32_t pages)
{
	static uint8_t page[4096] __attribute__((aligned(4096)));
	uint32_t version_and_last[] = { 1, pages - 1 };
	int result, error;

	memset(page, 0, sizeof(page));
	memcpy(page + 1024, version_and_last, sizeof(version_and_last));
	memcpy(page + sizeof(page) - 10, "SWAPSPACE2", 10);
	if (pwrite(devices[device].whole_fd, page, sizeof(page), offset) != sizeof(page))
		cannot_run("no swap header on %s: %s", devices[device].path, strerror(errno));
	result = swapon(file, 0);
	error = errno;
	fill(page, sizeof(page), DEVICE(device), offset);
	if (pwrite(devices[device].whole_fd, page, sizeof(page), offset) != sizeof(page))
		cannot_run("%s cannot be written: %s", devices[device].path, strerror(errno));
	errno = error;
	return result;
}`;

/** MADV_PAGEOUT is 21: include/uapi/asm-generic/mman-common.h; a C library from before Linux 5.4 has no name for it. */
const pageOut = `/* Asks the kernel to move private memory to swap; reading it later brings it back. */
static ssize_t page_out(uint8_t *buf, size_t length)
{
	return madvise(buf, length, 21 /* MADV_PAGEOUT */) ? -1 : (ssize_t)length;
}`;
