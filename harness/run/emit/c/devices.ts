/** The block devices that mappings point into. */
import { u64 } from './text.ts';
import type { Program } from './uses.ts';

const access = { rw: 'O_RDWR', ro: 'O_RDONLY', wo: 'O_WRONLY' } as const;

export function devices({ case: of, uses }: Program): string {
  const rows = of.geometry.devices.map((device) => `\t{ .size = ${u64(BigInt(device.sizeBytes))}, .access = ${access[device.access]}${uses.registers ? '' : ', .cookie = 0x7ffffffe'} },`);
  const empty = of.geometry.devices.some(({ sizeBytes }) => sizeBytes === 0);
  return `static struct device {
	uint64_t size;
	int access;		/* the server's */
	char path[64];
	int fd;
	int whole_fd;		/* for its content, past the page cache */
	uint32_t cookie;
	int open_errno;		/* of BACKING_OPEN */
} devices[] = {
${rows.join('\n')}
};

#define DEVICES		(sizeof(devices) / sizeof(devices[0]))
#define CHUNK		(1 << 20)

static uint8_t *chunk;

/* A loop device over a file without a name; it goes away with its last user. */
static void make_loop(struct device *dev)
{
	char name[] = "/tmp/iomap-repro-device.XXXXXX";
	struct loop_config config = { .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int loop = -1, file = mkstemp(name);

	if (file < 0 || unlink(name) || ftruncate(file, dev->size))
		cannot_run("no file for a device in /tmp: %s", strerror(errno));
	config.fd = file;
	for (int tries = 0; tries < 100; tries++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		if (number < 0)
			cannot_run("no loop devices (%s); give %zu block devices as arguments",
				   strerror(errno), DEVICES);
		snprintf(dev->path, sizeof(dev->path), "/dev/loop%d", number);
		loop = open(dev->path, O_RDWR | O_CLOEXEC);
${empty ? `		if (loop >= 0 && dev->size == 0)
			break;		/* an unbound loop device has 0 bytes */
` : ''}		if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) == 0)
			break;
		/* Somebody else was faster: try the next one. */
		if (loop >= 0)
			close(loop);
		loop = -1;
	}
	if (loop < 0)
		cannot_run("%s: %s", dev->path, strerror(errno));
	/* loop stays open: it keeps the device until this program ends. */
	close(file);
	close(control);
}

static void make_devices(int count, char **paths)
{
	if (count && count != DEVICES)
		cannot_run("the case has %zu devices, not %d", DEVICES, count);
	if (posix_memalign((void **)&chunk, 4096, CHUNK))
		cannot_run("out of memory");
	for (size_t n = 0; n < DEVICES; n++) {
		struct device *dev = &devices[n];
		uint64_t size;

		if (count)
			snprintf(dev->path, sizeof(dev->path), "%s", paths[n]);
		else
			make_loop(dev);
		dev->fd = open(dev->path, dev->access | O_CLOEXEC);
		dev->whole_fd = open(dev->path, O_RDWR | O_DIRECT | O_CLOEXEC);
		if (dev->fd < 0 || dev->whole_fd < 0)
			cannot_run("%s: %s", dev->path, strerror(errno));
		if (ioctl(dev->fd, BLKGETSIZE64, &size))
			cannot_run("%s is no block device", dev->path);
		if (size != dev->size)
			cannot_run("%s has %llu bytes, device %zu of the case has %llu", dev->path,
				   (unsigned long long)size, n, (unsigned long long)dev->size);
		for (uint64_t at = 0; at < dev->size; at += CHUNK) {
			size_t length = dev->size - at < CHUNK ? dev->size - at : CHUNK;

			fill(chunk, length, DEVICE(n), at);
			if (pwrite(dev->whole_fd, chunk, length, at) != (ssize_t)length)
				cannot_run("%s cannot be filled: %s", dev->path, strerror(errno));
		}
	}
}${uses.comparesDevices ? check : ''}`;
}

const check = `

/* A stretch of a device that may hold something else than at the start. */
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
		for (size_t i = 0; i < 4 && part.sources[i].owner; i++)
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
