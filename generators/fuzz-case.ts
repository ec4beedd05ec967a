/** Fuzzed cases: one operation in question, sometimes more syscalls around it, on the files of one mount. */
import fc from 'fast-check';
import type { Case, Geometry, ScriptLine, Step } from '../model/case.ts';
import { fuzzOp, isBackedReply, type FuzzOp, type FuzzOpConstraints } from './fuzz-op.ts';
import type { FuzzGeometry } from './fuzz-geometry.ts';
import { isBackedType } from './mapping.ts';
import { configOf, pureOverwrite, type PlannedCase } from './reply-case.ts';
import { campaignPaths, stretch, type Path } from './setting.ts';

export interface FuzzCaseConstraints extends FuzzOpConstraints {
  /** Valid operations on further files: weights of none, one and two. Default: 13, 2, 1. */
  moreOps?: readonly [none: number, one: number, two: number];
  /** Paths of those. Default: all that the revision has. */
  morePaths?: readonly Path[];
}

/** What else is asked of the file of the operation in question before it is closed. */
type FollowUp = 'none' | 'fstat' | 'read-back';

export function fuzzCase(constraints: FuzzCaseConstraints): fc.Arbitrary<PlannedCase> {
  const { revision, geometry, moreOps: [none, one, two] = [13, 2, 1], morePaths = campaignPaths } = constraints;
  const possible = morePaths.filter((path) => path !== 'direct-write' || revision.ioctls.BACKING_OPEN !== undefined);
  const more = fc.oneof(
    ...possible.map((path) => fuzzOp({ revision, geometry, path, wrongFields: [1, 0, 0], maxBefore: 1 })),
  );
  return fc
    .record({
      op: fuzzOp(constraints),
      more: fc.oneof(
        { withCrossShrink: true },
        { weight: none, arbitrary: fc.constant<FuzzOp[]>([]) },
        { weight: one, arbitrary: fc.tuple(more) },
        { weight: two, arbitrary: fc.tuple(more, more) },
      ),
      last: fc.boolean(),
      followUp: fc.oneof(
        { withCrossShrink: true },
        { weight: 14, arbitrary: fc.constant<FollowUp>('none') },
        { weight: 2, arbitrary: fc.constantFrom<FollowUp>('fstat', 'read-back') },
      ),
    })
    .map(({ op, more: others, last, followUp }) => {
      const main = { ...op, case: followed(op, followUp, revision.opFlags) };
      const ops = last ? [...others, main] : [main, ...others];
      return {
        case: joined(
          ops.map((item) => item.case),
          geometry,
          revision.ioctls.BACKING_OPEN !== undefined,
        ),
        note: ops.map(({ note }) => note).join(' + '),
      };
    });
}

function followed(op: FuzzOp, followUp: FollowUp, opFlags: Readonly<Record<'WRITE' | 'REPORT', number>>): Case {
  const { workload, script } = op.case;
  const before = (step: Step): Step[] => [...workload.slice(0, -1), step, ...workload.slice(-1)];
  if (followUp === 'none') return op.case;
  if (followUp === 'fstat' || op.setting.path !== 'direct-write' || !isBackedReply(op.mappings))
    return { ...op.case, workload: before({ call: 'fstat', fd: 0 }) };
  // What was written is asked for again, and the server has taken note of the write.
  const { read, write } = op.mappings;
  const acted = isBackedType(write.type) ? write : read;
  const { start, end } = stretch(op.setting);
  const line: ScriptLine = {
    on: 'IOMAP_BEGIN',
    file: 0,
    opflagsClear: (opFlags.WRITE | opFlags.REPORT) >>> 0,
    reply: {
      kind: 'mappings',
      read: { ...acted, type: 'MAPPED', flags: [] },
      write: pureOverwrite(acted.offset, acted.length),
    },
  };
  return {
    ...op.case,
    script: [line, ...script],
    workload: before({ call: 'pread', fd: 0, offset: start, lengthBytes: Number(end - start) }),
  };
}

/** One case of several: each keeps a file of its own, the mount is `geometry`. */
function joined(
  cases: readonly Case[],
  { blockSize, maxBytes, devices, mount, debugIomap }: FuzzGeometry,
  hasDevices: boolean,
): Case {
  const [first] = cases as [Case, ...Case[]];
  const config = hasDevices ? configOf({ blockSize, ...(maxBytes !== undefined && { maxBytes }) }) : undefined;
  const geometry: Geometry = {
    mount,
    ...(config && { config }),
    devices: hasDevices ? [...devices] : [],
    files: cases.flatMap((one) => one.geometry.files),
  };
  return {
    ...first,
    geometry,
    debugIomap,
    script: cases.flatMap((one, file) => one.script.map((line) => ({ ...line, file }))),
    workload: cases.flatMap((one, file) =>
      one.workload.map((step): Step =>
        step.call === 'open'
          ? { ...step, file }
          : 'from' in step
            ? { ...step, fd: file, from: file }
            : 'fd' in step
              ? { ...step, fd: file }
              : step,
      ),
    ),
  };
}
