/** Cases around one notification: a mount, a file, what the server pushes, and what is asked of the file afterwards. */
import fc from 'fast-check';
import { CASE_SCHEMA, type Case, type Geometry, type ScriptLine, type Step } from '../model/case.ts';
import type { MappingSpec } from '../model/mapping.ts';
import type { Notification } from '../model/notification.ts';
import { NULL_ADDR, type Revision } from '../uapi/revision.ts';
import type { Half } from '../oracles/rules/rule.ts';
import { mapping, type TypeName } from './mapping.ts';
import { configOf, pureOverwrite, typesOf, type PlannedCase } from './reply-case.ts';
import { setting, stretch, type Setting, type SettingConstraints } from './setting.ts';
import { floor } from '../uapi/units.ts';

export type Upsert = Extract<Notification, { kind: 'upsert' }>;

const readTypes: readonly TypeName[] = ['HOLE', 'DELALLOC', 'UNWRITTEN', 'MAPPED', 'INLINE'];
/** Types that a half of an upsert may store. */
export const storedTypes = (revision: Revision, half: Half): readonly TypeName[] =>
  typesOf(revision, half === 'read' ? readTypes : [...readTypes, 'PURE_OVERWRITE']);

export const noCache = (offset: bigint, length: bigint): MappingSpec => ({
  ...pureOverwrite(offset, length),
  type: 'NOCACHE',
});
export const retryCache = (offset: bigint, length: bigint): MappingSpec => ({
  ...pureOverwrite(offset, length),
  type: 'RETRY_CACHE',
});

/** A mapping over the stretch in question that an upsert may store. */
export function storable(drawnSetting: Setting, type: TypeName, half: Half): fc.Arbitrary<MappingSpec> {
  const { start, end } = stretch(drawnSetting);
  return mapping({
    setting: drawnSetting,
    start,
    end,
    type,
    area: half === 'read' ? 0 : 3,
    flags: ['NEW', 'DIRTY', 'SHARED', 'MERGED'],
  });
}

/** An upsert that every rule lets pass, or one with a NOCACHE half. */
export function validUpsert(revision: Revision, drawnSetting: Setting): fc.Arbitrary<Upsert> {
  const half = (of: Half): fc.Arbitrary<MappingSpec> =>
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.constantFrom(...storedTypes(revision, of)).chain((type) => storable(drawnSetting, type, of)),
      },
      {
        weight: 1,
        arbitrary: fc.constant(
          noCache(floor(stretch(drawnSetting).start, drawnSetting.blockSize), drawnSetting.blockSize),
        ),
      },
    );
  return fc
    .record({ read: half('read'), write: half('write') })
    .map((halves) => ({ kind: 'upsert', node: { file: 0 }, ...halves }));
}

/** Surroundings of a notification: those of a report that asks for one mapping. */
export const notifySetting = (
  revision: Revision,
  constraints: Partial<SettingConstraints> = {},
): fc.Arbitrary<Setting> =>
  setting({
    path: 'seek-data',
    maxBefore: 0,
    configurable: revision.opcodes.IOMAP_CONFIG !== undefined,
    ...constraints,
  });

export interface NotifyCase {
  revision: Revision;
  setting: Setting;
  notifications: readonly Notification[];
  note: string;
  /** Steps between them and the close; by default a report of the whole file, which shows what is in the cache now. */
  behind?: readonly Step[];
  geometry?: Partial<Geometry>;
  /** Steps between the open and the notifications. */
  first?: readonly Step[];
  /** What the server answers besides. */
  extra?: readonly ScriptLine[];
  /** Default: the server has a hole wherever it is asked. */
  script?: readonly ScriptLine[];
}

/** A mapping that covers such a file ends beyond the largest file position. */
const FAR = 1n << 62n;

/** A file that is a hole as far as the server is asked about it. */
const holeLine = (drawnSetting: Setting): ScriptLine => {
  const block = drawnSetting.blockSize;
  const length =
    drawnSetting.fileSize >= FAR ? (1n << 63n) - block : ((drawnSetting.fileSize + block - 1n) / block + 8n) * block;
  return {
    on: 'IOMAP_BEGIN',
    file: 0,
    reply: {
      kind: 'mappings',
      read: { type: 'HOLE', flags: [], dev: 0, addr: NULL_ADDR, offset: 0n, length },
      write: pureOverwrite(0n, length),
    },
  };
};

export function notifyCase({
  revision,
  setting: drawnSetting,
  notifications,
  note,
  behind,
  geometry = {},
  script,
  first = [],
  extra = [],
}: NotifyCase): PlannedCase {
  const config = configOf(drawnSetting);
  const probe: Step = { call: 'fiemap', fd: 0, start: 0n, lengthBytes: drawnSetting.fileSize, flags: 0, extents: 16 };
  const value: Case = {
    schema: CASE_SCHEMA,
    revision: revision.id,
    debugIomap: drawnSetting.debugIomap,
    geometry: {
      mount: drawnSetting.mount,
      ...(config && { config }),
      devices: drawnSetting.devices,
      files: [{ sizeBytes: drawnSetting.fileSize, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
      ...geometry,
    },
    script: [...(script ?? [holeLine(drawnSetting)]), ...extra],
    workload: [
      { call: 'open', file: 0, flags: ['rdonly'] },
      ...first,
      ...notifications.map((notification): Step => ({ call: 'notify', notification })),
      ...(behind ?? (drawnSetting.fileSize < FAR ? [probe] : [])),
      { call: 'close', fd: 0 },
    ],
  };
  return { case: value, note: `${note}; block size ${drawnSetting.blockSize}` };
}
