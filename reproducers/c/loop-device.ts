/** Loop devices over files without a name. */

/** `empty`: some device of the case has 0 bytes. */
export const loopDevice = (
  empty: boolean,
): string => `/* A loop device over a file without a name; it goes away with its last user. */
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
${
  empty
    ? `		if (loop >= 0 && dev->size == 0)
			break;		/* an unbound loop device has 0 bytes */
`
    : ''
}		if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) == 0)
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
}`;
