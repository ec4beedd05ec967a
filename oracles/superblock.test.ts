import { expect, test } from '@playwright/test';
import type { Step } from '../model/case.ts';
import type { Exchange, Observation, StepResult } from '../model/observation.ts';
import { judge } from './judge.ts';
import {
  beginExchange,
  failed,
  madeCase,
  mapped,
  observed,
  other,
  overwrite,
  writer,
  deviates,
} from './testing/hand-made.ts';

const done: StepResult = { ret: 0n, errno: 0 };
const EIO = 5,
  EBUSY = 16,
  EINVAL = 22,
  ENOSYS = 38,
  ENOTCONN = 107;
type Made = ReturnType<typeof other>;
/** Arrived while step `step` ran; open is step 0. */
const at = (step: number, parts: Made): Made => ({ ...parts, step });
const answered = (name: string, error: number): Made => ({
  ...other(name),
  reply: { error, payload: new Uint8Array() },
});
const freeze: Step = { call: 'freeze', fd: 0 },
  thaw: Step = { call: 'thaw', fd: 0 };

test.describe('freeze and thaw', () => {
  const testCase = madeCase([freeze, thaw]);
  const seen = (...exchanges: Made[]) => deviates(judge(testCase, observed({ exchanges, results: [done, done] })));
  const sync = at(1, other('SYNCFS')),
    frozen = at(1, other('FREEZE_FS')),
    thawed = at(2, other('UNFREEZE_FS'));
  test('conform with SYNCFS, FREEZE_FS and UNFREEZE_FS in this order', () => {
    expect(seen(sync, frozen, thawed)).toEqual(['conforms']);
    // sync(2) and umount(2) are asked for, too.
    expect(seen(sync, frozen, thawed, at(3, other('SYNCFS')))).toEqual(['conforms']);
  });
  test('deviate when one of them is missing, late or twice', () => {
    expect(seen(frozen, thawed)).toContain('syncfs/request request');
    expect(seen(frozen, sync, thawed)).toContain('syncfs/request request');
    expect(seen(sync, thawed)).toContain('freeze/request request');
    expect(seen(sync, frozen)).toContain('thaw/request request');
    expect(seen(sync, frozen, thawed, thawed)).toContain('request/none request');
  });
});

test.describe('answers to freeze and thaw', () => {
  const verdictOf = (steps: Step[], results: StepResult[], ...exchanges: Made[]) =>
    deviates(judge(madeCase(steps), observed({ exchanges, results })));
  const sync = at(1, other('SYNCFS'));
  test('an error is the result, and nothing is frozen', () => {
    const refused = [sync, at(1, answered('FREEZE_FS', -EIO))];
    expect(verdictOf([freeze, thaw], [failed(EIO), failed(EINVAL)], ...refused)).toEqual(['conforms']);
    expect(verdictOf([freeze, thaw], [done, failed(EINVAL)], ...refused)).toContain('freeze/error errno');
    expect(verdictOf([freeze, thaw], [failed(EIO), done], ...refused)).toContain('freeze/state errno');
    expect(verdictOf([freeze], [failed(EIO)], at(1, answered('SYNCFS', -EIO)))).toEqual(['conforms']);
    // Nobody is told to freeze what could not be synced.
    expect(verdictOf([freeze], [failed(EIO)], at(1, answered('SYNCFS', -EIO)), at(1, other('FREEZE_FS')))).toContain(
      'request/none request',
    );
  });
  test('an error of UNFREEZE_FS leaves it frozen', () => {
    const steps = [freeze, thaw, freeze, thaw];
    const frozen = [sync, at(1, other('FREEZE_FS')), at(2, answered('UNFREEZE_FS', -EIO))];
    expect(verdictOf(steps, [done, failed(EIO), failed(EBUSY), done], ...frozen, at(4, other('UNFREEZE_FS')))).toEqual([
      'conforms',
    ]);
    expect(
      verdictOf(
        steps,
        [done, failed(EIO), done, done],
        ...frozen,
        at(3, other('SYNCFS')),
        at(3, other('FREEZE_FS')),
        at(4, other('UNFREEZE_FS')),
      ),
    ).not.toEqual(['conforms']);
  });
  test('a server without SYNCFS is not asked again', () => {
    const steps = [freeze, thaw, freeze];
    const once = [at(1, answered('SYNCFS', -ENOSYS)), at(1, other('FREEZE_FS')), at(2, other('UNFREEZE_FS'))];
    expect(verdictOf(steps, [done, done, done], ...once, at(3, other('FREEZE_FS')))).toEqual(['conforms']);
    expect(
      verdictOf(steps, [done, done, done], ...once, at(3, other('SYNCFS')), at(3, other('FREEZE_FS'))),
    ).not.toEqual(['conforms']);
  });
  test('when the server is gone, thaw must work and freeze must not', () => {
    const dead: Made = {
      ...at(2, beginExchange(4, 0n, 16384n, mapped(0n, 16384n, 0n), overwrite(0n, 16384n))),
      ended: 'die' as const,
    };
    delete dead.reply;
    const steps: Step[] = [freeze, { call: 'seekHole', fd: 0, offset: 0n }, thaw, freeze];
    const exchanges = [sync, at(1, other('FREEZE_FS')), dead];
    const gone = [done, failed(103)];
    expect(verdictOf(steps, [...gone, done, failed(ENOTCONN)], ...exchanges)).toEqual(['conforms']);
    expect(verdictOf(steps, [...gone, failed(ENOTCONN), failed(ENOTCONN)], ...exchanges)).toContain(
      'thaw/server-gone errno',
    );
  });
});

test.describe('shutdown', () => {
  const verdictOf = (flags: bigint, result: StepResult, error = 0) =>
    deviates(
      judge(
        madeCase([{ call: 'shutdown', fd: 0, flags: 2 }]),
        observed({ exchanges: [{ ...answered('SHUTDOWN_FS', error), request: { flags } }], results: [result] }),
      ),
    );
  test('passes the flags on, and the answer back', () => {
    expect(verdictOf(2n, done)).toEqual(['conforms']);
    expect(verdictOf(2n, failed(EIO), -EIO)).toEqual(['conforms']);
    expect(verdictOf(1n, done)).toContain('shutdown/request request');
    expect(verdictOf(2n, done, -EIO)).toContain('shutdown/error errno');
  });
});

test.describe('the last requests of a mount', () => {
  const testCase = madeCase([]);
  const verdictOf = (unmountErrno: number | undefined, ...exchanges: Made[]): string[] => {
    const seen: Observation = { ...observed({ exchanges }), ...(unmountErrno !== undefined && { unmountErrno }) };
    return deviates(judge(testCase, seen));
  };
  const sync = other('SYNCFS'),
    destroy = other('DESTROY');
  test('are SYNCFS and DESTROY', () => {
    expect(verdictOf(0, sync, destroy)).toEqual(['conforms']);
    // Other cases go on with the mount.
    expect(verdictOf(undefined)).toEqual(['conforms']);
    expect(verdictOf(0, answered('SYNCFS', -EIO), destroy)).toEqual(['conforms']);
    expect(verdictOf(0, at(0, answered('SYNCFS', -ENOSYS)), destroy)).toEqual(['conforms']);
  });
  test('deviate without one of them, with DESTROY twice or not as the last, or with SYNCFS for a server that lacks it', () => {
    expect(verdictOf(0, destroy)).toEqual(['unmount/requests request']);
    expect(verdictOf(0, sync)).toEqual(['unmount/requests request']);
    expect(verdictOf(0, sync, destroy, destroy)).toContain('unmount/requests request');
    expect(verdictOf(0, destroy, sync)).toContain('request/after-destroy request');
    expect(verdictOf(0, at(0, answered('SYNCFS', -ENOSYS)), sync, destroy)).toEqual(['unmount/requests request']);
  });
  test('are not sent to a server that is gone', () => {
    const gone: Partial<Exchange> = { ended: 'die' };
    expect(verdictOf(0, { ...sync, ...gone } as Made)).toEqual(['conforms']);
  });
});

test('a buffered write is on the device before FREEZE_FS', () => {
  const testCase = madeCase(
    [
      { call: 'pwrite', fd: 1, offset: 0n, lengthBytes: 4096, writer: 0 },
      { ...freeze, fd: 1 },
      { ...thaw, fd: 1 },
    ],
    { sizeBytes: 16384n },
  );
  testCase.workload.splice(1, 0, { call: 'open', file: 0, flags: ['rdwr'] });
  const begin = (opflags: number) => beginExchange(opflags, 0n, 4096n, mapped(0n, 16384n, 0n), overwrite(0n, 16384n));
  const changes = [{ device: 0, offsetBytes: 0n, content: [writer(0n, 4096)] }];
  const seen = (exchanges: Made[]) =>
    deviates(judge(testCase, observed({ exchanges, results: [done, { ret: 4096n, errno: 0 }, done, done], changes })));
  const write = at(2, begin(1)),
    writeback = at(3, begin(0x8000_0000));
  const sync = at(3, other('SYNCFS')),
    frozen = at(3, other('FREEZE_FS')),
    thawed = at(4, other('UNFREEZE_FS'));
  expect(seen([write, writeback, sync, frozen, thawed])).toEqual(['conforms']);
  expect(seen([write, sync, frozen, writeback, thawed])).not.toEqual(['conforms']);
});

test.describe('a freeze that is not undone', () => {
  const write: Step = { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 0 };
  const testCase = madeCase([freeze, write]);
  // The guest does not begin the write: it would wait for ever.
  const stopped = (...exchanges: Made[]) =>
    judge(testCase, {
      ...observed({ exchanges: [...exchanges, other('UNFREEZE_FS')], results: [done] }),
      cut: { step: 2, exchanges: 0, why: 'frozen' },
    });
  test('is thawed by the guest, and by nobody before', () => {
    const alone = (...exchanges: Made[]) =>
      deviates(judge(madeCase([freeze]), observed({ exchanges, results: [done] })));
    const frozen = [at(1, other('SYNCFS')), at(1, other('FREEZE_FS'))];
    expect(alone(...frozen, other('UNFREEZE_FS'))).toEqual(['conforms']);
    expect(alone(...frozen, at(1, other('UNFREEZE_FS')))).toEqual(['request/none request']);
    expect(
      deviates(
        judge(
          madeCase([{ call: 'syncfs', fd: 0 }]),
          observed({ exchanges: [at(1, other('SYNCFS')), other('UNFREEZE_FS')], results: [done] }),
        ),
      ),
    ).toEqual(['request/none request']);
  });
  test('is judged, and what comes behind it is not', () => {
    const verdict = stopped(at(1, other('SYNCFS')), at(1, other('FREEZE_FS')));
    expect(verdict).toMatchObject({ kind: 'conforms' });
    expect(verdict.kind === 'conforms' && verdict.unjudged?.[0]?.reason).toBe(
      'it would wait for ever for a thaw, from step 2 on',
    );
  });
  test('deviates where requests or bytes before it are wrong', () => {
    expect(deviates(stopped(at(1, other('FREEZE_FS'))))).toContain('syncfs/request request');
    const changed = judge(testCase, {
      ...observed({
        exchanges: [at(1, other('SYNCFS')), at(1, other('FREEZE_FS')), other('UNFREEZE_FS')],
        results: [done],
        changes: [{ device: 0, offsetBytes: 0n, content: [writer(0n, 4096)] }],
      }),
      cut: { step: 2, exchanges: 0, why: 'frozen' },
    });
    expect(deviates(changed)).toEqual(['device/bytes device-bytes']);
  });
  test('deviates where the freeze had to fail', () => {
    expect(deviates(stopped(at(1, other('SYNCFS')), at(1, answered('FREEZE_FS', -EIO))))).toEqual([
      'freeze/error errno',
    ]);
  });
});
