/** The answer to INIT, and the devices that are registered after it. */
import { NO_COOKIE } from '../../server/mapping.ts';
import type { Revision } from '../../uapi/revision.ts';
import { u32 } from './text.ts';
import { initWord } from './uapi.ts';
import type { Program } from './uses.ts';

export function init({ case: { geometry }, revision, uses }: Program): string {
  const word = initWord(revision);
  const own = uses.iomap && word === 'flags' ? ' | INIT_IOMAP' : '';
  const minor =
    geometry.initMinor === undefined
      ? 'init->minor < IOMAP_MINOR ? init->minor : IOMAP_MINOR'
      : String(geometry.initMinor);
  return `/* Posted when INIT is answered. */
static sem_t ready;

static void answer_init(const struct fuse_in_header *in, const struct fuse_init_in *init)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = ${minor},
		.max_readahead = init->max_readahead,
		.flags = ${own === '' ? '' : '('}init->flags & (FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_PARALLEL_DIROPS |
					FUSE_MAX_PAGES | FUSE_NO_OPEN_SUPPORT | FUSE_INIT_EXT |
					FUSE_ABORT_ERROR)${own === '' ? '' : `)${own}`},
		.max_background = 0xffff,
		.congestion_threshold = 0xffff,
		.max_write = 1 << 20,
		.time_gran = 1,
		.max_pages = 256,${uses.iomap && word === 'flags2' ? '\n\t\t.flags2 = INIT_IOMAP,' : ''}
	};

	printf("the kernel speaks FUSE %u.%u, fuse-iomap is %soffered\\n", init->major, init->minor,
	       ${offered(word)} ? "" : "not ");
${
  uses.iomap
    ? `	if (${refused(word)})
		cannot_run("this kernel does not offer fuse-iomap, or its module parameter\\n"
			   "/sys/module/fuse/parameters/enable_iomap is off");
`
    : ''
}	send_reply(in, 0, &out, sizeof(out));
	sem_post(&ready);
}${uses.registers ? `\n\n${registration(revision)}` : ''}`;
}

const offered = (word: 'flags' | 'flags2'): string =>
  word === 'flags' ? '(init->flags & INIT_IOMAP)' : '(init->flags & FUSE_INIT_EXT) && (init->flags2 & INIT_IOMAP)';
const refused = (word: 'flags' | 'flags2'): string =>
  word === 'flags' ? '!(init->flags & INIT_IOMAP)' : '!(init->flags & FUSE_INIT_EXT) || !(init->flags2 & INIT_IOMAP)';

const registration = ({ backingTypes }: Revision): string => `/*
 * Gives the kernel the devices that mappings name by their cookie. The kernel lets
 * us only when it has digested the answers to INIT and CONFIG; it sends no other
 * request before, so that a lookup waits for that.
 */
static void register_devices(void)
{
	char nothing[sizeof(mountpoint) + 8];

	snprintf(nothing, sizeof(nothing), "%s/nothing", mountpoint);
	access(nothing, F_OK);
	for (size_t n = 0; n < DEVICES; n++) {
		struct backing_map map = { .fd = devices[n].fd, .flags = ${backingTypes.IOMAP ?? 0} };
		int id = ioctl(fuse_fd, DEV_BACKING_OPEN, &map);

		devices[n].open_errno = id < 0 ? errno : 0;
		if (id < 0)
			printf("device %zu (%s): %s\\n", n, devices[n].path, strerror(errno));
		else
			printf("device %zu (%s) has the cookie %d\\n", n, devices[n].path, id);
		devices[n].cookie = id > 0 ? id : ${u32(NO_COOKIE)};
	}
}`;
