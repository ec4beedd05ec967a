/** Copies by a shared mapping of a file. */

export const mmapHelper = `enum mmap_copy { COPY_FROM, COPY_TO, COPY_TO_AND_SYNC };

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
