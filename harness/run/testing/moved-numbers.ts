/** Numbers of a kernel, each of which is another than in the table of r3. */
import { numbersOf, type Numbers } from '../../../uapi/numbers.ts';
import { revisions } from '../../../uapi/revision.ts';

type Table = Readonly<Record<string, number>>;
const mapped = (table: Table, value: (own: number, index: number) => number): Table =>
  Object.fromEntries(Object.entries(table).map(([name, own], index) => [name, value(own, index)]));
/** Each name has the number of the next: that a value is known does not say what it is. */
const shifted = (table: Table): Table => {
  const values = Object.values(table);
  return mapped(table, (_, index) => values[(index + 1) % values.length]!);
};

const own = numbersOf(revisions.r3);

/** `initBit`: below 32 the first word of INIT has it. */
export const movedNumbers = (initBit = 55): Numbers => ({
  initBit,
  minor: 120,
  opcodes: mapped(own.opcodes, (_, index) => 3000 + ((index * 5) % 7)),
  notifications: mapped(own.notifications, (_, index) => [98, 10, 255][index]!),
  ioctls: mapped(own.ioctls, (value) => value + 0x40),
  mappingTypes: mapped(own.mappingTypes, (_, index) => 5 + 125 * index),
  mappingFlags: shifted(own.mappingFlags),
  opFlags: shifted(own.opFlags),
  ioendFlags: shifted(own.ioendFlags),
  configFlags: shifted(own.configFlags),
  attrFlags: shifted(own.attrFlags),
  backingTypes: { PASSTHROUGH: 4, IOMAP: 0x80 },
  supportFlags: shifted(own.supportFlags),
});
