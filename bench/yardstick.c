// SPDX-License-Identifier: MIT
/*
 * The yardstick of `iomapfuzz bench`: makes the kernel do what simple cases make it do (look up a fresh inode, open it, one
 * syscall that asks the server for a mapping once, close it), as fast as a small C program can: one thread serves, one works.
 * It checks only that the kernel did what was asked; it looks neither at bytes nor at the kernel's log.
 *
 * usage: yardstick SECONDS DEVICE KIND...	prints "begins" and then one line of JSON
 * Exit code 1 with a message where something went otherwise than expected.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The uAPI's numbers are given on the compiler's command line, which bench/yardstick.ts writes. */
#ifndef INIT_IOMAP
#error compile this with the numbers of a revision
#endif

struct backing_map { int32_t fd; uint32_t flags; uint64_t padding; };

struct mapping { uint64_t offset, length, addr; uint16_t type, flags; uint32_t dev; };
struct begin_out { struct mapping read, write; };

#define BLOCK		4096
/* Where on the device; the devices of iomapfuzz's own mount begin at 0. */
#define DEVICE_OFFSET	(512ULL << 20)
#define FILE_BYTES	(64 * 1024)
#define FIRST_NODE	0x1000ULL
#define INO_OFFSET	0x100000000ULL
#define MOUNT_POINT	"/tmp/yardstick"
#define CACHE_SECONDS	3600

enum call { READ, WRITE, SEEK, FIEMAP };
static const struct kind {
	const char *name;
	enum call call;
	int refused;		/* the mapping has no length: EUCLEAN */
} all_kinds[] = {
	{ "direct-read", READ, 0 },
	{ "direct-read-refused", READ, 1 },
	{ "direct-write", WRITE, 0 },
	{ "direct-write-refused", WRITE, 1 },
	{ "seek-data", SEEK, 0 },
	{ "seek-data-refused", SEEK, 1 },
	{ "fiemap", FIEMAP, 0 },
	{ "fiemap-refused", FIEMAP, 1 },
};
#define KINDS (sizeof(all_kinds) / sizeof(*all_kinds))

static const struct kind *kinds[KINDS];
static unsigned int kind_count;
static int fuse_fd;
static int device_id;
static unsigned long requests[8192];

static void fail(const char *what)
{
	fprintf(stderr, "yardstick: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void reply(uint64_t unique, int error, const void *payload, size_t length)
{
	static char out[512];
	struct fuse_out_header header = { .len = sizeof(header) + length, .error = -error, .unique = unique };

	memcpy(out, &header, sizeof(header));
	memcpy(out + sizeof(header), payload, length);
	if (write(fuse_fd, out, header.len) < 0 && errno != ENOENT)
		fail("a reply was refused");
}

static struct fuse_attr attr_of(uint64_t node)
{
	return (struct fuse_attr) {
		.ino = node == FUSE_ROOT_ID ? node : node + INO_OFFSET,
		.size = node == FUSE_ROOT_ID ? 0 : FILE_BYTES,
		.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644,
		.nlink = 1,
		.flags = node == FUSE_ROOT_ID ? 0 : ATTR_EXCLUSIVE | ATTR_IOMAP,
	};
}

static void answer_init(const struct fuse_in_header *in, const struct fuse_init_in *init)
{
	const uint32_t wanted = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_NO_OPEN_SUPPORT | FUSE_PARALLEL_DIROPS |
				FUSE_ABORT_ERROR | FUSE_MAX_PAGES | FUSE_NO_OPENDIR_SUPPORT | FUSE_INIT_EXT;
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION, .minor = IOMAP_MINOR, .max_readahead = init->max_readahead,
		.flags = (init->flags & wanted) | (uint32_t)INIT_IOMAP, .flags2 = INIT_IOMAP >> 32, .max_background = 0xffff,
		.congestion_threshold = 0xffff, .max_write = 1 << 20, .time_gran = 1, .max_pages = 256,
	};

	if (!((init->flags | (uint64_t)init->flags2 << 32) & INIT_IOMAP)) {
		errno = EOPNOTSUPP;
		fail("the kernel does not offer iomap");
	}
	reply(in->unique, 0, &out, sizeof(out));
}

static void answer_lookup(const struct fuse_in_header *in, const char *name)
{
	struct fuse_entry_out out = {
		.entry_valid = CACHE_SECONDS, .attr_valid = CACHE_SECONDS,
	};

	if (name[0] != 'c') {
		reply(in->unique, ENOENT, NULL, 0);
		return;
	}
	out.nodeid = FIRST_NODE + strtoull(name + 1, NULL, 10) * 64;
	out.attr = attr_of(out.nodeid);
	reply(in->unique, 0, &out, sizeof(out));
}

static void answer_begin(const struct fuse_in_header *in)
{
	uint64_t serial = (in->nodeid - FIRST_NODE) / 64;
	const struct kind *kind = kinds[serial % kind_count];
	struct begin_out out = {
		.read = { 0, kind->refused ? 0 : FILE_BYTES, DEVICE_OFFSET, MAPPED, 0, device_id },
		.write = { 0, kind->refused ? 0 : FILE_BYTES, ~0ULL, PURE_OVERWRITE, 0, 0 },
	};

	reply(in->unique, 0, &out, sizeof(out));
}

static void *serve(void *unused)
{
	static char buffer[(1 << 20) + 8192];
	const struct fuse_in_header *in = (void *)buffer;
	const void *arg = in + 1;

	for (;;) {
		ssize_t got = read(fuse_fd, buffer, sizeof(buffer));

		if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
			continue;
		if (got < 0 && errno == EPERM) {	/* not mounted yet */
			usleep(1000);
			continue;
		}
		if (got <= 0)
			return unused;
		requests[in->opcode % 8192]++;
		switch (in->opcode) {
		case FUSE_INIT: answer_init(in, arg); break;
		case FUSE_LOOKUP: answer_lookup(in, arg); break;
		case FUSE_GETATTR: {
			struct fuse_attr_out out = { .attr_valid = CACHE_SECONDS, .attr = attr_of(in->nodeid) };

			reply(in->unique, 0, &out, sizeof(out));
			break;
		}
		case OP_IOMAP_BEGIN: answer_begin(in); break;
		case OP_IOMAP_IOEND: {
			uint64_t size = FILE_BYTES;

			reply(in->unique, 0, &size, sizeof(size));
			break;
		}
		case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT: break;
		case OP_IOMAP_END: case FUSE_RELEASE: case FUSE_DESTROY: case FUSE_SYNCFS: reply(in->unique, 0, NULL, 0); break;
		default: reply(in->unique, ENOSYS, NULL, 0);
		}
	}
}

static void parameter(const char *name, char value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/module/fuse/parameters/%s", name);
	fd = open(path, O_WRONLY);
	if (fd >= 0 && write(fd, &value, 1) != 1)
		fail(path);
	if (fd >= 0)
		close(fd);
}

static void expect(const struct kind *kind, long ret)
{
	if (kind->refused ? ret < 0 && errno == EUCLEAN : ret >= 0)
		return;
	fprintf(stderr, "yardstick: %s: returned %ld, %s\n", kind->name, ret, strerror(errno));
	exit(1);
}

static void run_case(unsigned long serial, char *buffer)
{
	const struct kind *kind = kinds[serial % kind_count];
	struct { struct fiemap head; struct fiemap_extent extents[8]; } map = {
		.head = { .fm_length = FILE_BYTES, .fm_extent_count = 8 },
	};
	char path[64];
	long ret;
	int fd;

	snprintf(path, sizeof(path), MOUNT_POINT "/c%lu.0", serial);
	fd = open(path, kind->call == WRITE ? O_RDWR | O_DIRECT : kind->call == READ ? O_RDONLY | O_DIRECT : O_RDONLY);
	if (fd < 0)
		fail(path);
	switch (kind->call) {
	case READ: ret = pread(fd, buffer, BLOCK, 0); break;
	case WRITE: ret = pwrite(fd, buffer, BLOCK, 0); break;
	case SEEK: ret = lseek(fd, 0, SEEK_DATA); break;
	default: ret = ioctl(fd, FS_IOC_FIEMAP, &map); break;
	}
	expect(kind, ret);
	close(fd);
}

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec + at.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct backing_map map = { .flags = BACKING_TYPE_IOMAP };
	double seconds, start, end;
	unsigned long serial = 0;
	pthread_t server;
	char options[128];
	char *buffer;
	int probe, separator = 0;

	if (argc < 4) {
		fprintf(stderr, "usage: yardstick SECONDS DEVICE KIND...\n");
		return 2;
	}
	seconds = atof(argv[1]);
	for (int i = 3; i < argc && kind_count < KINDS; i++) {
		for (size_t k = 0; k < KINDS; k++)
			if (!strcmp(all_kinds[k].name, argv[i]))
				kinds[kind_count++] = &all_kinds[k];
	}
	if (kind_count != (unsigned int)argc - 3) {
		fprintf(stderr, "yardstick: a kind is not known\n");
		return 2;
	}
	parameter("enable_iomap", 'Y');
	parameter("debug_iomap", 'N');
	mkdir(MOUNT_POINT, 0755);
	fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse_fd < 0)
		fail("/dev/fuse");
	if (pthread_create(&server, NULL, serve, NULL))
		fail("a thread");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fuse_fd);
	if (mount("yardstick", MOUNT_POINT, "fuse", MS_NOSUID | MS_NODEV, options))
		fail("mount");
	/* Answered only when the kernel has digested INIT and CONFIG. */
	probe = open(MOUNT_POINT "/.barrier", O_RDONLY);
	if (probe >= 0)
		close(probe);
	map.fd = open(argv[2], O_RDWR);
	if (map.fd < 0)
		fail(argv[2]);
	device_id = ioctl(fuse_fd, DEV_BACKING_OPEN, &map);
	if (device_id < 0)
		fail("BACKING_OPEN");
	if (posix_memalign((void **)&buffer, BLOCK, BLOCK))
		fail("memory");
	memset(buffer, 0x5a, BLOCK);
	if (pwrite(map.fd, buffer, BLOCK, DEVICE_OFFSET) != BLOCK)
		fail("filling the device");

	memset(requests, 0, sizeof(requests));
	printf("begins\n");
	fflush(stdout);
	start = now();
	do {
		for (int i = 0; i < 64; i++)
			run_case(serial++, buffer);
		end = now();
	} while (end - start < seconds);
	printf("{\"cases\":%lu,\"elapsedMs\":%.3f,\"requests\":{", serial, (end - start) * 1000);
	for (size_t op = 0; op < 8192; op++)
		if (requests[op])
			printf("%s\"%zu\":%lu", separator++ ? "," : "", op, requests[op]);
	printf("}}\n");
	fflush(stdout);
	umount2(MOUNT_POINT, MNT_DETACH);
	_exit(0);
}
