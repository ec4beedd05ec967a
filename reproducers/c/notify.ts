/** Notifications: what the case's server writes to /dev/fuse unasked. */
import type { Notification } from '../../model/notification.ts';
import { NOTIFY } from '../../uapi/fuse-flags.ts';
import { notifyInvalInode, notifyRetrieve } from '../../uapi/fuse-structs.ts';
import { cStruct, snakeCase } from '../../uapi/c-struct.ts';
import { devInval, invalMappings, iomapIo, range, upsertMappings } from '../../uapi/iomap.ts';
import { mapping } from './mapping.ts';
import { byteList, errno, s64, u32, u64 } from './text.ts';
import type { Program } from './uses.ts';

type Kind = Notification['kind'];
type Node = Extract<Notification, { kind: 'upsert' }>['node'];

/** Ranges of INVAL_MAPPINGS and DEV_INVAL have a structure of their own in the uAPI. */
const rangeStruct = cStruct(range, { name: 'range', member: snakeCase, language: 'C' });
const struct = (layout: Parameters<typeof cStruct>[0], name: string): string =>
  cStruct(layout, {
    name,
    member: snakeCase,
    nested: { [iomapIo.name]: 'mapping', [range.name]: 'range' },
    language: 'C',
  });
const structs: Readonly<Partial<Record<Kind, readonly string[]>>> = {
  upsert: [struct(upsertMappings, 'upsert_mappings')],
  inval: [rangeStruct, struct(invalMappings, 'inval_mappings')],
  devInval: [rangeStruct, struct(devInval, 'dev_inval')],
};

/** Layouts and the call that the case's notifications need. */
export function notifyHelper(notifications: readonly Notification[], meanwhile: boolean): string {
  const kinds = [...new Set(notifications.map(({ kind }) => kind))];
  return [
    ...new Set(kinds.flatMap((kind) => structs[kind] ?? [])),
    `/* Unasked: unique is 0 and error is what it is about. size: of the payload as it is sent. */
static ssize_t notify(int code, const void *payload, size_t payload_size, size_t size)
{
	uint8_t message[sizeof(struct fuse_out_header) + (1 << 17)];
	struct fuse_out_header header = { sizeof(header) + size, code, 0 };

	memset(message, 0, sizeof(message));
	memcpy(message, &header, sizeof(header));
	if (payload_size)
		memcpy(message + sizeof(header), payload,
		       payload_size < size ? payload_size : size);
	return write(fuse_fd, message, header.len);
}`,
    ...(kinds.includes('store') ? [storeHelper] : []),
    ...(meanwhile ? [meanwhileHelper] : []),
  ].join('\n\n');
}

const storeHelper = `static ssize_t notify_store(uint64_t nodeid, int file, uint64_t offset, uint32_t size)
{
	uint8_t payload[sizeof(struct fuse_notify_store_out) + (1 << 16)];
	struct fuse_notify_store_out out = { .nodeid = nodeid, .offset = offset, .size = size };

	memcpy(payload, &out, sizeof(out));
	fill(payload + sizeof(out), size, SERVER(file), offset);
	return notify(${NOTIFY.STORE}, payload, sizeof(out) + size, sizeof(out) + size);
}`;

const nodeid = (node: Node): string => ('file' in node ? `NODE(${node.file})` : u64(node.nodeid));
const ino = (node: Node, given: bigint | undefined): string =>
  given !== undefined ? u64(given) : 'file' in node ? `INO(${node.file})` : '0';

const meanwhileHelper = `/* Sent while a request waits. right: the errno of write(), 0: it is taken, -1: either. */
static void meanwhile(ssize_t written, int right)
{
	int error = written < 0 ? errno : 0;

	if (error)
		printf("    <- a notification, refused: errno %d (%s)\\n", error, strerror(error));
	else
		printf("    <- a notification of %zd bytes\\n", written);
	if (right >= 0 && error != right)
		deviates("expected %s", right ? strerror(right) : "that the kernel takes it");
}`;

/**
 * The statement of a line with `before`; lines without indentation. `right`: the errno that write() must give,
 * undefined: the rules do not say.
 */
export const notifyMeanwhile = (notification: Notification, right: number | undefined, program: Program): string[] => {
  const lines = notify(notification, program);
  return lines.map((line, index) => {
    const first = index === 0 ? line.replace(/^CALL\(/, 'meanwhile(') : line;
    return index === lines.length - 1
      ? first.replace(/\);$/, `, ${right === undefined ? -1 : right === 0 ? 0 : errno(right)});`)
      : first;
  });
};

/** The statement; lines without indentation. */
export function notify(notification: Notification, program: Program): string[] {
  const { revision } = program;
  const call = (
    code: number | undefined,
    struct: string,
    members: readonly string[],
    size: number,
    sent = size,
  ): string[] => [
    `CALL(notify(${code ?? 0}, &(struct ${struct}){`,
    ...members.map((member) => `\t\t${member},`),
    `\t    }, ${size}, ${sent}));`,
  ];
  switch (notification.kind) {
    case 'upsert':
      return call(
        revision.notifications.IOMAP_UPSERT_MAPPINGS,
        'upsert_mappings',
        [
          `.nodeid = ${nodeid(notification.node)}, .attr_ino = ${ino(notification.node, notification.attrIno)}`,
          ...(['read', 'write'] as const).map((half) => `.${half} = ${mapping(notification[half], program)}`),
        ],
        upsertMappings.size,
        notification.sentBytes,
      );
    case 'inval':
      return call(
        revision.notifications.IOMAP_INVAL_MAPPINGS,
        'inval_mappings',
        [
          `.nodeid = ${nodeid(notification.node)}, .attr_ino = ${ino(notification.node, notification.attrIno)}`,
          ...(['read', 'write'] as const).map(
            (half) => `.${half} = { ${u64(notification[half].offset)}, ${u64(notification[half].length)} }`,
          ),
        ],
        invalMappings.size,
        notification.sentBytes,
      );
    case 'devInval':
      return call(
        revision.notifications.IOMAP_DEV_INVAL,
        'dev_inval',
        [
          `.dev = ${typeof notification.dev === 'number' ? u32(notification.dev) : `devices[${notification.dev.device}].cookie`}`,
          ...(notification.reserved === undefined ? [] : [`.reserved = ${u32(notification.reserved)}`]),
          `.range = { ${u64(notification.range.offset)}, ${u64(notification.range.length)} }`,
        ],
        devInval.size,
        notification.sentBytes,
      );
    case 'store':
      return [
        `CALL(notify_store(${nodeid(notification.node)}, ${'file' in notification.node ? notification.node.file : 0}, ${u64(notification.offset)}, ${notification.lengthBytes}));`,
      ];
    case 'retrieve':
      return [
        `CALL(notify(${NOTIFY.RETRIEVE}, &(struct fuse_notify_retrieve_out){`,
        `\t\t.notify_unique = 1, .nodeid = ${nodeid(notification.node)}, .offset = ${u64(notification.offset)}, .size = ${u32(notification.lengthBytes)},`,
        `\t    }, ${notifyRetrieve.size}, ${notifyRetrieve.size}));`,
      ];
    case 'invalInode':
      return [
        `CALL(notify(${NOTIFY.INVAL_INODE}, &(struct fuse_notify_inval_inode_out){`,
        `\t\t.ino = ${nodeid(notification.node)}, .off = ${s64(notification.offset)}, .len = ${s64(notification.length)},`,
        `\t    }, ${notifyInvalInode.size}, ${notifyInvalInode.size}));`,
      ];
    case 'raw': {
      const size = notification.payload.length / 2;
      return size === 0
        ? [`CALL(notify(${notification.code}, NULL, 0, 0));`]
        : [
            `CALL(notify(${notification.code}, (uint8_t[]){`,
            ...byteList(notification.payload, 2).split('\n'),
            `\t    }, ${size}, ${size}));`,
          ];
    }
  }
}
