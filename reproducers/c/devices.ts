/** The block devices that mappings point into. */
import { atomicDevice } from './atomic-device.ts';
import { deviceCheck } from './device-check.ts';
import { loopDevice } from './loop-device.ts';
import { NO_COOKIE } from '../../server/mapping.ts';
import { u32, u64 } from './text.ts';
import type { Program } from './uses.ts';

const access = { rw: 'O_RDWR', ro: 'O_RDONLY', wo: 'O_WRONLY' } as const;

export function devices({ case: testCase, uses }: Program): string {
  const rows = testCase.geometry.devices.map(
    (device) =>
      `\t{ .size = ${u64(BigInt(device.sizeBytes))}, .access = ${access[device.access]}${uses.registers ? '' : `, .cookie = ${u32(NO_COOKIE)}`}${device.atomic ? ', .atomic = 1' : ''} },`,
  );
  const atomic = testCase.geometry.devices.map((device) => device.atomic === true);
  const parts = [
    ...(atomic.includes(false) ? [loopDevice(testCase.geometry.devices.some(({ sizeBytes }) => sizeBytes === 0))] : []),
    ...(atomic.includes(true) ? [atomicDevice] : []),
  ];
  return `static struct device {
	uint64_t size;
	int access;		/* the server's */
	char path[64];${atomic.includes(true) ? '\n\tint atomic;\t\t/* takes atomic writes of one block at any sector */\n\tint partition;' : ''}
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

${parts.join('\n\n')}

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
${
  atomic.includes(true) && atomic.includes(false)
    ? `		else if (dev->atomic)
			make_atomic(dev);
`
    : ''
}		else
			${atomic.includes(false) ? 'make_loop' : 'make_atomic'}(dev);
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
}${uses.comparesDevices ? `\n\n${deviceCheck}` : ''}`;
}
