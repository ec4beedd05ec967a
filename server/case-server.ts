/**
 * The server of one case, without a connection: requests in, answers out. It remembers the sizes of files and how often
 * each line of the script has answered. The guest's server, the oracle's prediction and what the host compiles for the
 * addon answer by it; the addon (harness/native/src/table-server.cc) and emitted programs (reproducers/c) do in their
 * languages what it does (differential.test.ts holds them against each other).
 */
import type { Case, Reply } from '../model/case.ts';
import { inoOf, nodeidOf, parseFileName, parseNodeid } from '../model/nodes.ts';
import { FUSE_ROOT_ID, OPEN_REPLY } from '../uapi/fuse-flags.ts';
import type { Request } from '../uapi/fuse-wire.ts';
import type { Revision } from '../uapi/revision.ts';
import type { Answer } from './answer.ts';
import type { FileSystem } from './file-system.ts';
import { inode, S_IFDIR, S_IFREG, type Inode } from './inode.ts';
import { cookieOf, type Cookies } from './mapping.ts';
import { ordinaryAnswer } from './ordinary.ts';
import { encodeReply } from './reply.ts';
import { Script } from './script.ts';

export interface CaseServerOptions {
  readonly revision: Revision;
  /** Answer OPEN: without it the kernel stops sending OPEN, RELEASE and FLUSH. */
  readonly opens: boolean;
  readonly files: Case['geometry']['files'];
  readonly script: Case['script'];
  /** The geometry's answer to IOMAP_CONFIG. */
  readonly config: Reply | undefined;
  /** Of the cases of a mount: part of node ids and names. */
  readonly serial: number;
  /** Asked when a line that names a device answers: devices are registered after the mount. */
  readonly cookies: () => Cookies;
  /** What the server has for the file. */
  readonly read: (file: number, offset: bigint, lengthBytes: number) => Uint8Array;
}

export interface Served {
  readonly answer: Answer;
  /** Index of the script's line that answered: what it has `before` its answer goes out first. */
  readonly line?: number;
}

export class CaseServer implements FileSystem {
  readonly revision: Revision;
  readonly opens: boolean;
  readonly serial: number;
  readonly #options: CaseServerOptions;
  readonly #script: Script;
  readonly #root = inode(FUSE_ROOT_ID, FUSE_ROOT_ID, S_IFDIR | 0o755);
  readonly #inodes: readonly Inode[];
  /** Answers of lines that are the same each time. */
  readonly #encoded = new Map<number, Answer>();

  constructor(options: CaseServerOptions) {
    const { revision, opens, serial, files, script } = options;
    this.#options = options;
    this.revision = revision;
    this.opens = opens;
    this.serial = serial;
    this.#script = new Script(script);
    this.#inodes = files.map((file, index) => {
      const nodeid = nodeidOf(serial, index);
      return inode(nodeid, inoOf(nodeid), S_IFREG | 0o644, {
        sizeBytes: file.sizeBytes,
        openFlags: file.directIo ? OPEN_REPLY.DIRECT_IO : 0,
        attrFlags: file.attrFlags.reduce((sum, name) => sum | (revision.attrFlags[name] ?? 0), 0),
      });
    });
  }

  answer(request: Request): Served {
    const line = this.#script.take(request, this.#fileOf(request));
    if (line !== undefined) return { line, answer: this.#lineAnswer(line, request) };
    const { config } = this.#options;
    if (request.name === 'IOMAP_CONFIG' && config) return { answer: this.#encode(config, request) };
    return { answer: ordinaryAnswer(this, request) };
  }

  /** What a line of the script answers to INIT; undefined: there is none. */
  answerInit(request: Request): Served | undefined {
    const line = this.#script.take(request, undefined);
    return line === undefined ? undefined : { line, answer: this.#lineAnswer(line, request) };
  }

  find(nodeid: bigint): Inode | undefined {
    if (nodeid === FUSE_ROOT_ID) return this.#root;
    const target = parseNodeid(nodeid);
    return target?.serial === this.serial ? this.#inodes[target.file] : undefined;
  }

  lookup(parent: Inode, name: string): Inode | undefined {
    const target = parent === this.#root ? parseFileName(name) : undefined;
    return target?.serial === this.serial ? this.#inodes[target.file] : undefined;
  }

  create(): Inode {
    throw new Error('case workloads create no files');
  }

  read(node: Inode, offset: bigint, lengthBytes: number): Uint8Array {
    return this.#options.read(parseNodeid(node.nodeid)?.file ?? 0, offset, lengthBytes);
  }

  /** Which of the case's files the request is about. */
  #fileOf({ name, nodeid, names }: Request): number | undefined {
    const target = nodeid === FUSE_ROOT_ID && name === 'LOOKUP' ? parseFileName(names[0] ?? '') : parseNodeid(nodeid);
    return target?.serial === this.serial ? target.file : undefined;
  }

  #lineAnswer(line: number, request: Request): Answer {
    const { reply } = this.#script.lines[line]!;
    if (reply.kind === 'attributes') return this.#encode(reply, request);
    let answer = this.#encoded.get(line);
    if (!answer) this.#encoded.set(line, (answer = this.#encode(reply, request)));
    return answer;
  }

  #encode(reply: Reply, request: Request): Answer {
    return encodeReply(
      this.revision,
      reply,
      (device) => cookieOf(this.#options.cookies(), device),
      () => ordinaryAnswer(this, request),
    );
  }
}
