/** Comparison of every byte of every device with what the rules say. */

export const deviceCheck = `/* A stretch of a device that may hold something else than at the start. */
struct written {
	size_t device;
	uint64_t start;
	struct stretch is;
};

static void check_part(size_t n, uint64_t start, const struct stretch *is)
{
	char what[32];

	snprintf(what, sizeof(what), "device %zu", n);
	for (uint64_t done = 0; done < is->length; done += CHUNK) {
		struct stretch part = *is;

		part.length = is->length - done < CHUNK ? is->length - done : CHUNK;
		for (size_t i = 0; i < SOURCES && part.sources[i].owner; i++)
			part.sources[i].at += done;
		/* O_DIRECT: whole sectors around the bytes in question. */
		uint64_t from = (start + done) & ~511ULL;
		uint64_t to = (start + done + part.length + 511) & ~511ULL;
		static uint8_t sectors[CHUNK + 1024] __attribute__((aligned(4096)));

		if (pread(devices[n].whole_fd, sectors, to - from, from) != (ssize_t)(to - from))
			cannot_run("%s cannot be read: %s", devices[n].path, strerror(errno));
		if (!check_stretch(what, sectors + (start + done - from), start + done, &part))
			return;
	}
}

static void check_initial(size_t n, uint64_t start, uint64_t end)
{
	check_part(n, start, &(struct stretch){ end - start, { { DEVICE(n), start } } });
}

/* Every byte of every device: as at the start, except where written says. */
static void check_devices(const struct written *written)
{
	for (size_t n = 0; n < DEVICES; n++) {
		uint64_t at = 0;

		for (; written->is.length && written->device == n; written++) {
			check_initial(n, at, written->start);
			check_part(n, written->start, &written->is);
			at = written->start + written->is.length;
		}
		check_initial(n, at, devices[n].size);
	}
}`;
