/** Between the agent's first thread and the one that watches it. */
import type { Numbers } from '../../../uapi/numbers.ts';
import type { RevisionId } from '../../../uapi/revision.ts';

export interface WatchThreadData {
  addon: string;
  /** Of a Progress. */
  progress: SharedArrayBuffer;
  port: { fd: number; lock: SharedArrayBuffer };
  agent: number;
}

/** Sent before each command. */
export interface WatchCommand {
  revision: RevisionId;
  numbers?: Numbers;
  /** Signatures of hangs that are known from earlier cases. */
  hangs: readonly string[];
  /** The server's thread. */
  server: number;
}
