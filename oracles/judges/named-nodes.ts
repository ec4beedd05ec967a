/**
 * Fields of requests that name a node or an open file, besides the node that a request is about. What else requests
 * carry about who asks (owners of locks, the flags of an open file) the protocol leaves to the kernel.
 */
import type { Case } from '../../model/case.ts';
import { nodeidOf, parseNodeid } from '../../model/nodes.ts';
import type { Exchange, Observation } from '../../model/observation.ts';
import { ordinaryCalls } from '../../model/ordinary-calls.ts';
import { errnos } from '../../uapi/errno.ts';
import { SETATTR_VALID } from '../../uapi/fuse-flags.ts';
import { createOut, openOut } from '../../uapi/fuse-structs.ts';
import type { Deviation } from '../deviation.ts';
import { fieldName } from '../kernel/request-text.ts';

type Request = Exchange['request'];
interface WrongField {
  name: string;
  expected: string;
  seen: string;
}

/** A field that names an open file to the server, by what the server answered to OPEN. */
interface Handle {
  field: string;
  /** The field with the node whose open file it is. Default: the node that the request is about. */
  node?: string;
  /** Whether the field counts. Default: always. */
  counts?: (request: Request) => boolean;
  /** 0 where no open file is at hand. */
  optional?: true;
}

const FUSE_GETATTR_FH = 1;
const fh: readonly Handle[] = [{ field: 'fh' }];
const ofAttributes: readonly Handle[] = [
  { field: 'fh', counts: ({ getattrFlags }) => (Number(getattrFlags ?? 0) & FUSE_GETATTR_FH) !== 0 },
];
const ofCopy: readonly Handle[] = [{ field: 'fhIn' }, { field: 'fhOut', node: 'nodeidOut' }];
/** Inline data is read and written for the page cache, which may have no open file. */
const ofData: readonly Handle[] = [{ field: 'fh', optional: true }];
const HANDLES: Readonly<Record<string, readonly Handle[]>> = {
  FSYNC: fh,
  FALLOCATE: fh,
  LSEEK: fh,
  FLUSH: fh,
  RELEASE: fh,
  POLL: fh,
  IOCTL: fh,
  READDIR: fh,
  READDIRPLUS: fh,
  FSYNCDIR: fh,
  RELEASEDIR: fh,
  GETATTR: ofAttributes,
  STATX: ofAttributes,
  SETATTR: [{ field: 'fh', counts: ({ valid }) => (Number(valid ?? 0) & SETATTR_VALID.FH) !== 0 }],
  READ: ofData,
  WRITE: ofData,
  COPY_FILE_RANGE: ofCopy,
  COPY_FILE_RANGE_64: ofCopy,
};

const OPENS: ReadonlySet<string> = new Set(['OPEN', 'OPENDIR']);
const ABOUT_DIRECTORIES: ReadonlySet<string> = new Set(['READDIR', 'READDIRPLUS', 'FSYNCDIR', 'RELEASEDIR']);
/** These open what they make, whose node is in the answer. */
const MAKES: ReadonlySet<string> = new Set(['CREATE', 'TMPFILE']);

/** A handle that the server gave; `node` absent: for a node that it gave with it. */
interface Given {
  seq: number;
  fh: bigint;
  node?: bigint;
}

function givenBy({ name, nodeid, seq, reply }: Exchange): Given[] {
  const payload = Buffer.from(reply?.payload ?? new Uint8Array());
  if (OPENS.has(name) && payload.length === openOut.size)
    return [{ seq, fh: openOut.decode(payload).fh, node: nodeid }];
  return MAKES.has(name) && payload.length === createOut.size ? [{ seq, fh: createOut.decode(payload).open.fh }] : [];
}

/** Requests that name another node than they are about, or an open file that the server never heard of. */
export function judgeNamedNodes(testCase: Case, { transcript }: Observation): Deviation[] {
  const given = transcript.flatMap(givenBy);
  /** A server that answers this with ENOSYS is not asked again, and gives no handles. */
  const lacks = (open: string): boolean =>
    transcript.some(({ name, reply }) => name === open && reply?.error === -errnos.ENOSYS);
  return transcript.flatMap((exchange): Deviation[] => {
    const { name, step } = exchange;
    const wrong = [
      ...(HANDLES[name] ?? []).flatMap((handle) => wrongHandle(exchange, handle, given, lacks)),
      ...wrongNode(testCase, exchange, transcript),
    ];
    if (wrong.length === 0) return [];
    return [
      {
        rule: 'request/ordinary',
        aspect: 'request',
        expected: `${name} with ${wrong.map((one) => `${one.name} ${one.expected}`).join(', ')}`,
        seen: `${name} with ${wrong.map((one) => `${one.name} ${one.seen}`).join(', ')}`,
        ...(step !== undefined && step < testCase.workload.length && { step }),
        facts: { request: name, differs: 'fields', fields: wrong },
      },
    ];
  });
}

function wrongHandle(
  { name, seq, nodeid, request }: Exchange,
  { field, node, counts, optional }: Handle,
  all: readonly Given[],
  lacks: (open: string) => boolean,
): WrongField[] {
  const value = request[field];
  if (typeof value !== 'bigint' || counts?.(request) === false) return [];
  const about = node === undefined ? nodeid : request[node];
  const given = all.filter((one) => one.seq < seq && (one.node === undefined || one.node === about));
  if (given.some((one) => one.fh === value)) return [];
  const isOpened =
    given.some((one) => one.node !== undefined) && !lacks(ABOUT_DIRECTORIES.has(name) ? 'OPENDIR' : 'OPEN');
  if (value === 0n && (optional || !isOpened)) return [];
  return [
    {
      name: fieldName(field),
      expected: 'one that the server has given for that node',
      seen: `0x${value.toString(16)}`,
    },
  ];
}

/** The second node of a request that is about two. */
function wrongNode(testCase: Case, exchange: Exchange, transcript: readonly Exchange[]): WrongField[] {
  const { name, step, request, nodeid } = exchange;
  const call = step === undefined ? undefined : testCase.workload[step];
  const compare = (key: string, field: string, expected: bigint | undefined): WrongField[] => {
    const value = request[key];
    return typeof value !== 'bigint' || expected === undefined || value === expected
      ? []
      : [{ name: field, expected: `0x${expected.toString(16)}`, seen: `0x${value.toString(16)}` }];
  };
  if (name === 'COPY_FILE_RANGE' || name === 'COPY_FILE_RANGE_64') {
    const opens = testCase.workload.filter((one) => one.call === 'open');
    const target = call?.call === 'copyFileRange' ? opens[call.fd]?.file : undefined;
    return compare('nodeidOut', 'nodeid_out', target === undefined ? undefined : nodeOf(testCase, target, transcript));
  }
  const asks = call?.call === 'ordinary' && ordinaryCalls[call.syscall] === name ? call : undefined;
  if (!asks) return [];
  if (name === 'LINK') return compare('oldnodeid', 'oldnodeid', nodeOf(testCase, asks.file, transcript));
  // Old and new name are in one directory.
  return name === 'RENAME' || name === 'RENAME2' ? compare('newdir', 'newdir', nodeid) : [];
}

/** The node id of a case's file: that of another request about it, or what the server makes of its number. */
function nodeOf({ script }: Case, file: number, transcript: readonly Exchange[]): bigint | undefined {
  // An entry that the case makes up has any node.
  if (script.some(({ on, reply }) => on === 'LOOKUP' && reply.kind === 'raw')) return undefined;
  const about = transcript.find((one) => one.file === file);
  if (about) return about.nodeid;
  const serial = transcript.map(({ nodeid }) => parseNodeid(nodeid)?.serial).find((one) => one !== undefined);
  return serial === undefined ? undefined : nodeidOf(serial, file);
}
