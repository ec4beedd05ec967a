/** The FUSE server: reads requests, answers them by the script or in an ordinary way, prints both. */
import { UsageError } from '../../../../vm/errors.ts';
import { configReplyBytes } from '../../../../oracles/kernel/config-reply.ts';
import type { Reply, ScriptLine } from '../../../model/case.ts';
import type { MappingSpec } from '../../../model/mapping.ts';
import { outHeader } from '../../../uapi/fuse-structs.ts';
import type { ConfigOut } from '../../../uapi/iomap.ts';
import { requests } from './requests.ts';
import { bits, byteList, errno, initialiser, s64, string, u32, u64 } from './text.ts';
import type { Program } from './uses.ts';

export function server(program: Program): string {
  return [files(program), replies(program), printing(program), program.uses.comparesRequests ? requests(program) : '', program.case.script.length > 0 ? script(program) : '', ordinary(program), init(program), loop(program)]
    .filter((part) => part !== '').join('\n\n');
}

function files({ case: of, revision, uses }: Program): string {
  const rows = of.geometry.files.map(({ sizeBytes, attrFlags, directIo }) => {
    const flags = attrFlags.reduce((sum, name) => sum | (revision.attrFlags[name] ?? 0), 0);
    return `\t/* ${attrFlags.join(', ') || 'no attribute flags'} */\n\t{ .size = ${u64(sizeBytes)}, .flags = ${bits(flags)}${directIo ? ', .open_flags = FOPEN_DIRECT_IO' : ''} },`;
  });
  return `/* Files of the mount, named file0, file1 ...; inode numbers differ from node ids. */
static struct file {
	uint64_t size;
	uint32_t flags;		/* fuse_attr.flags */${uses.opens ? '\n\tuint32_t open_flags;' : ''}
} files[] = {
${rows.join('\n') || '\t{ 0 },'}
};

#define FILES		${rows.length}
#define NODE(file)	(0x1000ULL + (file))
#define INO(file)	(0x100001000ULL + (file))

static int fuse_fd;${of.script.some(({ reply }) => reply.kind === 'kill') ? '\n\n/* Another process that has it open, until it is killed. */\nstatic pid_t holder;' : ''}

/* Index of the file that a request is about, -1: none. */
static int file_of(const struct fuse_in_header *in, const void *arg)
{
	if (in->opcode == FUSE_LOOKUP && !strncmp(arg, "file", 4))
		return atoi((const char *)arg + 4) < FILES ? atoi((const char *)arg + 4) : -1;
	return in->nodeid >= NODE(0) && in->nodeid < NODE(FILES) ? (int)(in->nodeid - NODE(0)) : -1;
}`;
}

const fillAttr = `static void fill_attr(struct fuse_attr *attr, int file)
{
	attr->ino = file < 0 ? FUSE_ROOT_ID : INO(file);
	attr->mode = file < 0 ? S_IFDIR | 0755 : S_IFREG | 0644;
	attr->nlink = file < 0 ? 2 : 1;
	if (file < 0)
		return;
	attr->size = files[file].size;
	attr->blocks = attr->size / 512 + (attr->size % 512 != 0);
	attr->flags = files[file].flags;
}`;

function replies({ uses, case: of }: Program): string {
  const scripts: string[] = of.script.map(({ reply }) => reply.kind);
  const withPayload = `${fillAttr}

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
	FILE *mounts = fopen("/proc/self/mountinfo", "r");
	char line[4096], where[256], path[64] = "";
	unsigned int minor;

	while (mounts && fgets(line, sizeof(line), mounts))
		if (sscanf(line, "%*d %*d %*u:%u %*s %255s", &minor, where) == 2 &&
		    !strcmp(where, mountpoint))
			snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", minor);
	if (mounts)
		fclose(mounts);
	mount("fusectl", "/sys/fs/fuse/connections", "fusectl", 0, NULL);
	int fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "1", 1) != 1)
		cannot_run("%s: %s", path, strerror(errno));
	close(fd);
}`;
  return [withPayload, uses.mappings ? mappings : '', uses.raw && scripts.includes('raw') ? raw : '', scripts.includes('abort') ? abort : ''].filter((part) => part !== '').join('\n\n');
}

function printing({ case: of, revision, uses }: Program): string {
  const rows: string[] = [];
  const named = new Set([...uses.ordinary, ...of.script.map(({ on }) => on), ...(uses.config ? ['IOMAP_CONFIG'] : [])]);
  for (const name of named) if (constantOf(name, program(of, revision)) !== undefined) rows.push(`\tcase ${constantOf(name, program(of, revision))}: return "${name}";`);
  const opflags = Object.entries(revision.opFlags).map(([name, value]) => `\t\t{ ${bits(value)}, "${name}" },`).join('\n');
  const details: string[] = [];
  if (uses.ordinary.has('IOMAP_BEGIN')) {
    details.push(`	if (in->opcode == OP_IOMAP_BEGIN) {
		const struct begin_in *b = arg;

		printf(" opflags");
		print_opflags(b->opflags);
		printf(" pos 0x%llx count 0x%llx", (unsigned long long)b->pos,
		       (unsigned long long)b->count);
	}`);
  }
  if (uses.ordinary.has('IOMAP_END')) {
    details.push(`	if (in->opcode == OP_IOMAP_END) {
		const struct end_in *e = arg;

		printf(" opflags");
		print_opflags(e->opflags);
		printf(" pos 0x%llx count 0x%llx written %lld, mapping at 0x%llx of dev %u",
		       (unsigned long long)e->pos, (unsigned long long)e->count,
		       (long long)e->written, (unsigned long long)e->map.addr, e->map.dev);
	}`);
  }
  if (uses.ordinary.has('IOMAP_IOEND')) {
    details.push(`	if (in->opcode == OP_IOMAP_IOEND) {
		const struct ioend_in *e = arg;

		printf(" flags 0x%x error %d pos 0x%llx written 0x%llx new_addr 0x%llx dev %u",
		       e->flags, e->error, (unsigned long long)e->pos,
		       (unsigned long long)e->written, (unsigned long long)e->new_addr, e->dev);
	}`);
  }
  const flags = uses.ordinary.has('IOMAP_BEGIN') || uses.ordinary.has('IOMAP_END') ? `static void print_opflags(uint32_t opflags)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
${opflags}
	};

	printf(" 0x%x", opflags);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (opflags & names[i].bit)
			printf(" %s", names[i].name);
}

` : '';
  return `static const char *name_of(uint32_t opcode)
{
	switch (opcode) {
${rows.join('\n')}
	default: return "opcode";
	}
}

${flags}static void print_request(const struct fuse_in_header *in, const void *arg)
{
	printf("    -> %s (%u)", name_of(in->opcode), in->opcode);
	if (in->opcode == FUSE_LOOKUP)
		printf(" %s", (const char *)arg);
	else if (in->nodeid >= NODE(0))
		printf(" file%llu", (unsigned long long)(in->nodeid - NODE(0)));
${details.join('\n')}
	putchar('\\n');
}`;
}

const program = (of: Program['case'], revision: Program['revision']): Pick<Program, 'case' | 'revision'> => ({ case: of, revision });

/** The C constant of a request's opcode; undefined: the revision has no such request. */
function constantOf(name: string, { revision }: Pick<Program, 'revision'>): string | undefined {
  if (name in revision.opcodes) return `OP_${name}`;
  if (name === 'COPY_FILE_RANGE_64') return 'OP_COPY_FILE_RANGE_64';
  if (/^(IOMAP_|FREEZE_FS|UNFREEZE_FS|SHUTDOWN_FS)/.test(name)) return undefined;
  return `FUSE_${name}`;
}

function script(of: Program): string {
  const blocks = of.case.script.map((line, index) => scriptLine(line, index, of)).filter((block) => block !== undefined);
  const counted = of.case.script.some((line) => line.times !== undefined && reachable(line, of));
  return `/* Answers a request by the first line of the script whose conditions hold; 0: there is none. */
static int answer_by_script(const struct fuse_in_header *in, const void *arg)
{
${counted ? `\tstatic unsigned int used[${of.case.script.length}];\n` : ''}	int file = file_of(in, arg);

	(void)file;
${blocks.join('\n')}
	return 0;
}`;
}

const hasPos = (on: ScriptLine['on']): boolean => hasOpflags(on) || on === 'IOMAP_IOEND';
/** At the same place in BEGIN, END and IOEND. */
const POS = '((const struct begin_in *)arg)->pos';
const hasOpflags = (on: ScriptLine['on']): boolean => on === 'IOMAP_BEGIN' || on === 'IOMAP_END';

/** Whether any request of the revision can match the line. */
const reachable = (line: ScriptLine, of: Program): boolean =>
  constantOf(line.on, of) !== undefined && (hasOpflags(line.on) || !line.opflagsSet) && (hasPos(line.on) || !line.posFrom) && line.posTo !== 0n;

function scriptLine(line: ScriptLine, index: number, of: Program): string | undefined {
  if (line.signal) throw new UsageError('the C program cannot send signals while a request waits yet; replay the case with iomapfuzz repro');
  if (line.before) throw new UsageError('the C program cannot send notifications while a request waits yet; replay the case with iomapfuzz repro');
  if (!reachable(line, of)) return undefined;
  const conditions = [`in->opcode == ${constantOf(line.on, of)!}`];
  if (line.on === 'LOOKUP' && line.file === undefined) conditions.push('file >= 0');
  if (line.file !== undefined) conditions.push(`file == ${line.file}`);
  const opflags = '*(const uint32_t *)arg';
  if (line.opflagsSet) conditions.push(`(${opflags} & ${bits(line.opflagsSet)}) == ${bits(line.opflagsSet)}`);
  if (line.opflagsClear && hasOpflags(line.on)) conditions.push(`!(${opflags} & ${bits(line.opflagsClear)})`);
  if (line.posFrom && hasPos(line.on)) conditions.push(`${POS} >= ${u64(line.posFrom)}`);
  if (line.posTo !== undefined && hasPos(line.on)) conditions.push(`${POS} < ${u64(line.posTo)}`);
  if (line.times !== undefined) conditions.push(`used[${index}] < ${line.times}`);
  const condition = conditions.join(' && ').length <= 80 ? conditions.join(' && ') : conditions.join(' &&\n\t    ');
  return `	if (${condition}) {
${line.times === undefined ? '' : `\t\tused[${index}]++;\n`}${sendReply(line.reply, of)}
		return 1;
	}`;
}

/** The statement, indented by two tabs, that sends a reply. */
function sendReply(reply: Reply, of: Program): string {
  switch (reply.kind) {
    case 'error': return `\t\tsend_reply(in, ${errno(reply.errno)}, NULL, 0);`;
    case 'empty': return '\t\tprintf("    <- an empty answer\\n");\n\t\tsend_reply(in, 0, NULL, 0);';
    case 'ioend': return `\t\tprintf("    <- newsize 0x%llx\\n", ${u64(reply.newsizeBytes)}${reply.newsizeBytes > 0x7fff_ffffn ? '' : 'ULL'});\n\t\tsend_reply(in, 0, &(uint64_t){ ${u64(reply.newsizeBytes)} }, 8);`;
    case 'attributes': return attributesReply(reply.sizeBytes, of);
    case 'mappings': return `\t\treply_mappings(in,\n\t\t\t(struct mapping)${mapping(reply.read, of)},\n\t\t\t(struct mapping)${mapping(reply.write, of)});`;
    case 'raw': return rawReply(reply);
    case 'config': return configReply(reply, of, '\t\t');
    case 'die': return '\t\tprintf("    <- nothing: the server closes /dev/fuse\\n");\n\t\tfflush(stdout);\n\t\tclose(fuse_fd);\n\t\tpthread_exit(NULL);';
    case 'kill': return '\t\tprintf("    <- nothing: the process that holds /dev/fuse is killed\\n");\n\t\tfflush(stdout);\n\t\tclose(fuse_fd);\n\t\tkill(holder, SIGKILL);\n\t\twaitpid(holder, NULL, 0);\n\t\tpthread_exit(NULL);';
    case 'abort': return '\t\tprintf("    <- nothing: the connection is aborted\\n");\n\t\tabort_connection();';
  }
}

/** As the ordinary answer to GETATTR and SETATTR, but for the size, and not to be kept. */
const attributesReply = (sizeBytes: bigint, { uses }: Program): string => `\t\tstruct fuse_attr_out out = { 0 };
${uses.ordinary.has('SETATTR') ? `\t\tconst struct fuse_setattr_in *set = arg;

\t\tif (in->opcode == FUSE_SETATTR && file >= 0 && (set->valid & FATTR_SIZE))
\t\t\tfiles[file].size = set->size;
` : '\n'}\t\tfill_attr(&out.attr, file);
\t\tout.attr.size = ${u64(sizeBytes)};
\t\tsend_reply(in, 0, &out, sizeof(out));`;

function rawReply({ payload, error = 0, lengthBytes, unique, sentBytes }: Extract<Reply, { kind: 'raw' }>): string {
  const size = payload.length / 2;
  const zero = /^0*$/.test(payload);
  const bytes = size === 0 ? '' : zero ? `\t\tstatic const uint8_t payload[${size}];	/* all zero */\n` : `\t\tstatic const uint8_t payload[] = {\n${byteList(payload, 3)}\n\t\t};\n`;
  const header = initialiser([
    ['len', lengthBytes === undefined ? `sizeof(struct fuse_out_header) + ${size}` : u32(lengthBytes)], ['error', String(error)],
    ['unique', unique === undefined ? 'in->unique' : u64(unique)],
  ], 3);
  return `${bytes}${bytes && '\n'}\t\treply_raw(in,\n\t\t\t  (struct fuse_out_header)${header},\n\t\t\t  ${size === 0 ? 'NULL' : 'payload'}, ${size}, ${Math.min(sentBytes ?? outHeader.size + size, outHeader.size + size)});`;
}

export function mapping(spec: MappingSpec, { revision }: Program): string {
  const flags = spec.flags.map((flag) => (typeof flag === 'number' ? bits(flag) : `FLAG_${flag}`));
  const type = typeof spec.type === 'number' ? u32(spec.type) : revision.mappingTypes[spec.type] === undefined ? '0xffff' : spec.type;
  return initialiser([
    ['type', type], ...(flags.length > 0 ? [['flags', flags.join(' | ')] as const] : []),
    ...(spec.dev === 0 ? [] : [['dev', typeof spec.dev === 'number' ? u32(spec.dev) : `devices[${spec.dev.device}].cookie`] as const]),
    ['addr', spec.addr === (1n << 64n) - 1n ? 'NO_ADDR' : u64(spec.addr)], ['offset', u64(spec.offset)], ['length', u64(spec.length)],
  ], 3);
}

const configMembers: readonly [keyof ConfigOut, string, (value: never) => string][] = [
  ['flags', 'flags', u64], ['sId', 's_id', (value: Uint8Array) => string(Buffer.from(value).toString('latin1').replace(/\0+$/, ''))],
  ['sUuid', 's_uuid', byteInitialiser], ['sUuidLen', 's_uuid_len', String], ['sPad', 's_pad', byteInitialiser],
  ['sBlocksize', 's_blocksize', u32], ['sMaxLinks', 's_max_links', u32], ['sTimeGran', 's_time_gran', u32],
  ['sTimeMin', 's_time_min', s64], ['sTimeMax', 's_time_max', s64], ['sMaxbytes', 's_maxbytes', s64],
  ['cacheMaxbytes', 'cache_maxbytes', u32], ['pad', 'pad', u32],
] as readonly [keyof ConfigOut, string, (value: never) => string][];

function byteInitialiser(value: Uint8Array): string {
  const hex = Buffer.from(value).toString('hex');
  return value.length <= 8 ? `{ ${byteList(hex, 0).slice(0, -1)} }` : `{\n${byteList(hex, 4)}\n\t\t\t}`;
}

function configReply(reply: Extract<Reply, { kind: 'config' }>, { revision }: Program, indent: string): string {
  const value = configReplyBytes(revision, { ...reply, sentBytes: undefined } as typeof reply);
  const zero = (item: unknown): boolean => (item instanceof Uint8Array ? item.every((byte) => byte === 0) : Number(item) === 0);
  const members = configMembers.filter(([key]) => !zero(value[key])).map(([key, name, text]) => [name, text(value[key] as never)] as const);
  const size = reply.sentBytes === undefined ? 'sizeof(config)' : String(reply.sentBytes);
  return `${indent}static const struct config_out config = ${members.length === 0 ? '{ 0 }' : initialiser(members, indent.length)};

${indent}printf("    <- %d bytes of configuration\\n", (int)${size});
${indent}send_reply(in, 0, &config, ${size});`;
}

function ordinary(of: Program): string {
  const { uses, case: { geometry } } = of;
  const has = (name: string): boolean => uses.ordinary.has(name);
  const cases: string[] = [];
  const add = (condition: boolean, text: string): void => { if (condition) cases.push(text); };
  add(true, `	case FUSE_LOOKUP: {
		struct fuse_entry_out out = {
			.nodeid = NODE(file), .entry_valid = 3600, .attr_valid = 3600,
		};

		if (file < 0) {
			send_reply(in, ENOENT, NULL, 0);
			break;
		}
		fill_attr(&out.attr, file);
		send_reply(in, 0, &out, sizeof(out));
		break;
	}
	case FUSE_GETATTR:${has('SETATTR') ? `
	case FUSE_SETATTR:` : ''} {
		struct fuse_attr_out out = { .attr_valid = 3600 };
${has('SETATTR') ? `		const struct fuse_setattr_in *set = arg;

		if (in->opcode == FUSE_SETATTR && file >= 0 && (set->valid & FATTR_SIZE))
			files[file].size = set->size;
` : '\n'}		fill_attr(&out.attr, file);
		send_reply(in, 0, &out, sizeof(out));
		break;
	}`);
  add(has('OPEN'), `	case FUSE_OPEN: {
		struct fuse_open_out out = { .fh = in->nodeid };

		if (file >= 0)
			out.open_flags = files[file].open_flags;
		send_reply(in, 0, &out, sizeof(out));
		break;
	}`);
  add(has('IOMAP_BEGIN') && uses.ordinaryBegin, `	case OP_IOMAP_BEGIN: {
		/* A hole, whatever was asked. */
		const struct begin_in *b = arg;
		uint64_t offset = b->pos & ~4095ULL;
		uint64_t length = (b->pos + b->count - offset + 4095) & ~4095ULL;
		uint64_t most = (uint64_t)INT64_MAX + 1 - 4096 - offset;
		struct mapping map = {
			.type = HOLE, .addr = NO_ADDR,
			.offset = offset, .length = length > most ? most : length,
		}, none = map;

		none.type = PURE_OVERWRITE;
		reply_mappings(in, map, none);
		break;
	}`);
  add(has('IOMAP_IOEND'), `	case OP_IOMAP_IOEND: {
		const struct ioend_in *e = arg;

		if (file >= 0 && !e->error && e->pos + e->written > files[file].size)
			files[file].size = e->pos + e->written;
		send_reply(in, 0, file >= 0 ? &files[file].size : &(uint64_t){ 0 }, 8);
		break;
	}`);
  add(has('READ'), `	case FUSE_READ: {
		const struct fuse_read_in *r = arg;
		static uint8_t data[1 << 20];
		uint64_t size = file >= 0 ? files[file].size : 0;
		uint64_t length = r->offset < size ? size - r->offset : 0;

		if (length > r->size)
			length = r->size;
		fill(data, length, SERVER(file < 0 ? 0 : file), r->offset);
		send_reply(in, 0, data, length);
		break;
	}`);
  add(has('WRITE'), `	case FUSE_WRITE: {
		const struct fuse_write_in *w = arg;
		struct fuse_write_out out = { .size = w->size };

		if (file >= 0 && w->offset + w->size > files[file].size)
			files[file].size = w->offset + w->size;
		send_reply(in, 0, &out, sizeof(out));
		break;
	}`);
  add(has('FALLOCATE'), `	case FUSE_FALLOCATE: {
		const struct fuse_fallocate_in *f = arg;

		if (file >= 0 && !(f->mode & FALLOC_FL_KEEP_SIZE) &&
		    f->offset + f->length > files[file].size)
			files[file].size = f->offset + f->length;
		send_reply(in, 0, NULL, 0);
		break;
	}`);
  add(has('LSEEK'), `	case FUSE_LSEEK: {
		const struct fuse_lseek_in *l = arg;
		struct fuse_lseek_out out = { .offset = l->offset };

		if (file < 0 || l->offset >= files[file].size) {
			send_reply(in, ENXIO, NULL, 0);
			break;
		}
		if (l->whence != SEEK_DATA)
			out.offset = files[file].size;
		send_reply(in, 0, &out, sizeof(out));
		break;
	}`);
  if (uses.config && geometry.config) {
    cases.push(geometry.config.kind === 'error'
      ? `	case OP_IOMAP_CONFIG:\n\t\tsend_reply(in, ${errno(geometry.config.errno)}, NULL, 0);\n\t\tbreak;`
      : `	case OP_IOMAP_CONFIG: {\n${configReply(geometry.config, of, '\t\t')}\n\t\tbreak;\n\t}`);
  }
  const acknowledged = ['FUSE_RELEASE', 'FUSE_DESTROY', 'FUSE_FSYNC', 'FUSE_SYNCFS', 'OP_IOMAP_END', 'OP_FREEZE_FS', 'OP_UNFREEZE_FS', 'OP_SHUTDOWN_FS']
    .filter((constant) => has(constant.replace(/^(FUSE|OP)_/, '')));
  cases.push(`${acknowledged.map((constant) => `\tcase ${constant}:`).join('\n')}
		send_reply(in, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;		/* the kernel waits for no answer */
	default:
		send_reply(in, ENOSYS, NULL, 0);`);
  return `/* The answer to everything that the case says nothing about. */
static void answer(const struct fuse_in_header *in, const void *arg)
{
	int file = file_of(in, arg);

	switch (in->opcode) {
${cases.join('\n')}
	}
}`;
}

function init({ case: { geometry }, uses }: Program): string {
  const minor = geometry.initMinor === undefined ? 'init->minor < IOMAP_MINOR ? init->minor : IOMAP_MINOR' : String(geometry.initMinor);
  return `/* Posted when INIT is answered. */
static sem_t ready;

static void answer_init(const struct fuse_in_header *in, const struct fuse_init_in *init)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = ${minor},
		.max_readahead = init->max_readahead,
		.flags = init->flags & (FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_PARALLEL_DIROPS |
					FUSE_MAX_PAGES | FUSE_NO_OPEN_SUPPORT | FUSE_INIT_EXT |
					FUSE_ABORT_ERROR),
		.max_background = 0xffff,
		.congestion_threshold = 0xffff,
		.max_write = 1 << 20,
		.time_gran = 1,
		.max_pages = 256,${uses.iomap ? '\n\t\t.flags2 = INIT_IOMAP,' : ''}
	};

	printf("the kernel speaks FUSE %u.%u, fuse-iomap is %soffered\\n", init->major, init->minor,
	       (init->flags & FUSE_INIT_EXT) && (init->flags2 & INIT_IOMAP) ? "" : "not ");
${uses.iomap ? `	if (!(init->flags & FUSE_INIT_EXT) || !(init->flags2 & INIT_IOMAP))
		cannot_run("this kernel does not offer fuse-iomap, or its module parameter\\n"
			   "/sys/module/fuse/parameters/enable_iomap is off");
` : ''}	send_reply(in, 0, &out, sizeof(out));
	sem_post(&ready);
}${uses.registers ? `\n\n${registration}` : ''}`;
}

const registration = `/*
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
		struct backing_map map = { .fd = devices[n].fd, .flags = 1 };
		int id = ioctl(fuse_fd, DEV_BACKING_OPEN, &map);

		devices[n].open_errno = id < 0 ? errno : 0;
		if (id < 0)
			printf("device %zu (%s): %s\\n", n, devices[n].path, strerror(errno));
		else
			printf("device %zu (%s) has the cookie %d\\n", n, devices[n].path, id);
		devices[n].cookie = id > 0 ? id : 0x7ffffffe;
	}
}`;

function loop({ case: of, uses }: Program): string {
  return `static void *serve(void *unused)
{
	/* The kernel wants room for the largest WRITE. */
	static uint8_t buf[(1 << 20) + 8192] __attribute__((aligned(8)));
	const struct fuse_in_header *in = (void *)buf;
	const void *arg = in + 1;

	for (;;) {
		ssize_t got = read(fuse_fd, buf, sizeof(buf) - 1);

		if (got < 0 && (errno == EPERM || errno == EINTR || errno == ENOENT)) {
			usleep(1000);	/* EPERM: not mounted yet */
			continue;
		}
		if (got <= 0)
			return unused;	/* unmounted */
		buf[got] = 0;
		if (in->opcode == FUSE_INIT) {
			answer_init(in, arg);
			continue;
		}
		print_request(in, arg);
${uses.comparesRequests ? '\t\tcheck_request(in, arg);\n' : ''}${of.script.length > 0 ? '\t\tif (!answer_by_script(in, arg))\n\t\t\tanswer(in, arg);' : '\t\tanswer(in, arg);'}
		fflush(stdout);
	}
}`;
}
