/**
 * Every FUSE request as a row: number, what follows the header, what a successful reply holds. Decoding any request and
 * encoding any reply reads this table; the iomap rows take their numbers from a revision.
 */
import * as f from './fuse-structs.ts';
import * as iomap from './iomap.ts';
import { perRevision } from './per-revision.ts';
import type { IomapOpcodeName, Revision } from './revision.ts';
import type { Layout } from './struct.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- rows hold layouts of all field types
type AnyLayout = Layout<any>;

export interface Operation {
  readonly name: string;
  readonly opcode: number;
  /** Structure behind the header; older kernels may send less of it, and zeroes stand for the rest. */
  readonly request?: AnyLayout;
  /** NUL-terminated names behind the structure. */
  readonly names: 0 | 1 | 2;
  /** Bytes behind structure and names that are no extension. */
  readonly data: boolean;
  /** Structure of a successful reply; 'data': bytes; 'none': the header alone; 'never': the kernel expects no reply. */
  readonly reply: AnyLayout | 'data' | 'none' | 'never';
}

const row = (
  opcode: number,
  request: AnyLayout | undefined,
  trailing: '' | 'name' | 'names' | 'data' | 'name data',
  reply: Operation['reply'],
): Omit<Operation, 'name'> => ({
  opcode,
  ...(request ? { request } : {}),
  names: trailing === 'names' ? 2 : trailing.startsWith('name') ? 1 : 0,
  data: trailing.endsWith('data'),
  reply,
});

const ordinary = {
  LOOKUP: row(1, undefined, 'name', f.entryOut),
  FORGET: row(2, f.forgetIn, '', 'never'),
  GETATTR: row(3, f.getattrIn, '', f.attrOut),
  SETATTR: row(4, f.setattrIn, '', f.attrOut),
  READLINK: row(5, undefined, '', 'data'),
  SYMLINK: row(6, undefined, 'names', f.entryOut),
  MKNOD: row(8, f.mknodIn, 'name', f.entryOut),
  MKDIR: row(9, f.mkdirIn, 'name', f.entryOut),
  UNLINK: row(10, undefined, 'name', 'none'),
  RMDIR: row(11, undefined, 'name', 'none'),
  RENAME: row(12, f.renameIn, 'names', 'none'),
  LINK: row(13, f.linkIn, 'name', f.entryOut),
  OPEN: row(14, f.openIn, '', f.openOut),
  READ: row(15, f.readIn, '', 'data'),
  WRITE: row(16, f.writeIn, 'data', f.writeOut),
  STATFS: row(17, undefined, '', f.kstatfs),
  RELEASE: row(18, f.releaseIn, '', 'none'),
  FSYNC: row(20, f.fsyncIn, '', 'none'),
  SETXATTR: row(21, f.setxattrIn, 'name data', 'none'),
  GETXATTR: row(22, f.getxattrIn, 'name', 'data'),
  LISTXATTR: row(23, f.getxattrIn, '', 'data'),
  REMOVEXATTR: row(24, undefined, 'name', 'none'),
  FLUSH: row(25, f.flushIn, '', 'none'),
  INIT: row(26, f.initIn, '', f.initOut),
  OPENDIR: row(27, f.openIn, '', f.openOut),
  READDIR: row(28, f.readIn, '', 'data'),
  RELEASEDIR: row(29, f.releaseIn, '', 'none'),
  FSYNCDIR: row(30, f.fsyncIn, '', 'none'),
  GETLK: row(31, f.lkIn, '', f.lkOut),
  SETLK: row(32, f.lkIn, '', 'none'),
  SETLKW: row(33, f.lkIn, '', 'none'),
  ACCESS: row(34, f.accessIn, '', 'none'),
  CREATE: row(35, f.createIn, 'name', f.createOut),
  INTERRUPT: row(36, f.interruptIn, '', 'never'),
  BMAP: row(37, f.bmapIn, '', f.bmapOut),
  DESTROY: row(38, undefined, '', 'none'),
  IOCTL: row(39, f.ioctlIn, 'data', 'data'),
  POLL: row(40, f.pollIn, '', f.pollOut),
  NOTIFY_REPLY: row(41, undefined, 'data', 'never'),
  BATCH_FORGET: row(42, f.batchForgetIn, 'data', 'never'),
  FALLOCATE: row(43, f.fallocateIn, '', 'none'),
  READDIRPLUS: row(44, f.readIn, '', 'data'),
  RENAME2: row(45, f.rename2In, 'names', 'none'),
  LSEEK: row(46, f.lseekIn, '', f.lseekOut),
  COPY_FILE_RANGE: row(47, f.copyFileRangeIn, '', f.writeOut),
  SYNCFS: row(50, f.syncfsIn, '', 'none'),
  TMPFILE: row(51, f.createIn, 'name', f.createOut),
  STATX: row(52, f.statxIn, '', 'data'),
  COPY_FILE_RANGE_64: row(53, f.copyFileRangeIn, '', f.copyFileRangeOut),
} as const;

const iomapRows: Record<IomapOpcodeName, Omit<Operation, 'name' | 'opcode'>> = {
  FREEZE_FS: { request: iomap.freezeIn, names: 0, data: false, reply: 'none' },
  UNFREEZE_FS: { names: 0, data: false, reply: 'none' },
  SHUTDOWN_FS: { request: iomap.shutdownIn, names: 0, data: false, reply: 'none' },
  IOMAP_CONFIG: { request: iomap.configIn, names: 0, data: false, reply: iomap.configOut },
  IOMAP_IOEND: { request: iomap.ioendIn, names: 0, data: false, reply: iomap.ioendOut },
  IOMAP_BEGIN: { request: iomap.beginIn, names: 0, data: false, reply: iomap.beginOut },
  IOMAP_END: { request: iomap.endIn, names: 0, data: false, reply: 'none' },
};

/** All operations that a kernel of this revision may send, by opcode. */
export const operationsOf = perRevision(
  (revision): ReadonlyMap<number, Operation> => new Map(rowsOf(revision).map((row) => [row.opcode, row])),
);

/** The same by name. */
export const operationsByName = perRevision(
  (revision): ReadonlyMap<string, Operation> => new Map(rowsOf(revision).map((row) => [row.name, row])),
);

function rowsOf(revision: Revision): Operation[] {
  const rows: Operation[] = Object.entries(ordinary).map(([name, rest]) => ({ name, ...rest }));
  for (const [name, rest] of Object.entries(iomapRows)) {
    const opcode = revision.opcodes[name as IomapOpcodeName];
    if (opcode !== undefined) rows.push({ name, opcode, ...rest });
  }
  return rows;
}

/** Ordinary opcodes by name. */
export const OPCODES = Object.fromEntries(
  Object.entries(ordinary).map(([name, { opcode }]) => [name, opcode]),
) as Readonly<Record<keyof typeof ordinary, number>>;
