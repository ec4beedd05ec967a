/** Nobody can write to, sync or unmount what stays frozen. */

export const thawHelper = `/* By which the file system was frozen; -1: it is not. */
static int frozen_by = -1;

/* A server that refuses to thaw is cut off: then nobody has to agree. */
static void thaw(int file)
{
	if (file < 0 || file != frozen_by)
		return;
	if (ioctl(file, FITHAW, 0)) {
		abort_connection();
		if (ioctl(file, FITHAW, 0))
			deviates("the file system stays frozen, although its server is gone");
	}
	frozen_by = -1;
}`;
