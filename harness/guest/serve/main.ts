/** Runs a `serve` script inside the guest: mounts, answers, prints the transcript, ends when it is unmounted. */
import { mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AnyRequest, Context, Handlers, Held, ServerDefinition } from '../api.ts';
import { loadNative } from '../../native/index.ts';
import { operationsOf } from '../../uapi/fuse-operations.ts';
import { decodeReply, type Request } from '../../uapi/fuse-wire.ts';
import { backingMap, devInval, invalMappings, upsertMappings } from '../../uapi/iomap.ts';
import { flagNames, revisions } from '../../uapi/revision.ts';
import { DeviceSet } from '../cases/devices.ts';
import { held, type Answer } from '../session/answer.ts';
import { ordinaryAnswer } from '../session/ordinary.ts';
import { Server, sleep } from '../session/server.ts';
import { TranscriptFormatter, errnoText } from '../session/transcript.ts';
import { encodeMapping, encodeResult } from './encode.ts';
import { Tree } from './tree.ts';

const O_RDWR = 2, O_CLOEXEC = 0o2000000;
/** The host waits for this line before it runs the command. */
const readyLine = 'iomapfuzz-serve: mounted';

const handlerOf: Readonly<Record<string, keyof Handlers>> = {
  IOMAP_BEGIN: 'begin', IOMAP_END: 'end', IOMAP_IOEND: 'ioend', IOMAP_CONFIG: 'config', LOOKUP: 'lookup', GETATTR: 'getattr', SETATTR: 'setattr', OPEN: 'open',
  READ: 'read', WRITE: 'write', FSYNC: 'fsync', FALLOCATE: 'fallocate', LSEEK: 'lseek', FREEZE_FS: 'freeze', UNFREEZE_FS: 'unfreeze', SHUTDOWN_FS: 'shutdown',
};

/** Serves `definition` at `mountPoint` until it is unmounted. Returns the exit code. */
export function serve(definition: ServerDefinition, mountPoint: string): number {
  const print = (text: string): void => { writeSync(1, `${text}\n`); };
  const revision = revisions[definition.revision ?? 'r3'];
  const native = loadNative(join(dirname(process.argv[1]!), 'iomapfuzz.node'));
  const tree = new Tree(revision, definition.files ?? {});
  const wanted = definition.devices ?? [];
  const devices = DeviceSet.make(native, wanted.map(({ sizeBytes }) => sizeBytes));
  wanted.forEach(({ content }, index) => { if (content !== undefined) devices.fill(index, Buffer.from(content)); });
  const deviceFds = wanted.map(({ access = 'rw' }, index) => devices.open(index, access));
  const cookies: number[] = [];
  const encoding = { revision, cookies };
  const formatter = new TranscriptFormatter(revision, () => cookies);
  const operations = operationsOf(revision);
  const handlers = definition.handlers ?? {};

  const fd = native.open('/dev/fuse', O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) return complain(`/dev/fuse cannot be opened: ${errnoText(-fd)}${fd === -2 ? '; the kernel has no FUSE (CONFIG_FUSE_FS)' : ''}`);

  const printExchange = (request: Request, data: number, answer: { error: number; payload: Buffer } | undefined, writeErrno: number): void => {
    const fields = answer && answer.error === 0 ? decodeReply(operations.get(request.opcode), answer.payload) : undefined;
    const file = tree.pathOf(request.nodeid);
    print(formatter.format({
      name: request.name, ...(file === undefined ? {} : { file }), args: request.args, names: request.names, dataBytes: data,
      ...(answer ? { reply: { error: answer.error, payloadBytes: answer.payload.length, ...(fields ? { fields } : {}) } } : {}), writeErrno,
    }));
  };

  const described = (request: Request): AnyRequest & Record<string, unknown> => {
    const { args } = request;
    const ops = 'opflags' in args ? { ops: new Set(flagNames(revision.opFlags, args['opflags'] as number).names) } : {};
    const flags = request.name === 'IOMAP_IOEND' ? { flags: new Set(flagNames(revision.ioendFlags, args['flags'] as number).names) } : {};
    return { ...args, ...ops, ...flags, name: request.name, file: tree.pathOf(request.nodeid), unique: request.unique, nodeid: request.nodeid, args, names: request.names, data: request.data };
  };

  const target = (file: string): { nodeid: bigint; attrIno: bigint } => {
    const node = tree.at(file);
    if (!node) throw new Error(`there is no file '${file}' to notify the kernel about`);
    return { nodeid: node.nodeid, attrIno: node.ino };
  };
  const notify = (name: keyof typeof revision.notifications, bytes: Buffer): number => {
    const code = revision.notifications[name];
    if (code === undefined) throw new Error(`revision ${revision.id} has no notification ${name}`);
    const errno = server.notify(code, bytes);
    print(`notify ${name.replace(/^IOMAP_/, '')} -> ${errno === 0 ? 'ok' : errnoText(errno)}`);
    return errno;
  };
  const range = (value: { offset: number | bigint; length: number | bigint } | undefined) => ({ offset: BigInt(value?.offset ?? 0), length: BigInt(value?.length ?? 0) });

  const contextFor = (request: Request): Context => ({
    revision: revision.id,
    cookies,
    notify: {
      upsert: (file, { read, write = { type: 'NOCACHE', offset: 0, length: 0 } }) =>
        notify('IOMAP_UPSERT_MAPPINGS', upsertMappings.encode({ ...target(file), read: encodeMapping(encoding, read), write: encodeMapping(encoding, write) })),
      invalidate: (file, { read, write }) => notify('IOMAP_INVAL_MAPPINGS', invalMappings.encode({ ...target(file), read: range(read), write: range(write) })),
      devInvalidate: (device, of) => notify('IOMAP_DEV_INVAL', devInval.encode({ dev: cookies[device] ?? 0, range: range(of) })),
      raw: (code, bytes) => server.notify(code, bytes),
    },
    hold: () => {
      // The request's data lies in the buffer of the next one.
      const kept = { ...request, data: Buffer.from(request.data) };
      const answer: Held['answer'] = (result) => server.answerLater(kept, encodeResult(encoding, kept.name, result) ?? ordinaryAnswer(tree, kept));
      return { ...described(kept), ...held, answer } as unknown as ReturnType<Context['hold']>;
    },
    after: (delayMs, callback) => { server.after(delayMs, callback); },
    delay: sleep,
    log: (text) => { print(`# ${text}`); },
  });

  const answer = (request: Request): Answer => {
    const own = handlerOf[request.name];
    for (const handler of [own && handlers[own], handlers.any]) {
      if (!handler) continue;
      const result: unknown = (handler as (request: unknown, context: Context) => unknown)(described(request), contextFor(request));
      const encoded = encodeResult(encoding, request.name, result);
      if (encoded) return encoded;
    }
    return ordinaryAnswer(tree, request);
  };

  const server: Server = new Server(native, fd, { revision }, {
    answer,
    initialised: () => {
      const open = revision.ioctls.BACKING_OPEN;
      deviceFds.forEach((device, index) => {
        cookies[index] = open === undefined ? -95 : native.ioctl(fd, open, backingMap.encode({ fd: device, flags: revision.backingTypes.IOMAP ?? 0 }));
        print(`# device ${index}: ${cookies[index] > 0 ? `${wanted[index]!.sizeBytes} bytes, cookie ${cookies[index]}` : `not registered, ${errnoText(-cookies[index])}`}`);
      });
      writeSync(2, `${readyLine}\n`);
    },
    replied: (request, reply, writeErrno) => {
      if (request.name === 'FORGET' || request.name === 'BATCH_FORGET') return;
      printExchange(request, request.data.length, reply && { error: reply.readInt32LE(4), payload: reply.subarray(16) }, writeErrno);
    },
  });

  enableIomap();
  mkdirSync(mountPoint, { recursive: true });
  const mounted = native.mount('iomapfuzz', mountPoint, 'fuse', 0, `fd=${fd},rootmode=40000,user_id=0,group_id=0,allow_other`);
  if (mounted < 0) return complain(`mount(2) at ${mountPoint} failed: ${errnoText(-mounted)}`);
  const end = server.run();
  devices.remove();
  return end.kind === 'read-failed' ? complain(`reading /dev/fuse failed: ${errnoText(end.errno)}`) : 0;
}

function complain(text: string): number {
  writeSync(2, `${text}\n`);
  return 1;
}

/** Kernels may be built with iomap switched off. */
function enableIomap(): void {
  try {
    writeFileSync('/sys/module/fuse/parameters/enable_iomap', 'Y');
  } catch {
    // There is no such switch: the devices' registration will say what the kernel lacks.
  }
}

/** Exit code that harness/cli/serve.ts takes for the script's fault: what a handler or a device list threw. */
const scriptFault = 2;

/** Entry of the bundle that `iomapfuzz serve` makes of a script. */
export function main(definition: ServerDefinition | undefined): void {
  const mountPoint = process.argv[2] ?? '/mnt';
  try {
    if (!definition) {
      writeSync(2, 'the script has no default export; end it with: export default defineServer({ ... })\n');
      process.exitCode = scriptFault;
      return;
    }
    process.exitCode = serve(definition, mountPoint);
  } catch (error) {
    writeSync(2, `${error instanceof Error ? error.stack ?? error.message : String(error)}\n`);
    process.exitCode = scriptFault;
  }
}
