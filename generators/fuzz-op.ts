/**
 * One operation of a fuzzed case, near-valid by construction: a valid case around one BEGIN reply, in which the rule
 * that is aimed at is violated at its border, and now and then a field more is wrong.
 */
import fc from 'fast-check';
import type { Reply, ScriptLine } from '../model/case.ts';
import type { MappingSpec } from '../model/mapping.ts';
import { NULL_ADDR, type Revision } from '../uapi/revision.ts';
import type { Half } from '../oracles/rules/rule.ts';
import type { ClauseId, RuleId } from '../oracles/rules/rule-id.ts';
import { borderReply, startTypes } from './border-reply.ts';
import { borderValue } from './border-value.ts';
import { borderRowOf } from './broken-map.ts';
import type { FuzzGeometry } from './fuzz-geometry.ts';
import { harmlessFlags, isBackedType, mapping, typesFor } from './mapping.ts';
import {
  otherHalf,
  pureOverwrite,
  repliesBefore,
  replyCase,
  typesOf,
  type Mappings,
  type PlannedCase,
} from './reply-case.ts';
import { PLAIN_ERRNOS, WRONG_BEGIN_SIZES } from './reply-values.ts';
import { isReport, setting, stretch, targetOf, type Path, type Setting } from './setting.ts';
import { LOFF_MAX } from '../uapi/units.ts';

/** A rule that the operation's reply shall violate. */
export interface Aim {
  rule: RuleId;
  half?: Half;
}

export interface FuzzOpConstraints {
  revision: Revision;
  geometry: FuzzGeometry;
  path: Path;
  /** Default: none, the reply is valid. */
  aim?: Aim;
  /**
   * Wrong fields that no rule was aimed at, besides those of the aim: weights of none, one and two. Default: 16, 3, 1.
   */
  wrongFields?: readonly [none: number, one: number, two: number];
  /** Most replies that are served before the one in question. Default: 2. */
  maxBefore?: number;
}

/** An operation as a case of its own: file 0, fd 0. */
export interface FuzzOp extends PlannedCase {
  setting: Setting;
  /** The mappings in question, when the reply has any. */
  mappings?: Mappings;
}

interface Made {
  mappings?: Mappings;
  reply: Reply;
  note: string;
}

const answered = (mappings: Mappings, note: string): Made => ({
  mappings,
  reply: { kind: 'mappings', ...mappings },
  note,
});
const maxBytesOf = (cellSetting: Setting): bigint => cellSetting.maxBytes ?? LOFF_MAX;

export function fuzzOp(constraints: FuzzOpConstraints): fc.Arbitrary<FuzzOp> {
  const { revision, geometry, path, aim, maxBefore = 2 } = constraints;
  const hasDevices = revision.ioctls.BACKING_OPEN !== undefined;
  const row = aim && borderRowOf(aim.rule);
  const surroundings = setting({
    path,
    maxBefore,
    maxBytes: geometry.maxBytes ?? null,
    blockSizes: [geometry.blockSize],
    configurable: revision.opcodes.IOMAP_CONFIG !== undefined,
    // Valid mappings lie on devices that everything can be done with.
    devices: hasDevices ? geometry.devices.filter(({ access }) => access === 'rw') : [],
    ...row?.setting,
  }).map((drawnSetting): Setting => ({
    ...drawnSetting,
    mount: geometry.mount,
    debugIomap: geometry.debugIomap,
    ...(geometry.maxBytes !== undefined && { maxBytes: geometry.maxBytes }),
  }));
  return surroundings.chain((drawnSetting) =>
    fc
      .tuple(
        inQuestion(constraints, drawnSetting),
        repliesBefore(revision, drawnSetting),
        acknowledgements(drawnSetting),
      )
      .map(([parts, before, extra]): FuzzOp => ({
        case: replyCase(revision, drawnSetting, parts.reply, before, { extra }),
        setting: drawnSetting,
        ...(parts.mappings && { mappings: parts.mappings }),
        note: `${path}: ${parts.note}; reply ${drawnSetting.cuts.length}, block size ${drawnSetting.blockSize}`,
      })),
  );
}

function inQuestion(constraints: FuzzOpConstraints, drawnSetting: Setting): fc.Arbitrary<Made> {
  const { aim, wrongFields: [none, one, two] = [16, 3, 1] } = constraints;
  // Shrinking may find that the aim has no part in the deviation.
  const aimed = aim
    ? fc
        .noBias(fc.nat(31))
        .chain((lot) =>
          lot === 0 ? validReply(constraints, drawnSetting) : aimedReply(constraints, aim, drawnSetting),
        )
    : validReply(constraints, drawnSetting);
  const wrong = wrongField(constraints, drawnSetting);
  const choices: { weight: number; arbitrary: fc.Arbitrary<WrongField[]> }[] = [
    { weight: none, arbitrary: fc.constant([]) },
    { weight: one, arbitrary: fc.tuple(wrong) },
    { weight: two, arbitrary: fc.tuple(wrong, wrong) },
  ];
  return fc
    .tuple(aimed, fc.oneof({ withCrossShrink: true }, ...choices.filter(({ weight }) => weight > 0)))
    .map(([parts, fields]) => {
      if (!parts.mappings) return parts;
      const mappings = fields.reduce<Mappings>(
        (all, { half, ...change }) => ({ ...all, [half]: { ...all[half], ...change } }),
        parts.mappings,
      );
      return answered(mappings, [parts.note, ...fields.map(showField)].join(', '));
    });
}

/** A reply that every rule lets pass, each half with flags that change nothing but requests. */
function validReply({ revision }: FuzzOpConstraints, drawnSetting: Setting): fc.Arbitrary<Made> {
  const { start, end } = stretch(drawnSetting);
  const { path } = drawnSetting;
  const acted = (half: Half) =>
    fc
      .constantFrom(...typesOf(revision, typesFor(path, half, true)))
      .chain((type) =>
        mapping({
          setting: drawnSetting,
          start,
          end,
          type,
          flags: harmlessFlags(path),
          exact: path === 'direct-write',
        }),
      );
  const made = (mappings: Mappings) =>
    answered(mappings, `valid, ${String(mappings.read.type)} and ${String(mappings.write.type)}`);
  if (path !== 'direct-write') {
    return fc
      .tuple(acted('read'), otherHalf(revision, drawnSetting, 'read', start, end))
      .map(([read, write]) => made({ read, write }));
  }
  return fc
    .tuple(acted('write'), fc.boolean())
    .map(([map, ownHalf]) =>
      made(
        ownHalf
          ? {
              read: { type: 'HOLE', flags: [], dev: 0, addr: NULL_ADDR, offset: map.offset, length: map.length },
              write: map,
            }
          : { read: map, write: pureOverwrite(map.offset, map.length) },
      ),
    );
}

/** Which side of a device's access the rule judges. */
const restricted: Readonly<Partial<Record<ClauseId, 'ro' | 'wo'>>> = {
  'begin/device-readable': 'wo',
  'begin/device-writable': 'ro',
};

/** Whether a fuzzed operation can be made to violate a rule. */
export const canAim = (rule: ClauseId): rule is RuleId =>
  rule === 'begin/error' ||
  rule === 'begin/reply-size' ||
  restricted[rule] !== undefined ||
  borderRowOf(rule) !== undefined;

function aimedReply(
  { revision, geometry }: FuzzOpConstraints,
  { rule, half = 'read' }: Aim,
  drawnSetting: Setting,
): fc.Arbitrary<Made> {
  if (rule === 'begin/error')
    return fc
      .constantFrom(...PLAIN_ERRNOS)
      .map((errno) => ({ reply: { kind: 'error', errno }, note: `errno ${errno}` }));
  if (rule === 'begin/reply-size') {
    return fc
      .constantFrom(...WRONG_BEGIN_SIZES)
      .map((size) => ({ reply: { kind: 'raw', payload: '00'.repeat(size) }, note: `${size} bytes of payload` }));
  }
  const access = restricted[rule];
  if (access)
    return onRestricted(
      geometry.devices.findIndex((device) => device.access === access),
      access,
      drawnSetting,
    );
  const row = borderRowOf(rule);
  if (!row) throw new Error(`no generator aims at ${rule}`);
  return borderReply(revision, {
    row,
    half,
    setting: drawnSetting,
    types: startTypes(revision, drawnSetting.path, half, row),
    deviceCount: geometry.devices.length,
  }).map(({ on, note }) => answered(on('violating'), note));
}

/** The acted mapping lies on a device with the wrong access. */
function onRestricted(device: number, access: string, drawnSetting: Setting): fc.Arbitrary<Made> {
  const { start, end } = stretch(drawnSetting);
  return fc
    .tuple(mapping({ setting: drawnSetting, start, end, type: 'MAPPED', device: 0, exact: true }), fc.boolean())
    .map(([placed, ownHalf]) => {
      const map = { ...placed, dev: { device } };
      const hole = { ...map, type: 'HOLE' as const, dev: 0, addr: NULL_ADDR };
      return answered(
        drawnSetting.path === 'direct-write' && ownHalf
          ? { read: hole, write: map }
          : { read: map, write: pureOverwrite(map.offset, map.length) },
        `on device ${device}, opened ${access}`,
      );
    });
}

type WrongField = Partial<MappingSpec> & { half: Half };

const TYPES: readonly MappingSpec['type'][] = [
  'HOLE',
  'MAPPED',
  'UNWRITTEN',
  'DELALLOC',
  'INLINE',
  'NOCACHE',
  'RETRY_CACHE',
  'PURE_OVERWRITE',
  5,
  252,
  256,
  0xffff,
];
const FLAGS: readonly MappingSpec['flags'][] = [
  [],
  ['NEW'],
  ['SHARED'],
  ['WANT_IOMAP_END'],
  ['ATOMIC_BIO'],
  [0xff],
  [0x100],
  [0x200],
  [0x8000],
];

/** A field of a half with a value that has nothing to do with the rest of its mapping. */
function wrongField({ revision, geometry }: FuzzOpConstraints, drawnSetting: Setting): fc.Arbitrary<WrongField> {
  const block = drawnSetting.blockSize;
  const pos = targetOf(drawnSetting);
  const inFile = borderValue({
    around: [block, pos, pos - (pos % block) + block, maxBytesOf(drawnSetting), drawnSetting.fileSize],
  });
  const onDevice = borderValue({
    around: [block, NULL_ADDR, ...geometry.devices.map(({ sizeBytes }) => BigInt(sizeBytes))],
  });
  const devices = geometry.devices.length;
  const dev = fc.constantFrom<MappingSpec['dev']>(
    0,
    devices + 1,
    1025,
    0x7fff_fffe,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    ...(revision.ioctls.BACKING_OPEN === undefined ? [] : geometry.devices.map((_, device) => ({ device }))),
  );
  // Inline data goes through FUSE_READ and FUSE_WRITE, by rules of its own (inline/*), whichever half says so.
  const types = TYPES.filter(
    (type) =>
      typeof type === 'number' ||
      (revision.mappingTypes[type] !== undefined && (type !== 'INLINE' || isReport(drawnSetting.path))),
  );
  return fc
    .tuple(
      fc.constantFrom<Half>('read', 'write'),
      fc.oneof<fc.Arbitrary<Partial<MappingSpec>>[]>(
        fc.constantFrom(...types).map((type) => ({ type })),
        fc.constantFrom(...FLAGS).map((flags) => ({ flags })),
        dev.map((value) => ({ dev: value })),
        onDevice.map((addr) => ({ addr })),
        inFile.map((offset) => ({ offset })),
        inFile.map((length) => ({ length })),
      ),
    )
    .map(([half, change]) => ({ half, ...change }));
}

function showField({ half, ...change }: WrongField): string {
  const [[key, value]] = Object.entries(change) as [[string, unknown]];
  return `${half} ${key} ${typeof value === 'bigint' ? `0x${value.toString(16)}` : JSON.stringify(value)}`;
}

/**
 * Answers to END and IOEND: mostly the server's ordinary ones. ENOSYS is not among them, since the connection would
 * remember it.
 */
function acknowledgements(drawnSetting: Setting): fc.Arbitrary<ScriptLine[]> {
  const errno = fc.constantFrom<Reply[]>(
    { kind: 'error', errno: 5 },
    { kind: 'error', errno: 28 },
    { kind: 'error', errno: 117 },
  );
  const raw = (...sizes: number[]) =>
    fc.constantFrom(...sizes).map((size): Reply => ({ kind: 'raw', payload: '00'.repeat(size) }));
  const line = (on: ScriptLine['on'], reply: fc.Arbitrary<Reply>) =>
    reply.map((value): ScriptLine[] => [{ on, file: 0, reply: value }]);
  const none = { weight: 15, arbitrary: fc.constant<ScriptLine[]>([]) };
  const end = { weight: 1, arbitrary: line('IOMAP_END', fc.oneof(errno, raw(1, 8, 64))) };
  if (drawnSetting.path !== 'direct-write') return fc.oneof({ withCrossShrink: true }, none, end);
  const newsize = borderValue({ max: LOFF_MAX, around: [drawnSetting.fileSize, drawnSetting.opEnd] }).map(
    (newsizeBytes): Reply => ({ kind: 'ioend', newsizeBytes }),
  );
  return fc.oneof(
    { withCrossShrink: true },
    none,
    end,
    { weight: 1, arbitrary: line('IOMAP_IOEND', fc.oneof(errno, raw(0, 7, 9, 16))) },
    { weight: 2, arbitrary: line('IOMAP_IOEND', newsize) },
  );
}

export const isBackedReply = (mappings: Mappings | undefined): mappings is Mappings =>
  mappings !== undefined && (isBackedType(mappings.read.type) || isBackedType(mappings.write.type));
