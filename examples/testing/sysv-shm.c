/*
 * System V shared memory for one process, for kernels without CONFIG_SYSVIPC: fio keeps its jobs in such a segment, and with --thread nobody else needs
 * to see it. Preloaded by the tests of the examples.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/shm.h>

enum { most = 64 };
static struct { void *memory; size_t size; } segments[most];
static int used;

int shmget(key_t key, size_t size, int flags)
{
	void *memory;

	(void)key;
	(void)flags;
	if (used == most) {
		errno = ENOSPC;
		return -1;
	}
	memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -1;
	segments[used].memory = memory;
	segments[used].size = size;
	return used++;
}

void *shmat(int id, const void *address, int flags)
{
	(void)address;
	(void)flags;
	return segments[id].memory;
}

int shmdt(const void *address)
{
	(void)address;
	return 0;
}

int shmctl(int id, int command, struct shmid_ds *data)
{
	(void)id;
	(void)command;
	(void)data;
	return 0;
}
