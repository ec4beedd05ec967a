/**
 * Cells of the rules that judge a mapping, on paths whose operation is a variant of another one: an atomic write is a
 * direct write of one block, swapon a report of the whole file that cannot go wrong half-way.
 */
import fc from 'fast-check';
import { borderReply, startTypes, type BorderReply } from '../../generators/border-reply.ts';
import { borderRowOf } from '../../generators/broken-map.ts';
import { configOf, pureOverwrite, replyCase, type Mappings, type PlannedCase } from '../../generators/reply-case.ts';
import { defaultDevices, setting, type Path, type Setting, type SettingConstraints } from '../../generators/setting.ts';
import { beginTableOf } from '../../oracles/rules/first-violation.ts';
import { CASE_SCHEMA, type Case, type ScriptLine } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import { RWF } from '../../model/syscall-flags.ts';
import type { Revision } from '../../uapi/revision.ts';
import { reasonAgainst } from './border-cells.ts';
import { borders, cellId, impossible, possible, type PlanCell } from '../cell.ts';
import { PAGE } from '../../uapi/units.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

interface Variant {
  path: string;
  /** The path that it is a variant of. */
  like: Path;
  settings: (constraints: Partial<SettingConstraints>) => fc.Arbitrary<Setting>;
  /**
   * Whether the rules lay down what the operation makes of the legal twin of a rule; where not, an ordinary mapping
   * takes its place.
   */
  ownTwins: boolean;
  make: (revision: Revision, drawnSetting: Setting, reply: Mappings, refused: boolean) => Case;
}

const atomicWrite: Variant = {
  path: 'atomic-write',
  like: 'direct-write',
  ownTwins: true,
  settings: (constraints) =>
    setting({
      path: 'direct-write',
      maxBefore: 0,
      mayExtend: false,
      devices: defaultDevices.map((device) => ({ ...device, atomic: true as const })),
      ...constraints,
    }).map((drawnSetting) => ({ ...drawnSetting, opEnd: drawnSetting.opStart + drawnSetting.blockSize })),
  make: (revision, drawnSetting, reply, refused) => {
    // What is on a device may be written atomically, so that no later rule is in the way.
    const able = (map: MappingSpec): MappingSpec =>
      map.type === 'MAPPED' || map.type === 'UNWRITTEN' ? { ...map, flags: [...map.flags, 'ATOMIC_BIO'] } : map;
    const testCase = replyCase(
      revision,
      drawnSetting,
      { kind: 'mappings', read: able(reply.read), write: able(reply.write) },
      [],
      { refused },
    );
    return {
      ...testCase,
      geometry: {
        ...testCase.geometry,
        files: testCase.geometry.files.map((file) => ({ ...file, attrFlags: [...file.attrFlags, 'ATOMIC'] })),
      },
      workload: testCase.workload.map((step) => (step.call === 'pwrite' ? { ...step, rwf: RWF.ATOMIC } : step)),
    };
  },
};

/** Pages of the header, and of what lies before the reply in question. */
const HEAD = 2n,
  HEAD_ADDR = 0n;

const swapon: Variant = {
  path: 'swapon',
  like: 'fiemap',
  ownTwins: false,
  settings: ({ minBlocks = 0, atMaxBytes = false, ...of }) =>
    fc
      .tuple(setting({ path: 'fiemap', maxBefore: 0, ...of }), fc.boolean(), fc.bigInt({ min: 2n, max: 6n }))
      .map(([drawnSetting, later, pages]) => {
        const target = later || minBlocks > 0 ? HEAD * PAGE : 0n;
        const end = target + pages * PAGE;
        return {
          ...drawnSetting,
          fileSize: end,
          opStart: 0n,
          opEnd: end,
          cuts: target === 0n ? [0n] : [0n, target],
          ...(atMaxBytes && { maxBytes: end }),
        };
      }),
  make: (revision, drawnSetting, reply) => {
    const { SWAPFILE } = revision.opFlags;
    const head: MappingSpec = {
      type: 'MAPPED',
      flags: [],
      dev: { device: 0 },
      addr: HEAD_ADDR,
      offset: 0n,
      length: HEAD * PAGE,
    };
    const mappings = (read: MappingSpec): ScriptLine['reply'] => ({
      kind: 'mappings',
      read,
      write: pureOverwrite(read.offset, read.length),
    });
    const config = configOf(drawnSetting);
    return {
      schema: CASE_SCHEMA,
      revision: revision.id,
      debugIomap: drawnSetting.debugIomap,
      geometry: {
        mount: drawnSetting.mount,
        ...(config && { config }),
        devices: drawnSetting.devices,
        files: [{ sizeBytes: drawnSetting.fileSize, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
      },
      script: [
        // How often a kernel asks for the first mapping is its choice: it may do so to learn the device.
        ...(drawnSetting.cuts.length > 1
          ? [{ on: 'IOMAP_BEGIN' as const, opflagsSet: SWAPFILE, posTo: HEAD * PAGE, reply: mappings(head) }]
          : []),
        { on: 'IOMAP_BEGIN', opflagsSet: SWAPFILE, reply: { kind: 'mappings', ...reply } },
        { on: 'IOMAP_BEGIN', reply: mappings(head) },
      ],
      workload: [
        {
          call: 'swapon',
          file: 0,
          header: { device: 0, offset: HEAD_ADDR, pages: Number(drawnSetting.fileSize / PAGE) },
        },
      ],
    };
  },
};

/** What swapon takes, in the place of a legal twin that it might refuse for reasons of its own. */
function fit(drawnSetting: Setting): Mappings {
  const offset = drawnSetting.cuts.at(-1)!;
  const length = drawnSetting.opEnd - offset;
  return {
    read: { type: 'MAPPED', flags: [], dev: { device: 0 }, addr: offset, offset, length },
    write: pureOverwrite(offset, length),
  };
}

/** A write half that is not written to may name any device. */
const twin = (rule: ClauseId, drawnSetting: Setting, made: BorderReply): Mappings => ({
  ...fit(drawnSetting),
  ...(rule === 'begin/write-device-known' && { write: made.on('violating').write }),
});

export function variantCells(revision: Revision): PlanCell[] {
  const table = beginTableOf(revision);
  const rules = [...table.map, ...table.validate, ...table.devices].filter(
    (rule) => borderRowOf(rule.id) !== undefined,
  );
  return [atomicWrite, swapon].flatMap(({ path, like, settings, ownTwins, make }) =>
    rules.flatMap((rule) =>
      rule.halves!.flatMap((half) =>
        borders.map((border): PlanCell => {
          const key = { rule: rule.id, half, path, border };
          const row = borderRowOf(rule.id)!;
          const against =
            revision.ioctls.BACKING_OPEN === undefined
              ? `revision ${revision.id} is BEGIN and END only`
              : rule.id.startsWith('map/instruction-') && border === 'legal'
                ? 'what is atomic or a swap file never uses the cache: begin/*-no-retry-uncached refuses RETRY_CACHE, begin/*-not-nocache NOCACHE'
                : !revision.atomicIsSaid && path === 'atomic-write'
                  ? `revision ${revision.id} lays down nothing about what a server may answer to an atomic write`
                  : reasonAgainst(rule.id, like, border, revision);
          if (against !== undefined) return impossible(key, against);
          const types = startTypes(revision, like, half, row);
          if (types.length === 0)
            return impossible(key, `no mapping of that type is valid here in revision ${revision.id}`);
          const cases = settings({ ...row.setting }).chain((drawnSetting) =>
            borderReply(revision, { row, half, setting: drawnSetting, types }).map((made): PlannedCase => ({
              case: make(
                revision,
                drawnSetting,
                border === 'legal' && !ownTwins ? twin(rule.id, drawnSetting, made) : made.on(border),
                border === 'violating',
              ),
              note: `${made.note}; reply ${drawnSetting.cuts.length}, block size ${drawnSetting.blockSize}`,
            })),
          );
          return { ...possible(key, cases), reaches: cellId({ rule: rule.id, half, path: '' }).trim() };
        }),
      ),
    ),
  );
}
