/**
 * The file system that case files live in: flat, one case after the other, each with its server from the moment when
 * the kernel looks up a file of it.
 */
import { nodeidOf, parseFileName, parseNodeid } from '../../../model/nodes.ts';
import type { Native } from '../../native/index.ts';
import { errnos } from '../../../uapi/errno.ts';
import { FUSE_ROOT_ID } from '../../../uapi/fuse-flags.ts';
import type { Request } from '../../../uapi/fuse-wire.ts';
import { fail, type Answer } from '../../../server/answer.ts';
import { CaseServer, type CaseServerOptions, type Served } from '../../../server/case-server.ts';
import type { ServerCase } from './messages.ts';
import { notificationFacts, notificationOf, serverData } from './notification.ts';
import { barrierName } from './shared.ts';

export interface CaseFilesOptions extends Pick<CaseServerOptions, 'revision' | 'opens' | 'config' | 'cookies'> {
  native: Native;
  /** Fetches what the workload's thread has posted since. */
  fetch: () => readonly ServerCase[];
  /** Writes these to /dev/fuse and notes what came of it. */
  notify: (line: number, messages: readonly Buffer[], signal: boolean) => void;
}

interface Loaded {
  readonly case: ServerCase;
  readonly server: CaseServer;
}

/** No case has it: names and node ids of its files are nobody's. */
const noSerial = -1;

export class CaseFiles {
  readonly #options: CaseFilesOptions;
  readonly #posted = new Map<number, ServerCase>();
  /** Answers what is about no case. */
  readonly #rest: CaseServer;
  #current: Loaded | undefined;
  #own: ServerCase | undefined;

  /** `own`: the case that has the mount for itself. Its script also answers what is about the connection. */
  constructor(options: CaseFilesOptions, own?: ServerCase) {
    this.#options = options;
    this.#own = own;
    this.#rest = this.#serverOf({ serial: noSerial, files: [], script: [] });
  }

  /** What a case that has its mount for itself answers to INIT; undefined: the ordinary reply. */
  answerInit(request: Request): Answer | undefined {
    if (!this.#own) return undefined;
    const loaded = this.#use(this.#own);
    const served = loaded.server.answerInit(request);
    return served && this.#sent(loaded, served);
  }

  answer(request: Request): Answer {
    if (this.#own && !this.#current) this.#use(this.#own);
    const loaded = this.#caseOf(request);
    if (loaded) return this.#sent(loaded, loaded.server.answer(request));
    if (request.names[0] === barrierName) return fail(errnos.ENOENT);
    return this.#rest.answer(request).answer;
  }

  /** The case that the request is about; its server is the current one then. */
  #caseOf(request: Request): Loaded | undefined {
    if (request.nodeid === FUSE_ROOT_ID && request.name === 'LOOKUP') {
      const target = parseFileName(request.names[0]!);
      return target && this.#load(target.serial);
    }
    const target = parseNodeid(request.nodeid);
    const loaded = this.#current;
    const isIts = loaded && (target ? target.serial === loaded.case.serial : loaded.case === this.#own);
    return isIts ? loaded : undefined;
  }

  /** What the script's line has `before` its answer goes out. */
  #sent({ case: { serial, files, script } }: Loaded, { line, answer }: Served): Answer {
    if (line === undefined) return answer;
    const { before = [], signal = false } = script[line]!;
    if (before.length === 0 && !signal) return answer;
    const { native, revision, cookies, notify } = this.#options;
    const facts = notificationFacts(
      native,
      cookies(),
      files.map((_, file) => nodeidOf(serial, file)),
    );
    notify(
      line,
      before.map((notification) => notificationOf(revision, notification, facts)),
      signal,
    );
    return answer;
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
    this.#current = { case: wanted, server: this.#serverOf(wanted) };
    return this.#current;
  }

  #serverOf({ serial, files, script }: ServerCase): CaseServer {
    const { revision, opens, config, cookies, native } = this.#options;
    return new CaseServer({
      revision,
      opens,
      config,
      cookies,
      serial,
      files,
      script,
      read: (file, offset, lengthBytes) => serverData(native, file, offset, lengthBytes),
    });
  }
}
