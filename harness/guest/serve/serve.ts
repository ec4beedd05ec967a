/** One mount of a `serve` script, from mount(2) to the end of the connection. */
import { constants } from 'node:os';
import type { AnyRequest, Context, Handlers, Held, ServerDefinition } from '../api.ts';
import type { Native } from '../../native/index.ts';
import { operationsOf } from '../../../uapi/fuse-operations.ts';
import { decodeReply, type Request } from '../../../uapi/fuse-wire.ts';
import { backingMap } from '../../../uapi/iomap.ts';
import { revisionWith, type Numbers } from '../../../uapi/numbers.ts';
import { defaultRevision, flagNames } from '../../../uapi/revision.ts';
import { held, type Answer } from '../../../server/answer.ts';
import { ordinaryAnswer } from '../../../server/ordinary.ts';
import { Server, sleep } from '../session/server.ts';
import { TranscriptFormatter, errnoText } from '../session/transcript.ts';
import type { ServedDevices } from './devices.ts';
import { encodeResult } from './encode.ts';
import { mountAside, mountNow } from './mount.ts';
import { notifications } from './notify.ts';
import { Tree } from './tree.ts';
import { writeSync } from 'node:fs';

const O_RDWR = 2,
  O_CLOEXEC = 0o2000000;

const handlerOf: Readonly<Record<string, keyof Handlers>> = {
  IOMAP_BEGIN: 'begin',
  IOMAP_END: 'end',
  IOMAP_IOEND: 'ioend',
  IOMAP_CONFIG: 'config',
  FREEZE_FS: 'freeze',
  UNFREEZE_FS: 'unfreeze',
  SHUTDOWN_FS: 'shutdown',
  LOOKUP: 'lookup',
  GETATTR: 'getattr',
  SETATTR: 'setattr',
  READLINK: 'readlink',
  SYMLINK: 'symlink',
  MKNOD: 'mknod',
  MKDIR: 'mkdir',
  CREATE: 'create',
  LINK: 'link',
  UNLINK: 'unlink',
  RMDIR: 'rmdir',
  RENAME: 'rename',
  RENAME2: 'rename',
  OPEN: 'open',
  READ: 'read',
  WRITE: 'write',
  FLUSH: 'flush',
  RELEASE: 'release',
  FSYNC: 'fsync',
  FALLOCATE: 'fallocate',
  LSEEK: 'lseek',
  COPY_FILE_RANGE: 'copyFileRange',
  COPY_FILE_RANGE_64: 'copyFileRange',
  OPENDIR: 'opendir',
  READDIR: 'readdir',
  RELEASEDIR: 'releasedir',
  FSYNCDIR: 'fsyncdir',
  STATFS: 'statfs',
  GETXATTR: 'getxattr',
  LISTXATTR: 'listxattr',
  SETXATTR: 'setxattr',
  REMOVEXATTR: 'removexattr',
  ACCESS: 'access',
  SYNCFS: 'syncfs',
  DESTROY: 'destroy',
};
const silent = new Set(['FORGET', 'BATCH_FORGET']);

export interface Machine {
  native: Native;
  addon: string;
  devices: ServedDevices;
  mountPoint: string;
  readyLine: string;
  /** Of the kernel; absent: those of the revision. */
  numbers?: Numbers;
  print: (line: string) => void;
}

/**
 * Serves until the file system is unmounted. Returns what failed, undefined when nothing did. Throws what the script
 * throws.
 */
export function serve(
  definition: ServerDefinition,
  { native, addon, devices, mountPoint, readyLine, numbers, print }: Machine,
): string | undefined {
  const revision = revisionWith(definition.revision ?? defaultRevision, numbers);
  const wanted = definition.devices ?? [];
  wanted.forEach((options, index) => {
    devices.get(index, options);
  });
  devices.makeRest();
  const cookies: number[] = [];
  const tree: Tree = new Tree(revision, definition, (node) => {
    definition.evict?.(node, context);
  });
  const encoding = { revision, cookies, files: tree };
  const formatter = new TranscriptFormatter(revision, () => cookies);
  const operations = operationsOf(revision);
  const handlers = definition.handlers ?? {};

  const fd = native.open('/dev/fuse', O_RDWR | O_CLOEXEC, 0);
  if (fd < 0)
    return `/dev/fuse cannot be opened: ${errnoText(-fd)}${fd === -constants.errno.ENOENT ? '; the kernel has no FUSE (CONFIG_FUSE_FS)' : ''}`;

  const printExchange = (
    request: Request,
    answer: { error: number; payload: Buffer } | undefined,
    writeErrno: number,
  ): void => {
    const fields =
      answer && answer.error === 0 ? decodeReply(operations.get(request.opcode), answer.payload) : undefined;
    const file = tree.pathOf(request.nodeid) ?? (tree.find(request.nodeid) ? `(inode ${request.nodeid})` : undefined);
    print(
      formatter.format({
        name: request.name,
        ...(file === undefined ? {} : { file }),
        args: request.args,
        names: request.names,
        dataBytes: request.data.length,
        ...(answer
          ? { reply: { error: answer.error, payloadBytes: answer.payload.length, ...(fields ? { fields } : {}) } }
          : {}),
        writeErrno,
      }),
    );
  };

  const described = (request: Request): AnyRequest & Record<string, unknown> => {
    const { args, name, unique, nodeid, uid, gid, pid, names, data } = request;
    const ops = 'opflags' in args ? { ops: new Set(flagNames(revision.opFlags, args['opflags'] as number).names) } : {};
    const flags =
      name === 'IOMAP_IOEND' ? { flags: new Set(flagNames(revision.ioendFlags, args['flags'] as number).names) } : {};
    const target = 'nodeidOut' in args ? { target: tree.find(args['nodeidOut'] as bigint) } : {};
    return {
      ...args,
      ...ops,
      ...flags,
      ...target,
      name,
      file: tree.pathOf(nodeid),
      node: tree.find(nodeid),
      unique,
      nodeid,
      uid,
      gid,
      pid,
      args,
      names,
      data,
    };
  };

  const context: Context = {
    revision: revision.id,
    devices: devices.all,
    cookies,
    files: {
      at: (path) => tree.at(path),
      find: (nodeid) => tree.find(nodeid),
      all: () => tree.nodes,
      pathOf: ({ nodeid }) => tree.pathOf(nodeid),
      add: (path, options) => tree.add(path, options),
      remove: (path) => {
        tree.remove(path);
      },
    },
    notify: notifications(
      encoding,
      (code, bytes) => server.notify(code, bytes),
      (what, errno) => {
        print(`notify ${what} -> ${errno === 0 ? 'ok' : errnoText(errno)}`);
      },
    ),
    ioctl: (name, argument) => {
      const request = revision.ioctls[name];
      if (request === undefined) throw new Error(`revision ${revision.id} has no ioctl ${name}`);
      const ret = native.ioctl(fd, request, argument);
      print(`ioctl ${name} -> ${ret < 0 ? errnoText(-ret) : String(ret)}`);
      return ret;
    },
    hold: () => {
      throw new Error('there is no request to hold');
    },
    after: (delayMs, callback) => {
      server.after(delayMs, callback);
    },
    delay: sleep,
    log: (text) => {
      print(`# ${text}`);
    },
  };

  const contextFor = (request: Request): Context => ({
    ...context,
    hold: () => {
      // The request's data lies in the buffer of the next one.
      const kept = { ...request, data: Buffer.from(request.data) };
      const answer: Held['answer'] = (result) =>
        server.answerLater(kept, encodeResult(encoding, kept, result) ?? ordinaryAnswer(tree, kept));
      return { ...described(kept), ...held, answer } as unknown as ReturnType<Context['hold']>;
    },
  });

  const scripted = (request: Request): Answer | undefined => {
    const own = handlerOf[request.name];
    for (const handler of [own && handlers[own], handlers.any]) {
      if (!handler) continue;
      const result: unknown = (handler as (request: unknown, context: Context) => unknown)(
        described(request),
        contextFor(request),
      );
      const encoded = encodeResult(encoding, request, result);
      if (encoded) return encoded;
    }
    return undefined;
  };

  const register = (): void => {
    const open = revision.ioctls.BACKING_OPEN;
    devices.all.forEach(({ sizeBytes }, index) => {
      const device = devices.serverFd(index, wanted[index]?.access ?? 'rw');
      cookies[index] =
        open === undefined
          ? -constants.errno.EOPNOTSUPP
          : native.ioctl(fd, open, backingMap.encode({ fd: device, flags: revision.backingTypes.IOMAP ?? 0 }));
      print(
        `# device ${index}: ${cookies[index] > 0 ? `${sizeBytes} bytes, cookie ${cookies[index]}` : `not registered, ${errnoText(-cookies[index])}`}`,
      );
    });
  };

  const server: Server = new Server(
    native,
    fd,
    { revision },
    {
      answer: (request) => {
        // Nothing of the mount is in the kernel's memory any more, whether or not it found the time to say FORGET.
        if (request.name === 'DESTROY') tree.forgetAll();
        return scripted(request) ?? ordinaryAnswer(tree, request);
      },
      answerInit: scripted,
      initialised: register,
      record: (_buffer, _length, _reply, _writeErrno, { name }) => {
        // Also when the kernel refused that reply: the command will see what comes of it.
        if (name === 'INIT' && !definition.syncInit) writeSync(2, `${readyLine}\n`);
      },
      replied: (request, reply, writeErrno) => {
        if (silent.has(request.name)) return;
        printExchange(request, reply && { error: reply.readInt32LE(4), payload: reply.subarray(16) }, writeErrno);
      },
    },
  );

  try {
    const mountRequest = { mountPoint, fd, addon, readyLine };
    let mounted: () => number;
    if (definition.syncInit) {
      const asked =
        revision.ioctls.SYNC_INIT === undefined
          ? -constants.errno.ENOTTY
          : native.ioctl(fd, revision.ioctls.SYNC_INIT, 0);
      if (asked < 0) return `the kernel refused SYNC_INIT: ${errnoText(-asked)}`;
      mounted = mountAside(mountRequest);
    } else {
      const ret = mountNow(native, mountRequest);
      mounted = () => ret;
    }
    const failure = (ret: number): string | undefined =>
      ret < 0 ? `mount(2) at ${mountPoint} failed: ${errnoText(-ret)}` : undefined;
    if (!definition.syncInit && mounted() < 0) return failure(mounted());
    const end = server.run();
    if (end.kind === 'read-failed') return `reading /dev/fuse failed: ${errnoText(end.errno)}`;
    return failure(mounted());
  } finally {
    native.close(fd);
  }
}
