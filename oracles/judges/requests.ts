/**
 * Judges requests wherever they stand: what must hold of each, whatever the syscall. Their place and content is judged
 * by the model.
 */
import type { Case } from '../../model/case.ts';
import type { Exchange, Observation } from '../../model/observation.ts';
import type { Deviation } from '../deviation.ts';
import { notificationsOf } from '../../model/case-traits.ts';
import { ordinaryCalls } from '../../model/ordinary-calls.ts';
import { SETATTR_VALID } from '../../uapi/fuse-flags.ts';
import type { Revision } from '../../uapi/revision.ts';
import { judgeConfig } from './connection-requests.ts';
import { judgeNamedNodes } from './named-nodes.ts';
import { headerFault } from '../kernel/answer.ts';
import { isReserved } from '../kernel/driver.ts';
import { connectionHasIomap } from '../kernel/init-reply.ts';
import type { Expectation } from '../kernel/expectation.ts';
import { errnos } from '../../uapi/errno.ts';

/**
 * These wait in a queue of their own: a server may read one behind what was asked later (Linux, fs/fuse/dev.c,
 * fuse_dev_do_read).
 */
const OUT_OF_ORDER: ReadonlySet<string> = new Set(['FORGET', 'BATCH_FORGET']);

export function judgeRequests(
  testCase: Case,
  seen: Observation,
  expectation: Expectation,
  revision: Revision,
): Deviation[] {
  const deviations: Deviation[] = [];
  const ordered = [...seen.transcript].sort((a, b) => a.seq - b.seq);
  const destroy = ordered.findIndex((exchange) => exchange.name === 'DESTROY');
  const late = destroy < 0 ? undefined : ordered.slice(destroy + 1).find(({ name }) => !OUT_OF_ORDER.has(name));
  if (late)
    deviations.push({
      rule: 'request/after-destroy',
      aspect: 'request',
      expected: 'no request after DESTROY',
      seen: late.name,
      facts: { request: late.name, differs: 'extra' },
    });
  for (const { name, request, step } of ordered) {
    for (const [field, value] of Object.entries(request)) {
      // What INIT does not use here is where a newer protocol has its new fields.
      if (!isReserved(field) || name === 'INIT') continue;
      const zero =
        value instanceof Uint8Array
          ? value.every((byte) => byte === 0)
          : value === undefined || BigInt(value as bigint | number) === 0n;
      if (!zero) {
        deviations.push({
          rule: 'request/reserved',
          aspect: 'request',
          expected: `${name}.${field} is 0`,
          seen: String(value),
          ...(step !== undefined && step < testCase.workload.length && { step }),
          facts: { request: name, differs: 'fields', fields: [{ name: field, expected: '0', seen: String(value) }] },
        });
      }
    }
  }
  const config = isInitialised(testCase, expectation, revision) ? judgeConfig(ordered, revision) : [];
  return [
    ...deviations,
    ...config,
    ...judgeNamedNodes(testCase, seen),
    ...judgeUnasked(testCase, ordered),
    ...judgeUnmount(testCase, seen, expectation, revision, ordered),
  ];
}

const CHANGES_NAMES: ReadonlySet<string> = new Set([
  'SYMLINK',
  'MKNOD',
  'MKDIR',
  'UNLINK',
  'RMDIR',
  'RENAME',
  'RENAME2',
  'LINK',
  'SETXATTR',
  'REMOVEXATTR',
  'CREATE',
  'TMPFILE',
]);
const CHANGES_OWNERSHIP = SETATTR_VALID.MODE | SETATTR_VALID.UID | SETATTR_VALID.GID;

/**
 * No file is made, removed, renamed, or given to somebody else by I/O. Which requests a call that does such things
 * leads to is another matter.
 */
function judgeUnasked(testCase: Case, ordered: readonly Exchange[]): Deviation[] {
  if (testCase.workload.some((step) => step.call === 'ordinary' && CHANGES_NAMES.has(ordinaryCalls[step.syscall])))
    return [];
  const retrieves = notificationsOf(testCase).some(({ kind }) => kind === 'retrieve');
  return ordered.flatMap(({ name, request, step, seq }): Deviation[] => {
    const again =
      (name === 'NOTIFY_REPLY' && !retrieves) ||
      (name === 'INIT' && ordered.some((other) => other.name === 'INIT' && other.seq < seq));
    const what =
      CHANGES_NAMES.has(name) || again
        ? name
        : name === 'SETATTR' && (Number(request['valid'] ?? 0) & CHANGES_OWNERSHIP) !== 0
          ? 'SETATTR of mode or owner'
          : undefined;
    return what === undefined
      ? []
      : [
          {
            rule: 'request/none',
            aspect: 'request',
            expected: `no ${what}: no call of the case leads to it`,
            seen: what,
            ...(step !== undefined && step < testCase.workload.length && { step }),
            facts: { request: name, differs: 'extra' },
          },
        ];
  });
}

/** The connection has iomap, and its server answered CONFIG as it should. */
const isInitialised = (testCase: Case, expectation: Expectation, revision: Revision): boolean =>
  connectionHasIomap(testCase, revision) &&
  revision.opcodes.IOMAP_CONFIG !== undefined &&
  ![...expectation.steps, ...expectation.refusals, expectation.mount].some(
    ({ rule }) => rule.startsWith('config/') || rule === 'init/refused',
  );

/** The last requests of a mount that was removed while its server was there. */
function judgeUnmount(
  testCase: Case,
  seen: Observation,
  expectation: Expectation,
  revision: Revision,
  ordered: readonly Exchange[],
): Deviation[] {
  if (seen.unmountErrno !== 0 || !isInitialised(testCase, expectation, revision) || ordered.some(({ ended }) => ended))
    return [];
  const rule = 'unmount/requests',
    aspect = 'request';
  const destroys = ordered.filter(({ name }) => name === 'DESTROY').length;
  if (destroys !== 1) {
    return [
      {
        rule,
        aspect,
        expected: 'one DESTROY',
        seen: destroys === 0 ? 'none' : `${destroys} of them`,
        facts: { request: 'DESTROY', differs: destroys === 0 ? 'missing' : 'extra' },
      },
    ];
  }
  const syncs = ordered.filter(({ name }) => name === 'SYNCFS');
  const lacked = syncs.findIndex(
    ({ reply }) => reply !== undefined && headerFault(reply) === undefined && reply.error === -errnos.ENOSYS,
  );
  const last = syncs.some(({ step }) => step === undefined || step >= testCase.workload.length);
  if (lacked >= 0 && lacked < syncs.length - 1)
    return [
      {
        rule,
        aspect,
        expected: 'no SYNCFS after one that was answered with ENOSYS',
        seen: 'another one',
        facts: { request: 'SYNCFS', differs: 'extra' },
      },
    ];
  return lacked >= 0 || last
    ? []
    : [
        {
          rule,
          aspect,
          expected: 'SYNCFS before DESTROY',
          seen: 'none',
          facts: { request: 'SYNCFS', differs: 'missing' },
        },
      ];
}
