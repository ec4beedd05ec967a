/**
 * Comparison of the kernel's requests about mappings with those that it has to make. Emitted when that is what
 * deviated.
 */
import type { ExpectedField } from '../../oracles/kernel/driver.ts';
import type { PredictedRequest } from '../../oracles/predict.ts';
import { bits, s64 } from './text.ts';
import type { Program } from './uses.ts';

/** Which fields of a request are compared: a word of flags, and a number of bytes. */
const compared: Readonly<Record<string, { flags: string; bytes: string }>> = {
  IOMAP_BEGIN: { flags: 'opflags', bytes: 'count' },
  IOMAP_END: { flags: 'opflags', bytes: 'written' },
  IOMAP_IOEND: { flags: 'flags', bytes: 'written' },
};

/**
 * Requests that the kernel makes when it likes, and in pieces that it chooses: pages that are read ahead, and dirty
 * ones that something else than fsync or close makes it write. By name of the request: the flags that show it, as a
 * mask and its value.
 */
function unplaced({
  revision,
  uses,
}: Program): ReadonlyMap<string, readonly (readonly [mask: number, value: number])[]> {
  const { WRITEBACK = 0 } = revision.opFlags,
    { DIRECT = 0 } = revision.ioendFlags;
  const rows: [string, number, number][] = [
    ...(uses.readsAhead
      ? ([
          ['IOMAP_BEGIN', 0xffff_ffff, 0],
          ['IOMAP_END', 0xffff_ffff, 0],
        ] as [string, number, number][])
      : []),
    ...(uses.flushesAtWill
      ? ([
          ['IOMAP_BEGIN', WRITEBACK, WRITEBACK],
          ['IOMAP_IOEND', DIRECT, 0],
        ] as [string, number, number][])
      : []),
  ];
  return new Map(
    Object.keys(compared).map((name) => [
      name,
      rows.filter(([of]) => of === name).map(([, mask, value]) => [mask, value] as const),
    ]),
  );
}

export function requests(program: Program): string {
  const { prediction, uses } = program;
  const free = unplaced(program);
  const isFree = ({ name, fields }: PredictedRequest): boolean => {
    const flags = Number((fields[compared[name]!.flags] as ExpectedField | undefined)?.value ?? 0);
    return free.get(name)!.some(([mask, value]) => (flags & mask) >>> 0 === value);
  };
  const readings = prediction.requests.map((list) =>
    list.filter((one) => uses.ordinary.has(one.name) && compared[one.name] !== undefined && !isFree(one)),
  );
  const skipped = [...free]
    .filter(([name]) => uses.ordinary.has(name))
    .flatMap(([name, masks]) =>
      masks.map(([mask, value]) => `(in->opcode == OP_${name} && (seen.flags & ${bits(mask)}) == ${bits(value)})`),
    );
  const tables = readings.map(
    (list, n) => `static const struct asked reading${n}[] = {
${list.map((request) => `\t${row(request)},\n`).join('')}	{ 0, 0, 0, 0 },
};`,
  );
  return `/* A request about a mapping that the kernel has to make. */
struct asked {
	uint32_t opcode;
	uint32_t flags;		/* opflags; of IOEND its flags */
	uint64_t pos;
	int64_t bytes;		/* BEGIN: count; END, IOEND: written; or ANY */
};

#define ANY	INT64_MIN	/* also of pos; the rules do not say */

${tables.join('\n\n')}

/* The rules leave a choice now and then: each reading is one way to make it. */
static const struct asked *readings[] = { ${readings.map((_, n) => `reading${n}`).join(', ')} };

#define READINGS	(sizeof(readings) / sizeof(readings[0]))

/* Goes on in every reading that has this request here; the others are done with. */
static void check_request(const struct fuse_in_header *in, const void *arg)
{
	struct asked seen = { .opcode = in->opcode };
	uint64_t ino = 0;
	uint32_t reserved = 0;
	const struct asked *next[READINGS];
	int fits = 0;

${uses.ordinary.has('IOMAP_BEGIN') ? extract('OP_IOMAP_BEGIN', 'begin_in', 'opflags', 'count', 'reserved') : ''}${uses.ordinary.has('IOMAP_END') ? extract('OP_IOMAP_END', 'end_in', 'opflags', 'written', 'reserved') : ''}${uses.ordinary.has('IOMAP_IOEND') ? extract('OP_IOMAP_IOEND', 'ioend_in', 'flags', 'written', 'pad') : ''}	if (!ino)
		return;		/* not about a mapping */
	if (reserved)
		deviates("a reserved field is not 0");
	if (ino != INO(in->nodeid - NODE(0)))
		deviates("attr_ino is 0x%llx", (unsigned long long)ino);
${
  skipped.length === 0
    ? ''
    : `	if (${skipped.join(' ||\n\t    ')})
		return;		/* when it is asked is the kernel's own business */
`
}	for (size_t r = 0; r < READINGS; r++) {
		const struct asked *right = readings[r];

		next[r] = NULL;
		if (!right || right->opcode != seen.opcode || right->flags != seen.flags ||
		    (right->pos != (uint64_t)ANY && right->pos != seen.pos) ||
		    (right->bytes != ANY && right->bytes != seen.bytes))
			continue;
		next[r] = right + 1;
		fits = 1;
	}
	for (size_t r = 0; !fits && r < READINGS; r++) {
		const struct asked *right = readings[r];

		if (right && right->opcode)
			deviates("expected %s flags 0x%x pos 0x%llx bytes 0x%llx",
				 name_of(right->opcode), right->flags,
				 (unsigned long long)right->pos, (unsigned long long)right->bytes);
		else if (right)
			deviates("expected no further request");
	}
	memcpy(readings, next, sizeof(readings));
}

static void check_all_requested(void)
{
	size_t missing = 0;

	for (size_t r = 0; r < READINGS; r++) {
		if (readings[r] && !readings[r]->opcode)
			return;
		missing += readings[r] != NULL;
	}
	if (missing)
		deviates("requests that the kernel has to make did not come");
}`;
}

const extract = (
  opcode: string,
  struct: string,
  flags: string,
  bytes: string,
  reserved: string,
): string => `	if (in->opcode == ${opcode}) {
		const struct ${struct} *r = arg;

		seen.flags = r->${flags};
		seen.pos = r->pos;
		seen.bytes = r->${bytes};
		ino = r->attr_ino;
		reserved = r->${reserved};
	}
`;

function row({ name, fields }: PredictedRequest): string {
  const { flags, bytes } = compared[name]!;
  const value = (key: string): ExpectedField | undefined => fields[key] as ExpectedField | undefined;
  const number = (key: string): string =>
    value(key) === undefined || value(key)!.accepts ? 'ANY' : s64(BigInt(value(key)!.value));
  return `{ OP_${name}, ${bits(Number(value(flags)?.value ?? 0))}, ${number('pos')}, ${number(bytes)} }`;
}
