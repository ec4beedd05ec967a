/**
 * What the server answers to everything that the case says nothing about: as server/ordinary.ts does.
 */
import { configText } from './config.ts';
import { errno } from './text.ts';
import type { Program } from './uses.ts';

export function ordinary(program: Program): string {
  const {
    uses,
    case: { geometry },
  } = program;
  const has = (name: string): boolean => uses.ordinary.has(name);
  const cases: string[] = [];
  const add = (condition: boolean, text: string): void => {
    if (condition) cases.push(text);
  };
  add(
    true,
    `	case FUSE_LOOKUP: {
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
	case FUSE_GETATTR:${
    has('SETATTR')
      ? `
	case FUSE_SETATTR:`
      : ''
  } {
		struct fuse_attr_out out = { .attr_valid = 3600 };
${
  has('SETATTR')
    ? `		const struct fuse_setattr_in *set = arg;

		if (in->opcode == FUSE_SETATTR && file >= 0)
			set_attr(file, set);
`
    : '\n'
}		fill_attr(&out.attr, file);
		send_reply(in, 0, &out, sizeof(out));
		break;
	}`,
  );
  add(
    has('OPEN'),
    `	case FUSE_OPEN: {
		struct fuse_open_out out = { .fh = in->nodeid };

		if (file >= 0)
			out.open_flags = files[file].open_flags;
		send_reply(in, 0, &out, sizeof(out));
		break;
	}`,
  );
  add(
    has('IOMAP_BEGIN') && uses.ordinaryBegin,
    `	case OP_IOMAP_BEGIN: {
		/* A hole, whatever was asked. */
		const struct begin_in *b = arg;
		uint64_t offset = b->pos & ~4095ULL;
		uint64_t asked = b->pos + b->count > offset ? b->pos + b->count - offset : 1;
		uint64_t length = (asked + 4095) & ~4095ULL;
		uint64_t most = (uint64_t)INT64_MAX + 1 - offset;
		struct mapping map = {
			.type = HOLE, .addr = NO_ADDR,
			.offset = offset, .length = length > most ? most : length,
		}, none = map;

		none.type = PURE_OVERWRITE;
		reply_mappings(in, map, none);
		break;
	}`,
  );
  add(
    has('IOMAP_IOEND'),
    `	case OP_IOMAP_IOEND: {
		const struct ioend_in *e = arg;

		if (file >= 0 && !e->error && e->pos + e->written > files[file].size)
			files[file].size = e->pos + e->written;
		send_reply(in, 0, file >= 0 ? &files[file].size : &(uint64_t){ 0 }, 8);
		break;
	}`,
  );
  add(
    has('READ'),
    `	case FUSE_READ: {
		const struct fuse_read_in *r = arg;
		static uint8_t data[1 << 20];
		uint64_t size = file >= 0 ? files[file].size : 0;
		uint64_t length = r->offset < size ? size - r->offset : 0;

		if (length > r->size)
			length = r->size;
		fill(data, length, SERVER(file < 0 ? 0 : file), r->offset);
		send_reply(in, 0, data, length);
		break;
	}`,
  );
  add(
    has('WRITE'),
    `	case FUSE_WRITE: {
		const struct fuse_write_in *w = arg;
		struct fuse_write_out out = { .size = w->size };

		if (file >= 0 && w->offset + w->size > files[file].size)
			files[file].size = w->offset + w->size;
		send_reply(in, 0, &out, sizeof(out));
		break;
	}`,
  );
  add(
    has('FALLOCATE'),
    `	case FUSE_FALLOCATE: {
		const struct fuse_fallocate_in *f = arg;

		if (file >= 0 && !(f->mode & FALLOC_FL_KEEP_SIZE) &&
		    f->offset + f->length > files[file].size)
			files[file].size = f->offset + f->length;
		send_reply(in, 0, NULL, 0);
		break;
	}`,
  );
  add(
    has('LSEEK'),
    `	case FUSE_LSEEK: {
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
	}`,
  );
  if (uses.config && geometry.config) {
    cases.push(
      geometry.config.kind === 'error'
        ? `	case OP_IOMAP_CONFIG:\n\t\tsend_reply(in, ${errno(geometry.config.errno)}, NULL, 0);\n\t\tbreak;`
        : `	case OP_IOMAP_CONFIG: {\n${configText(geometry.config, program, '\t\t')}\n\t\tbreak;\n\t}`,
    );
  }
  const acknowledged = [
    'FUSE_RELEASE',
    'FUSE_FLUSH',
    'FUSE_FSYNCDIR',
    'FUSE_RELEASEDIR',
    'FUSE_DESTROY',
    'FUSE_FSYNC',
    'FUSE_SYNCFS',
    'OP_IOMAP_END',
    'OP_FREEZE_FS',
    'OP_UNFREEZE_FS',
    'OP_SHUTDOWN_FS',
  ].filter((constant) => has(constant.replace(/^(FUSE|OP)_/, '')));
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
