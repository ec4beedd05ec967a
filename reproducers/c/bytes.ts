/** Bytes that say where they came from; the same words as model/bytes.ts. */
import type { ByteSource } from '../../model/bytes.ts';
import type { Segment } from '../../oracles/kernel/content.ts';
import { s64, u64 } from './text.ts';
import type { Program } from './uses.ts';

export function bytes({ uses }: Program): string {
  const describes = uses.comparesBytes || uses.comparesDevices;
  const fills = uses.devices || uses.writes || uses.serverBytes;
  const owners = [
    uses.devices ? '#define DEVICE(n)\tOWNER(1, n)\t/* filled before the mount */' : '',
    uses.writes ? '#define WRITER(n)\tOWNER(2, n)\t/* written by the case */' : '',
    uses.serverBytes ? '#define SERVER(n)\tOWNER(3, n)\t/* answered to FUSE_READ */' : '',
  ].filter((line) => line !== '');
  return [
    `/*
 * Bytes that say where they came from: 8-byte words with 0xd5 in bits 63-56, the
 * kind of their owner in 55-52, its number in 51-40, and their position / 8.
 */
#define OWNER(kind, n)	(0xd5ULL << 56 | (uint64_t)(kind) << 52 | (uint64_t)(n) << 40)
${owners.join('\n')}${describes ? '\n#define ZEROES\t\t1' : ''}${uses.reads && describes ? '\n#define UNTOUCHED\t2\t/* as the buffer was before the read */' : ''}
#define POSITION\t((1ULL << 40) - 1)${uses.reads ? '\n#define UNTOUCHED_BYTE\t0xa5' : ''}`,
    `
static uint8_t byte_of(uint64_t owner, uint64_t at)
{
${describes ? `\tif (owner == ZEROES)\n\t\treturn 0;\n${uses.reads ? '\tif (owner == UNTOUCHED)\n\t\treturn UNTOUCHED_BYTE;\n' : ''}` : ''}\treturn (owner | (at / 8 & POSITION)) >> at % 8 * 8;
}`,
    fills
      ? `
static void fill(uint8_t *buf, size_t length, uint64_t owner, uint64_t at)
{
	for (size_t i = 0; i < length; i++)
		buf[i] = byte_of(owner, at + i);
}`
      : '',
    describes ? describe(uses.sources) : '',
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** `sources`: how many one stretch may have. */
const describe = (sources: number): string => `
#define SOURCES		${sources}

/* Bytes that are next to each other and have one source; sources: those that are right. */
struct stretch {
	uint64_t length;
	struct source {
		uint64_t owner, at;
	} sources[SOURCES];
};

static void print_source(uint64_t owner, uint64_t at)
{
	static const char *const kinds[] = { "", "device", "writer", "server" };

	if (owner == ZEROES)
		printf("zeroes");
	else if (owner >> 56 == 0xd5 && (owner >> 52 & 0xf) - 1 < 3)
		printf("%s %u from 0x%llx", kinds[owner >> 52 & 0xf],
		       (unsigned int)(owner >> 40 & 0xfff), (unsigned long long)at);
	else
		printf("the buffer as it was");
}

/* What the bytes are, as far as a whole word says: fewer bytes are of unknown origin. */
static void print_seen(const uint8_t *buf, size_t length)
{
	uint64_t word = 0;

	memcpy(&word, buf, length < 8 ? length : 8);
	if (length >= 8 && word == 0)
		print_source(ZEROES, 0);
	else if (length >= 8 && word == 0xa5a5a5a5a5a5a5a5ULL)
		printf("the buffer as it was");
	else if (length >= 8 && word >> 56 == 0xd5 && (word >> 52 & 0xf) - 1 < 3)
		print_source(word & ~POSITION, (word & POSITION) * 8);
	else
		printf("unknown (0x%016llx)", (unsigned long long)word);
}

/*
 * Compares with one stretch; at: where the buffer lies. All bytes of a word have one source: halves
 * of two that are right are wrong.
 */
static int check_stretch(const char *what, const uint8_t *buf, uint64_t at,
			 const struct stretch *stretch)
{
	const struct source *s = stretch->sources;
	int fits[SOURCES] = { 0 };

	for (uint64_t i = 0; i < stretch->length; i++) {
		int right = 0;

		for (size_t n = 0; n < SOURCES && s[n].owner; n++) {
			if (i == 0 || (at + i) % 8 == 0)
				fits[n] = 1;
			fits[n] &= buf[i] == byte_of(s[n].owner, s[n].at + i);
			right |= fits[n];
		}
		if (right)
			continue;
		deviates("%s: wrong byte at 0x%llx, 0x%llx into a stretch of 0x%llx", what,
			 (unsigned long long)(at + i), (unsigned long long)i,
			 (unsigned long long)stretch->length);
		printf("    seen there: ");
		print_seen(buf + i - i % 8, stretch->length - i + i % 8);
		for (size_t n = 0; n < SOURCES && s[n].owner; n++) {
			printf(n ? " or " : "; expected: ");
			print_source(s[n].owner, s[n].at + i - i % 8);
		}
		putchar('\\n');
		return 0;
	}
	return 1;
}`;

/** `{ DEVICE(0), 0x1000 }`. */
export function source(of: ByteSource): string {
  switch (of.kind) {
    case 'device':
      return `{ DEVICE(${of.device}), ${u64(of.offsetBytes)} }`;
    case 'writer':
      return `{ WRITER(${of.writer}), ${u64(of.offsetBytes)} }`;
    case 'server':
      return `{ SERVER(${of.file}), ${u64(of.offsetBytes)} }`;
    case 'zero':
      return '{ ZEROES, 0 }';
    case 'poison':
      return '{ UNTOUCHED, 0 }';
    case 'other':
    case 'unknown':
      throw new Error('the rules never expect bytes of unknown origin');
  }
}

/** `indent`: tabs before the continuation of a line that is too long for one. */
export function stretch({ start, end, sources }: Segment, indent = 3): string {
  const texts = sources.map(source);
  const lines: string[] = [];
  for (let at = 0; at < texts.length; at += SOURCES_A_LINE) lines.push(texts.slice(at, at + SOURCES_A_LINE).join(', '));
  return `{ ${s64(end - start)}, { ${lines.join(`,\n${'\t'.repeat(indent)}`)} } }`;
}

const SOURCES_A_LINE = 2;
