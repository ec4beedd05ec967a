/** What a line of the script answers. */
import type { Reply } from '../../model/case.ts';
import { outHeader } from '../../uapi/fuse-structs.ts';
import { configText } from './config.ts';
import { mapping } from './mapping.ts';
import { byteList, errno, initialiser, u32, u64 } from './text.ts';
import type { Program } from './uses.ts';

/** The statement, indented by two tabs, that sends a reply. */
export function sendReply(reply: Reply, program: Program): string {
  switch (reply.kind) {
    case 'error':
      return `\t\tsend_reply(in, ${errno(reply.errno)}, NULL, 0);`;
    case 'empty':
      return '\t\tprintf("    <- an empty answer\\n");\n\t\tsend_reply(in, 0, NULL, 0);';
    case 'ioend':
      return `\t\tprintf("    <- newsize 0x%llx\\n", ${u64(reply.newsizeBytes)}${reply.newsizeBytes > 0x7fff_ffffn ? '' : 'ULL'});\n\t\tsend_reply(in, 0, &(uint64_t){ ${u64(reply.newsizeBytes)} }, 8);`;
    case 'attributes':
      return attributesReply(reply.sizeBytes, program);
    case 'mappings':
      return `\t\treply_mappings(in,\n\t\t\t(struct mapping)${mapping(reply.read, program)},\n\t\t\t(struct mapping)${mapping(reply.write, program)});`;
    case 'raw':
      return rawReply(reply);
    case 'config':
      return configText(reply, program, '\t\t');
    case 'die':
      return '\t\tprintf("    <- nothing: the server closes /dev/fuse\\n");\n\t\tfflush(stdout);\n\t\tclose(fuse_fd);\n\t\tpthread_exit(NULL);';
    case 'kill':
      return '\t\tprintf("    <- nothing: the process that holds /dev/fuse is killed\\n");\n\t\tfflush(stdout);\n\t\tclose(fuse_fd);\n\t\tkill(holder, SIGKILL);\n\t\twaitpid(holder, NULL, 0);\n\t\tpthread_exit(NULL);';
    case 'abort':
      return '\t\tprintf("    <- nothing: the connection is aborted\\n");\n\t\tabort_connection();';
  }
}

/** As the ordinary answer to GETATTR and SETATTR, but for the size, and not to be kept. */
const attributesReply = (sizeBytes: bigint, { uses }: Program): string => `\t\tstruct fuse_attr_out out = { 0 };
${
  uses.ordinary.has('SETATTR')
    ? `\t\tconst struct fuse_setattr_in *set = arg;

\t\tif (in->opcode == FUSE_SETATTR && file >= 0)
\t\t\tset_attr(file, set);
`
    : '\n'
}\t\tfill_attr(&out.attr, file);
\t\tout.attr.size = ${u64(sizeBytes)};
\t\tsend_reply(in, 0, &out, sizeof(out));`;

function rawReply({ payload, error = 0, lengthBytes, unique, sentBytes }: Extract<Reply, { kind: 'raw' }>): string {
  const size = payload.length / 2;
  const zero = /^0*$/.test(payload);
  const bytes =
    size === 0
      ? ''
      : zero
        ? `\t\tstatic const uint8_t payload[${size}];	/* all zero */\n`
        : `\t\tstatic const uint8_t payload[] = {\n${byteList(payload, 3)}\n\t\t};\n`;
  const header = initialiser(
    [
      ['len', lengthBytes === undefined ? `sizeof(struct fuse_out_header) + ${size}` : u32(lengthBytes)],
      ['error', String(error)],
      ['unique', unique === undefined ? 'in->unique' : u64(unique)],
    ],
    3,
  );
  return `${bytes}${bytes && '\n'}\t\treply_raw(in,\n\t\t\t  (struct fuse_out_header)${header},\n\t\t\t  ${size === 0 ? 'NULL' : 'payload'}, ${size}, ${Math.min(sentBytes ?? outHeader.size + size, outHeader.size + size)});`;
}
