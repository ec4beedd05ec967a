/** Messages from the workload's thread to the server's thread. */
import type { Case, Geometry } from '../../../model/case.ts';
import type { Numbers } from '../../../uapi/numbers.ts';
import type { RevisionId } from '../../../uapi/revision.ts';

/** One case as the server needs it. */
export interface ServerCase {
  serial: number;
  files: Geometry['files'];
  script: Case['script'];
}

export interface SessionStart {
  kind: 'session';
  /** Open /dev/fuse, shared by both threads. */
  fd: number;
  revision: RevisionId;
  /** Of the kernel; absent: those of the revision. */
  numbers?: Numbers;
  /** `files` are those of each case. */
  geometry: Omit<Geometry, 'files'>;
  /** Open fds of the devices, in the geometry's order. */
  devices: number[];
  opens: boolean;
  /** The process that holds /dev/fuse besides this one, for a case that kills it. */
  holder?: number;
  /** A case that has this session for itself: its script also answers what is about the connection. */
  own?: ServerCase;
}

export type ToServer = SessionStart | { kind: 'cases'; cases: ServerCase[] };

export interface ServerThreadData {
  addon: string;
  words: SharedArrayBuffer;
  log: SharedArrayBuffer;
}
