/**
 * Devices that take atomic writes: partitions of a simulated SCSI disk, the only one that a kernel can make out of
 * memory.
 */

export const atomicDevice = `#define SCSI_DEBUG	"/sys/bus/pseudo/drivers/scsi_debug"

static int read_file(const char *path, char *text, size_t room)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = file < 0 ? -1 : read(file, text, room - 1);

	text[got > 0 ? got : 0] = 0;
	close(file);
	return got > 0;
}

/* A disk of scsi_debug that takes atomic writes of a page, and can be opened; fd or -1. */
static int find_atomic_disk(char *name, size_t room)
{
	DIR *block = opendir("/sys/block");
	struct dirent *entry;
	int disk = -1;

	while (disk < 0 && block && (entry = readdir(block))) {
		char path[300], text[64];

		snprintf(path, sizeof(path), "/sys/block/%.32s/device/model", entry->d_name);
		if (!read_file(path, text, sizeof(text)) || strncmp(text, "scsi_debug", 10))
			continue;
		snprintf(path, sizeof(path), "/sys/block/%.32s/queue/atomic_write_unit_max_bytes",
			 entry->d_name);
		if (!read_file(path, text, sizeof(text)) || atoll(text) < 4096)
			continue;
		snprintf(name, room, "/dev/%.32s", entry->d_name);
		disk = open(name, O_RDWR | O_CLOEXEC);
	}
	if (block)
		closedir(block);
	return disk;
}

static int atomic_disk = -1;

static void make_atomic(struct device *dev)
{
	char name[40];
	struct blkpg_partition part = { .length = dev->size };
	struct blkpg_ioctl_arg arg = {
		.op = BLKPG_ADD_PARTITION, .datalen = sizeof(part), .data = &part,
	};

	/* The disk is probed in the background. */
	for (int tries = 0; tries < 1000; tries++) {
		int add = -1;

		atomic_disk = find_atomic_disk(name, sizeof(name));
		if (atomic_disk >= 0)
			break;
		if (tries == 0)
			add = open(SCSI_DEBUG "/add_host", O_WRONLY | O_CLOEXEC);
		if (tries == 0 && (add < 0 || write(add, "1", 1) != 1))
			break;
		close(add);
		usleep(10000);
	}
	if (atomic_disk < 0)
		cannot_run("no device takes atomic writes; load scsi_debug with atomic_wr=1,\\n"
			   "or give %zu block devices as arguments", DEVICES);
	/* Anywhere: something else may have partitions there. */
	for (part.pno = 1; part.pno < 16; part.pno++)
		for (part.start = 0; part.start < 64 << 20; part.start += 1 << 16)
			if (ioctl(atomic_disk, BLKPG, &arg) == 0) {
				snprintf(dev->path, sizeof(dev->path), "%s%d", name, part.pno);
				dev->partition = part.pno;
				return;
			}
	cannot_run("%s has no room for a partition of %llu bytes", name,
		   (unsigned long long)dev->size);
}

static void remove_partitions(void)
{
	for (size_t n = 0; n < DEVICES; n++) {
		struct blkpg_partition part = { .pno = devices[n].partition };
		struct blkpg_ioctl_arg arg = {
			.op = BLKPG_DEL_PARTITION, .datalen = sizeof(part), .data = &part,
		};

		if (!devices[n].partition)
			continue;
		close(devices[n].fd);
		close(devices[n].whole_fd);
		ioctl(atomic_disk, BLKPG, &arg);
	}
}`;
