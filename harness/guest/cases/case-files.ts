/** The file system that case files live in: flat, one inode per case and file, made when the kernel looks it up. */
import { inoOf, nodeidOf, parseFileName, parseNodeid } from '../../../model/nodes.ts';
import type { Notification } from '../../../model/notification.ts';
import type { Native } from '../../native/index.ts';
import { FUSE_ROOT_ID } from '../../../uapi/fuse-flags.ts';
import { OPEN_REPLY } from '../../../uapi/fuse-flags.ts';
import type { Request } from '../../../uapi/fuse-wire.ts';
import type { Revision } from '../../../uapi/revision.ts';
import { fail, type Answer } from '../session/answer.ts';
import { S_IFDIR, S_IFREG, inode, type Inode } from '../session/inode.ts';
import type { FileSystem } from '../session/file-system.ts';
import { ordinaryAnswer } from '../session/ordinary.ts';
import { constants } from 'node:os';
import type { ServerCase } from './messages.ts';
import { encodeCaseNotification } from './notify-step.ts';
import { Script, encodeCaseReply, type Cookies } from './script.ts';
import { barrierName } from './shared.ts';

const { errno } = constants;
/** OWNER_KINDS.server of the byte patterns. */
const serverOwner = 3;

interface Loaded {
  readonly case: ServerCase;
  readonly script: Script;
  readonly inodes: (Inode | undefined)[];
}

export interface CaseFilesOptions {
  revision: Revision;
  native: Native;
  opens: boolean;
  config: Parameters<typeof encodeCaseReply>[2] | undefined;
  /** Fetches what the workload's thread has posted since. */
  fetch: () => readonly ServerCase[];
  cookies: () => Cookies;
  /** Writes these to /dev/fuse and notes what came of it. */
  notify: (line: number, messages: readonly Buffer[], signal: boolean) => void;
}

export class CaseFiles implements FileSystem {
  readonly revision: Revision;
  readonly opens: boolean;
  readonly #options: CaseFilesOptions;
  readonly #root = inode(FUSE_ROOT_ID, FUSE_ROOT_ID, S_IFDIR | 0o755);
  readonly #posted = new Map<number, ServerCase>();
  #current: Loaded | undefined;
  #own: ServerCase | undefined;

  constructor(options: CaseFilesOptions, own?: ServerCase) {
    this.#options = options;
    this.revision = options.revision;
    this.opens = options.opens;
    this.#own = own;
  }

  /** What a case that has its mount for itself answers to INIT; undefined: the ordinary reply. */
  answerInit(request: Request): Answer | undefined {
    return this.#own && this.#use(this.#own).script.answer(request, undefined);
  }

  answer(request: Request): Answer {
    if (request.nodeid === FUSE_ROOT_ID && request.name === 'LOOKUP') {
      const name = request.names[0]!;
      if (name === barrierName) return fail(errno.ENOENT);
      const target = parseFileName(name);
      if (target) {
        const loaded = this.#load(target.serial);
        const scripted = loaded?.script.answer(request, target.file);
        if (scripted) return scripted;
      }
      return ordinaryAnswer(this, request);
    }
    if (this.#own && !this.#current) this.#use(this.#own);
    const target = parseNodeid(request.nodeid);
    const loaded = this.#current;
    if (loaded && (target ? target.serial === loaded.case.serial : loaded.case === this.#own)) {
      const scripted = loaded.script.answer(request, target?.file);
      if (scripted) return scripted;
    }
    if (request.name === 'IOMAP_CONFIG' && this.#options.config)
      return encodeCaseReply(this.revision, this.#options.cookies(), this.#options.config);
    return ordinaryAnswer(this, request);
  }

  find(nodeid: bigint): Inode | undefined {
    if (nodeid === FUSE_ROOT_ID) return this.#root;
    const target = parseNodeid(nodeid);
    if (!target || target.serial !== this.#current?.case.serial) return undefined;
    return this.#current.inodes[target.file];
  }

  lookup(parent: Inode, name: string): Inode | undefined {
    const target = parent === this.#root ? parseFileName(name) : undefined;
    return target && this.#load(target.serial)?.inodes[target.file];
  }

  create(): Inode {
    throw new Error('case workloads create no files');
  }

  read(node: Inode, offset: bigint, length: number): Uint8Array {
    const out = Buffer.allocUnsafe(length);
    this.#options.native.fillPattern(out, 0, length, serverOwner, parseNodeid(node.nodeid)?.file ?? 0, offset);
    return out;
  }

  #notify({ serial, files }: ServerCase, line: number, notifications: readonly Notification[], signal: boolean): void {
    const context = {
      revision: this.revision,
      cookies: this.#options.cookies(),
      nodeids: files.map((_, file) => nodeidOf(serial, file)),
    };
    this.#options.notify(
      line,
      notifications.map((notification) => encodeCaseNotification(context, notification, this.#options.native)),
      signal,
    );
  }

  #load(serial: number): Loaded | undefined {
    if (this.#current?.case.serial === serial) return this.#current;
    if (!this.#posted.has(serial)) for (const next of this.#options.fetch()) this.#posted.set(next.serial, next);
    const wanted = this.#posted.get(serial);
    if (!wanted) return undefined;
    this.#posted.delete(serial);
    return this.#use(wanted);
  }

  #use(wanted: ServerCase): Loaded {
    const { revision } = this;
    const inodes = wanted.files.map((file, index) => {
      const nodeid = nodeidOf(wanted.serial, index);
      return inode(nodeid, inoOf(nodeid), S_IFREG | 0o644, {
        sizeBytes: file.sizeBytes,
        openFlags: file.directIo ? OPEN_REPLY.DIRECT_IO : 0,
        attrFlags: file.attrFlags.reduce((sum, name) => sum | (revision.attrFlags[name] ?? 0), 0),
      });
    });
    this.#current = {
      case: wanted,
      script: new Script(
        revision,
        this.#options.cookies,
        (request) => ordinaryAnswer(this, request),
        wanted.script,
        (line, notifications, signal) => {
          this.#notify(wanted, line, notifications, signal);
        },
      ),
      inodes,
    };
    return this.#current;
  }
}
