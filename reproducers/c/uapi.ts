/**
 * The part of the fuse-iomap uAPI that a reproducer uses, spelled out: headers that are installed somewhere need not
 * have it.
 */
import type { IoctlName, MappingFlagName, MappingTypeName, Revision } from '../../uapi/revision.ts';
import { recentOpcodes } from './opcodes.ts';
import { notificationsOf } from '../../model/case-traits.ts';
import { bits, u32 } from './text.ts';
import { cStruct, snakeCase, type CStructOptions } from '../../uapi/c-struct.ts';
import * as iomap from '../../uapi/iomap.ts';
import { mustFailToMount, type Program } from './uses.ts';

/** Which of the two words of INIT flags the bit of iomap is in. */
export const initWord = ({ initBit }: Revision): 'flags' | 'flags2' => (initBit < 32 ? 'flags' : 'flags2');

export function uapi({ case: testCase, revision, uses, prediction }: Program): string {
  const parts = [
    `/*
 * fuse-iomap, ${revision.id} (${revision.title}).
 * Spelled out here: the <linux/fuse.h> that is installed need not have it.
 */
#define INIT_IOMAP		(1U << ${revision.initBit % 32})	/* in ${initWord(revision)} of INIT */${testCase.geometry.initMinor === undefined ? `\n#define IOMAP_MINOR\t\t${revision.minor}` : ''}`,
  ];
  const opcodes = Object.entries(revision.opcodes).filter(
    ([name]) => uses.ordinary.has(name) || name === 'IOMAP_CONFIG' || testCase.script.some(({ on }) => on === name),
  );
  const extra = testCase.script
    .map(({ on }) => on)
    .filter((on, index, all) => all.indexOf(on) === index && on in recentOpcodes);
  const lines = [
    ...opcodes.map(([name, value]) => [name, String(value)] as const),
    ...extra.map((name) => [name, String(recentOpcodes[name])] as const),
  ];
  // SYNCFS has been in <linux/fuse.h> since Linux 5.14.
  if (lines.length > 0)
    parts.push(`enum opcode {\n${lines.map(([name, value]) => `\tOP_${name} = ${value},`).join('\n')}\n};`);
  const ioctls = usedIoctls({ case: testCase, revision, uses, prediction });
  if (ioctls.length > 0)
    parts.push(
      ioctls
        .map((name) => `#define ${`DEV_${name}`.padEnd(24)}0x${(revision.ioctls[name] ?? 0).toString(16)}`)
        .join('\n'),
    );
  if (uses.mappings || uses.ordinary.has('IOMAP_END'))
    parts.push(mapping({ case: testCase, revision, uses, prediction }));
  if (uses.ordinary.has('IOMAP_BEGIN')) parts.push(beginIn);
  if (uses.ordinary.has('IOMAP_END')) parts.push(endIn);
  if (uses.ordinary.has('IOMAP_IOEND')) parts.push(ioendIn);
  if (
    uses.config &&
    [testCase.geometry.config, ...testCase.script.map(({ reply }) => reply)].some((reply) => reply?.kind === 'config')
  )
    parts.push(configOut);
  if (ioctls.includes('BACKING_OPEN')) {
    parts.push(
      struct(iomap.backingMap, 'backing_map', {
        comments: { flags: `the low byte is the type: ${revision.backingTypes.IOMAP ?? 1} is iomap` },
      }),
    );
  }
  return parts.join('\n\n');
}

function usedIoctls({ case: testCase, revision, uses, prediction }: Program): IoctlName[] {
  const used = new Set<IoctlName>();
  if (uses.registers) used.add('BACKING_OPEN');
  if (testCase.geometry.mount === 'syncInit' && revision.ioctls.SYNC_INIT !== undefined) used.add('SYNC_INIT');
  if (!mustFailToMount(prediction))
    for (const step of testCase.workload)
      if (step.call === 'fuseIoctl' && revision.ioctls[step.ioctl] !== undefined) used.add(step.ioctl);
  return (Object.keys(revision.ioctls) as IoctlName[]).filter((name) => used.has(name));
}

function mapping({ case: testCase, revision, uses }: Program): string {
  const halves = [
    ...testCase.script.flatMap(({ reply }) => (reply.kind === 'mappings' ? [reply.read, reply.write] : [])),
    ...notificationsOf(testCase).flatMap((one) => (one.kind === 'upsert' ? [one.read, one.write] : [])),
  ];
  const types = new Set(
    halves
      .map(({ type }) => type)
      .filter((type) => typeof type === 'string' && revision.mappingTypes[type] !== undefined),
  );
  if (uses.ordinaryBegin) {
    types.add('HOLE');
    types.add('PURE_OVERWRITE');
  }
  const flags = new Set(halves.flatMap((half) => half.flags).filter((flag) => typeof flag === 'string'));
  const needsNone = uses.ordinaryBegin || halves.some(({ addr }) => addr === (1n << 64n) - 1n);
  const row = (name: string, value: number): string => `#define ${name.padEnd(23)} ${u32(value)}`;
  return [
    [...types].map((name) => row(name as string, revision.mappingTypes[name as MappingTypeName]!)),
    [...flags].map(
      (name) =>
        `#define ${`FLAG_${name as string}`.padEnd(23)} ${bits(revision.mappingFlags[name as MappingFlagName]!)}`,
    ),
    needsNone ? ['#define NO_ADDR                 UINT64_MAX'] : [],
    [mappingStruct],
  ]
    .flatMap((lines) => lines)
    .join('\n')
    .replace('\n/* One', '\n\n/* One');
}

const struct = (
  layout: Parameters<typeof cStruct>[0],
  name: string,
  rest: Pick<CStructOptions, 'comments' | 'types'> = {},
): string => cStruct(layout, { name, member: snakeCase, nested: { fuse_iomap_io: 'mapping' }, language: 'C', ...rest });

const mappingStruct = `/* One extent of a file. */\n${struct(iomap.iomapIo, 'mapping', {
  comments: {
    offset: 'in the file, bytes',
    addr: 'on the device, bytes',
    dev: 'cookie that BACKING_OPEN gave, 0: none',
  },
})}`;
const beginIn = struct(iomap.beginIn, 'begin_in');
const endIn = struct(iomap.endIn, 'end_in');
const ioendIn = struct(iomap.ioendIn, 'ioend_in', { comments: { error: 'negative errno' } });
const configOut = struct(iomap.configOut, 'config_out', { types: { sId: 'char' } });
