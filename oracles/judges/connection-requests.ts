/** Requests about the connection and about open files: what is true of them whatever the case is about. */
import type { Case } from '../../model/case.ts';
import type { Exchange, Observation } from '../../model/observation.ts';
import type { Deviation } from '../deviation.ts';
import { createOut, openOut } from '../../uapi/fuse-structs.ts';
import { allFlags, type Revision } from '../../uapi/revision.ts';

const rule = 'request/config',
  aspect = 'request';

/** docs/spec/uapi.md#negotiation */
/** Besides the flags, all that the revision has. */
const CONFIG = { maxbytes: (1n << 63n) - 1n, cacheMaxbytes: 262_144n } as const;

/** What may be asked before CONFIG is answered: nobody waits for these. */
const WAITS_FOR_NOTHING: ReadonlySet<string> = new Set([
  'INIT',
  'IOMAP_CONFIG',
  'FORGET',
  'BATCH_FORGET',
  'INTERRUPT',
  'DESTROY',
]);

/** CONFIG of a connection with iomap whose INIT is among the requests, oldest first. */
export function judgeConfig(ordered: readonly Exchange[], { configFlags }: Revision): Deviation[] {
  if (!ordered.some(({ name }) => name === 'INIT')) return [];
  const configs = ordered.filter(({ name }) => name === 'IOMAP_CONFIG');
  const [config, second] = configs;
  const first = ordered.find(({ name }) => !WAITS_FOR_NOTHING.has(name));
  if (first && (!config || first.seq < config.seq)) {
    return [
      {
        rule,
        aspect,
        expected: 'IOMAP_CONFIG, before any other request',
        seen: first.name,
        facts: { request: 'IOMAP_CONFIG', differs: 'missing' },
      },
    ];
  }
  if (!config) return [];
  if (second)
    return [
      {
        rule,
        aspect,
        expected: 'one IOMAP_CONFIG',
        seen: `${configs.length} of them`,
        facts: { request: 'IOMAP_CONFIG', differs: 'extra' },
      },
    ];
  const wrong = Object.entries({ nodeid: 0n, flags: BigInt(allFlags(configFlags)), ...CONFIG }).flatMap(
    ([name, value]) => {
      const is = name === 'nodeid' ? config.nodeid : config.request[name];
      return is === undefined || BigInt(is as bigint | number) === value
        ? []
        : [{ name, expected: `0x${value.toString(16)}`, seen: `0x${BigInt(is as bigint | number).toString(16)}` }];
    },
  );
  return wrong.length === 0
    ? []
    : [
        {
          rule,
          aspect,
          expected: `IOMAP_CONFIG with ${wrong.map((one) => `${one.name} ${one.expected}`).join(', ')}`,
          seen: wrong.map((one) => `${one.name} ${one.seen}`).join(', '),
          facts: { request: 'IOMAP_CONFIG', differs: 'fields', fields: wrong },
        },
      ];
}

/** Fields that name an open file to the server: what it answered to OPEN. */
const HANDLES: Readonly<Record<string, readonly string[]>> = {
  FSYNC: ['fh'],
  FALLOCATE: ['fh'],
  LSEEK: ['fh'],
  FLUSH: ['fh'],
  RELEASE: ['fh'],
  COPY_FILE_RANGE: ['fhIn', 'fhOut'],
  COPY_FILE_RANGE_64: ['fhIn', 'fhOut'],
};

/** The handle in an answer that opens a file. */
function handleIn(name: string, payload: Uint8Array = new Uint8Array()): bigint[] {
  const bytes = Buffer.from(payload);
  if (['OPEN', 'OPENDIR'].includes(name) && bytes.length === openOut.size) return [openOut.decode(bytes).fh];
  return ['CREATE', 'TMPFILE'].includes(name) && bytes.length === createOut.size
    ? [createOut.decode(bytes).open.fh]
    : [];
}

/** Requests about one file that name another, or an open file that the server never heard of. */
export function judgeHandles(testCase: Case, { transcript }: Observation): Deviation[] {
  const known = new Set([0n, ...transcript.flatMap(({ name, reply }) => handleIn(name, reply?.payload))]);
  return transcript.flatMap(({ name, request, step }): Deviation[] => {
    const wrong = (HANDLES[name] ?? []).flatMap((field) => {
      const value = request[field];
      return typeof value !== 'bigint' || known.has(value)
        ? []
        : [{ name: field, expected: 'one that the server has given', seen: `0x${value.toString(16)}` }];
    });
    const target = step === undefined ? undefined : targetOf(testCase, step);
    const nodeid =
      target === undefined ? undefined : transcript.find((one) => one.name === 'OPEN' && one.file === target)?.nodeid;
    const out = request['nodeidOut'];
    if (name.startsWith('COPY_FILE_RANGE') && nodeid !== undefined && typeof out === 'bigint' && out !== nodeid) {
      wrong.push({ name: 'nodeid_out', expected: `0x${nodeid.toString(16)}`, seen: `0x${out.toString(16)}` });
    }
    return wrong.length === 0
      ? []
      : [
          {
            rule: 'request/ordinary',
            aspect,
            expected: `${name} with ${wrong.map((one) => `${one.name} ${one.expected}`).join(', ')}`,
            seen: `${name} with ${wrong.map((one) => `${one.name} ${one.seen}`).join(', ')}`,
            ...(step !== undefined && step < testCase.workload.length && { step }),
            facts: { request: name, differs: 'fields', fields: wrong },
          },
        ];
  });
}

/** The file that a copy writes. */
function targetOf({ workload }: Case, step: number): number | undefined {
  const call = workload[step];
  if (call?.call !== 'copyFileRange') return undefined;
  const open = workload.filter((one) => one.call === 'open')[call.fd];
  return open?.file;
}
