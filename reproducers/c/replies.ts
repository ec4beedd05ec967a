/** What the server writes to /dev/fuse, and how it prints that. */
import type { Program } from './uses.ts';

/** `keeps`: what SETATTR told. */
const fillAttr = (keeps: boolean): string => `static void fill_attr(struct fuse_attr *attr, int file)
{
	attr->ino = file < 0 ? FUSE_ROOT_ID : INO(file);
	attr->mode = file < 0 ? S_IFDIR | 0755 : S_IFREG | 0644;
	attr->nlink = file < 0 ? 2 : 1;
	if (file < 0)
		return;
${keeps ? keptAttr : ''}	attr->size = files[file].size;
	attr->blocks = attr->size / 512 + (attr->size % 512 != 0);
	attr->flags = files[file].flags;
}`;

const keptAttr = `	const struct fuse_attr *told = &files[file].told;

	if (told->mode)
		attr->mode = told->mode;
	attr->uid = told->uid;
	attr->gid = told->gid;
	attr->atime = told->atime;
	attr->atimensec = told->atimensec;
	attr->mtime = told->mtime;
	attr->mtimensec = told->mtimensec;
	attr->ctime = told->ctime;
	attr->ctimensec = told->ctimensec;
`;

const setAttr = `static void set_attr(int file, const struct fuse_setattr_in *set)
{
	struct fuse_attr *told = &files[file].told;

	if (set->valid & FATTR_SIZE)
		files[file].size = set->size;
	if (set->valid & FATTR_MODE)
		told->mode = S_IFREG | (set->mode & ~S_IFMT);
	if (set->valid & FATTR_UID)
		told->uid = set->uid;
	if (set->valid & FATTR_GID)
		told->gid = set->gid;
	if (set->valid & (FATTR_ATIME | FATTR_ATIME_NOW)) {
		told->atime = set->valid & FATTR_ATIME_NOW ? (uint64_t)time(NULL) : set->atime;
		told->atimensec = set->valid & FATTR_ATIME_NOW ? 0 : set->atimensec;
	}
	if (set->valid & (FATTR_MTIME | FATTR_MTIME_NOW)) {
		told->mtime = set->valid & FATTR_MTIME_NOW ? (uint64_t)time(NULL) : set->mtime;
		told->mtimensec = set->valid & FATTR_MTIME_NOW ? 0 : set->mtimensec;
	}
	if (set->valid & FATTR_CTIME) {
		told->ctime = set->ctime;
		told->ctimensec = set->ctimensec;
	}
}`;

export function replies({ uses, case: testCase }: Program): string {
  const scripts: string[] = testCase.script.map(({ reply }) => reply.kind);
  const keeps = uses.ordinary.has('SETATTR');
  const withPayload = `${fillAttr(keeps)}
${keeps ? `\n${setAttr}\n` : ''}
static void send_reply(const struct fuse_in_header *in, int error, const void *payload,
		       size_t length)
{
	struct fuse_out_header out = {
		.len = sizeof(out) + length,
		.error = -error,
		.unique = in->unique,
	};
	struct iovec iov[] = { { &out, sizeof(out) }, { (void *)payload, length } };

	if (error)
		printf("    <- errno %d (%s)\\n", error, strerror(error));
	if (writev(fuse_fd, iov, 2) < 0)
		printf("       the kernel refuses that answer: %s\\n", strerror(errno));
}`;
  const mappings = `static void print_mapping(const char *half, const struct mapping *map)
{
	printf("    <- %s type %u flags 0x%x dev %u addr 0x%llx offset 0x%llx length 0x%llx\\n",
	       half, map->type, map->flags, map->dev, (unsigned long long)map->addr,
	       (unsigned long long)map->offset, (unsigned long long)map->length);
}

static void reply_mappings(const struct fuse_in_header *in, struct mapping read,
			   struct mapping write)
{
	struct mapping out[] = { read, write };

	print_mapping("read ", &read);
	print_mapping("write", &write);
	send_reply(in, 0, out, sizeof(out));
}`;
  const raw = `/* An answer whose header may lie. The kernel may refuse it, and the request must end then, too. */
static void reply_raw(const struct fuse_in_header *in, struct fuse_out_header out,
		      const void *payload, size_t length, size_t sent)
{
	struct iovec iov[] = {
		{ &out, sent < sizeof(out) ? sent : sizeof(out) },
		{ (void *)payload, sent < sizeof(out) ? 0 : sent - sizeof(out) },
	};

	printf("    <- %zu of %zu bytes, header: len %u error %d unique %s\\n",
	       sent, sizeof(out) + length, out.len, out.error,
	       out.unique == in->unique ? "right" : "wrong");
	if (writev(fuse_fd, iov, 2) < 0) {
		printf("       the kernel refuses that answer: %s\\n", strerror(errno));
		send_reply(in, EIO, NULL, 0);
	}
}`;
  const abort = `/* By the control file system; without a request to our own mount, which we would have to answer. */
static void abort_connection(void)
{
	char line[4096], where[256], path[64] = "";
	unsigned int minor;

	/* An ordinary mount(2) does not wait for its server, which may be asked before. */
	for (int tries = 0; tries < 500 && !*path; tries++) {
		FILE *mounts = fopen("/proc/self/mountinfo", "r");

		while (mounts && fgets(line, sizeof(line), mounts))
			if (sscanf(line, "%*d %*d %*u:%u %*s %255s", &minor, where) == 2 &&
			    !strcmp(where, mountpoint))
				snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort",
					 minor);
		if (mounts)
			fclose(mounts);
		if (!*path)
			usleep(10000);
	}
	mount("fusectl", "/sys/fs/fuse/connections", "fusectl", 0, NULL);
	int fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "1", 1) != 1)
		cannot_run("%s: %s", path, strerror(errno));
	close(fd);
}`;
  return [
    withPayload,
    uses.mappings ? mappings : '',
    uses.raw && scripts.includes('raw') ? raw : '',
    uses.aborts ? abort : '',
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}
