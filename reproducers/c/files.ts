/** The files of the mount, as the server knows them. */
import { bits, u64 } from './text.ts';
import type { Program } from './uses.ts';

export function files({ case: testCase, revision, uses }: Program): string {
  const rows = testCase.geometry.files.map(({ sizeBytes, attrFlags, directIo }) => {
    const flags = attrFlags.reduce((sum, name) => sum | (revision.attrFlags[name] ?? 0), 0);
    return `\t/* ${attrFlags.join(', ') || 'no attribute flags'} */\n\t{ .size = ${u64(sizeBytes)}, .flags = ${bits(flags)}${directIo ? ', .open_flags = FOPEN_DIRECT_IO' : ''} },`;
  });
  return `/* Files of the mount, named file0, file1 ...; inode numbers differ from node ids. */
static struct file {
	uint64_t size;
	uint32_t flags;		/* fuse_attr.flags */${uses.ordinary.has('SETATTR') ? '\n\tstruct fuse_attr told;\t/* mode, owner and times, where SETATTR told them */' : ''}${uses.opens ? '\n\tuint32_t open_flags;' : ''}
} files[] = {
${rows.join('\n') || '\t{ 0 },'}
};

#define FILES		${rows.length}
#define NODE(file)	(0x1000ULL + (file))
#define INO(file)	(0x100001000ULL + (file))

static int fuse_fd;${testCase.script.some(({ reply }) => reply.kind === 'kill') ? '\n\n/* Another process that has it open, until it is killed. */\nstatic pid_t holder;' : ''}

/* Index of the file that a request is about, -1: none. */
static int file_of(const struct fuse_in_header *in, const void *arg)
{
	if (in->opcode == FUSE_LOOKUP && !strncmp(arg, "file", 4)) {
		char *end;
		long file = strtol((const char *)arg + 4, &end, 10);

		return !*end && file < FILES ? (int)file : -1;
	}
	return in->nodeid >= NODE(0) && in->nodeid < NODE(FILES) ? (int)(in->nodeid - NODE(0)) : -1;
}`;
}
