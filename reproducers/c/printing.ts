/** Names of requests and of their fields. */
import { constantOf } from './opcodes.ts';
import { bits } from './text.ts';
import type { Program } from './uses.ts';

export function printing({ case: testCase, revision, uses }: Program): string {
  const rows: string[] = [];
  const named = new Set([
    ...uses.ordinary,
    ...testCase.script.map(({ on }) => on),
    ...(uses.config ? ['IOMAP_CONFIG'] : []),
  ]);
  for (const name of named) {
    const constant = constantOf(name, { revision });
    if (constant !== undefined) rows.push(`\tcase ${constant}: return "${name}";`);
  }
  const opflags = Object.entries(revision.opFlags)
    .map(([name, value]) => `\t\t{ ${bits(value)}, "${name}" },`)
    .join('\n');
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
  const flags =
    uses.ordinary.has('IOMAP_BEGIN') || uses.ordinary.has('IOMAP_END')
      ? `static void print_opflags(uint32_t opflags)
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

`
      : '';
  return `static const char *name_of(uint32_t opcode)
{
	switch (opcode) {
${rows.join('\n')}
	default: return "opcode";
	}
}

${flags}static void print_request(const struct fuse_in_header *in, const void *arg)
{
	flockfile(stdout);	/* one line, whatever the other thread prints */
	printf("    -> %s (%u)", name_of(in->opcode), in->opcode);
	if (in->opcode == FUSE_LOOKUP)
		printf(" %s", (const char *)arg);
	else if (in->nodeid >= NODE(0))
		printf(" file%llu", (unsigned long long)(in->nodeid - NODE(0)));
${details.join('\n')}
	putchar('\\n');
	funlockfile(stdout);
}`;
}
