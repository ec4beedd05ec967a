/** The notifications of a `serve` script. */
import { nocache, type Node, type Notify, type Range } from '../api.ts';
import { NOTIFY } from '../../../uapi/fuse-flags.ts';
import { notifyInvalEntry, notifyInvalInode } from '../../../uapi/fuse-structs.ts';
import { devInval, invalMappings, upsertMappings } from '../../../uapi/iomap.ts';
import type { IomapNotifyName } from '../../../uapi/revision.ts';
import { encodeMapping, type Encoding } from './encode.ts';
import type { Tree } from './tree.ts';

const rangeFields = (value: Range | undefined): { offset: bigint; length: bigint } => ({
  offset: BigInt(value?.offset ?? 0),
  length: BigInt(value?.length ?? 0),
});

/** `send` returns 0 or an errno; `done` is told of every notification but raw ones. */
export function notifications(
  encoding: Encoding & { files: Tree },
  send: (code: number, bytes: Uint8Array) => number,
  done: (what: string, errno: number) => void,
): Notify {
  const { revision, cookies, files } = encoding;
  const nodeOf = (file: string | Node): Node => {
    const node = typeof file === 'string' ? files.at(file) : file;
    if (!node) throw new Error(`there is no file '${String(file)}' to notify the kernel about`);
    return node;
  };
  const target = (file: string | Node): { nodeid: bigint; attrIno: bigint } => {
    const { nodeid, ino } = nodeOf(file);
    return { nodeid, attrIno: ino };
  };
  const nameOf = (file: string | Node): string =>
    typeof file === 'string' ? file : (files.pathOf(file.nodeid) ?? `inode ${file.nodeid}`);
  const sent = (what: string, code: number, bytes: Uint8Array): number => {
    const errno = send(code, bytes);
    done(what, errno);
    return errno;
  };
  const iomap = (name: IomapNotifyName, what: string, bytes: Uint8Array): number => {
    const code = revision.notifications[name];
    if (code === undefined) throw new Error(`revision ${revision.id} has no notification ${name}`);
    return sent(`${name.replace(/^IOMAP_/, '')} ${what}`, code, bytes);
  };
  return {
    // Of a half that is left alone the range is judged, too (map/length-nonzero).
    upsert: (file, { read, write = nocache({ offset: read.offset, length: read.length }) }) =>
      iomap(
        'IOMAP_UPSERT_MAPPINGS',
        nameOf(file),
        upsertMappings.encode({
          ...target(file),
          read: encodeMapping(encoding, read),
          write: encodeMapping(encoding, write),
        }),
      ),
    invalidate: (file, { read, write }) =>
      iomap(
        'IOMAP_INVAL_MAPPINGS',
        nameOf(file),
        invalMappings.encode({ ...target(file), read: rangeFields(read), write: rangeFields(write) }),
      ),
    devInvalidate: (device, range) =>
      iomap(
        'IOMAP_DEV_INVAL',
        `device ${device}`,
        devInval.encode({ dev: cookies[device] ?? 0, range: rangeFields(range) }),
      ),
    // A negative offset: attributes alone (fs/fuse/inode.c, fuse_reverse_inval_inode).
    invalidateInode: (file, range) =>
      sent(
        `INVAL_INODE ${nameOf(file)}`,
        NOTIFY.INVAL_INODE,
        notifyInvalInode.encode({
          ino: nodeOf(file).nodeid,
          off: range ? BigInt(range.offset) : -1n,
          len: range ? BigInt(range.length) : 0n,
        }),
      ),
    invalidateName: (directory, name) => {
      const bytes = Buffer.from(name);
      return sent(
        `INVAL_ENTRY ${nameOf(directory)} "${name}"`,
        NOTIFY.INVAL_ENTRY,
        Buffer.concat([
          notifyInvalEntry.encode({ parent: nodeOf(directory).nodeid, namelen: bytes.length }),
          bytes,
          Buffer.alloc(1),
        ]),
      );
    },
    raw: send,
  };
}
