/**
 * The schema of everything that a guest says: the rows by which it is written there, and checked here where a frame is
 * decoded.
 */
import { cutReasons } from './cut-reasons.ts';
import type { ByteRun, ByteSource } from './bytes.ts';
import type { GuestFacts, GuestMessage } from './channel.ts';
import {
  big,
  bytes,
  changed,
  decodeWhole,
  encodeWhole,
  flag,
  list,
  optional,
  record,
  signed,
  text,
  union,
  whole,
  word,
  yes,
  type Codec,
} from './codec.ts';
import type { PackedObservation } from './exchange-record.ts';
import { encodeFrame, FrameDecoder } from './frame.ts';
import { phases, type Hang, type HangingTask } from './hang.ts';
import type { Liberty, LibertyCount, LibertyCounts } from './liberties.ts';
import type { DeviceChange, FiemapExtent, KernelEvent, MountResult, StepResult } from './observation.ts';

const u16 = whole(0xffff);
const u32 = whole(0xffff_ffff);
const reason = text(4096);
/** A report of the kernel's log: a lockdep splat has some hundred lines. */
const report = text(256 << 10);
const line = text(4096);

const source = union<ByteSource>({
  device: { device: u16, offsetBytes: big },
  writer: { writer: u16, offsetBytes: big },
  server: { file: u16, offsetBytes: big },
  zero: {},
  poison: {},
  other: { hex: text(64 << 10) },
  unknown: {},
});
const runs = list(record<ByteRun>({ lengthBytes: u32, source }));

const event = union<KernelEvent>({
  'bad-data': { func: line, line: u32, condition: line },
  'bad-mapping-warn': { func: line, line: u32, condition: line },
  assertion: { func: line, line: u32, condition: line },
  warning: { title: line, text: report },
  bug: { title: line, text: report },
  notice: { title: line, text: report },
  'channel-ended': { channel: word('lockdep'), title: line, text: report, earlier: optional(yes) },
  'lost-events': { source: word('trace', 'kmsg'), count: whole() },
});
const events = list(event, 10_000);
/** What the kernel's log held while the cases of a table ran. */
const eventsByCase = list(record<{ index: number; events: KernelEvent[] }>({ index: u32, events }), 4096);

const mount = record<MountResult>({
  errno: u16,
  minor: optional(u32),
  flags: optional(big),
  devices: list(signed(0x7fff_ffff), 64),
});

const extent = record<FiemapExtent>({ logical: big, physical: big, length: big, flags: u32 });
const step = record<StepResult>({
  ret: big,
  errno: u16,
  data: optional(runs),
  tail: optional(runs),
  fiemap: optional(list(extent, 4096)),
  fiemapMapped: optional(u32),
  sizeBytes: optional(big),
  blksizeBytes: optional(u32),
  out: optional(bytes(64 << 10)),
  times: optional(list(big, 4)),
});

const change = record<DeviceChange>({ device: u16, offsetBytes: big, content: runs });

const observation = record<PackedObservation>({
  mount,
  steps: list(step, 1024),
  transcript: bytes(32 << 20),
  written: list(record<PackedObservation['written'][number]>({ seq: u32, data: runs })),
  stepBounds: list(u32, 1025),
  events,
  deviceChanges: list(change),
  unmountErrno: optional(u16),
  coverage: optional(bytes(16 << 20)),
  coverageCut: optional(yes),
  nodeids: list(big, 64),
  inodes: list(big, 64),
  cut: optional(
    record<NonNullable<PackedObservation['cut']>>({ seq: u32, exchanges: whole(), why: word(...cutReasons) }),
  ),
  endless: optional(
    record<NonNullable<PackedObservation['endless']>>({ opcode: u32, same: flag, step: optional(u32) }),
  ),
});

/** One line of printable characters; what is in the middle of a longer one is left out. */
function oneLine(value: string, most: number): string {
  const plain = value.trim().replace(/[^\x20-\x7e]/g, '?');
  const kept = most - 3;
  return plain.length <= most
    ? plain
    : `${plain.slice(0, Math.ceil(kept / 2))}...${plain.slice(-Math.floor(kept / 2))}`;
}

const configLines = 20_000;
const configLineLength = 512;

/** What a kernel says of itself comes as it is, and is harmless from here on. */
const liberty = record<Liberty>({ name: text(128), clause: text(1024), effect: text(1024) });
interface NamedCount extends LibertyCount {
  name: string;
}
const namedCounts = list(record<NamedCount>({ name: text(128), reached: whole(), used: whole() }), 256);
const libertyCounts: Codec<LibertyCounts> = {
  write: (out, value) => {
    namedCounts.write(
      out,
      Object.entries(value).map(([name, counts]): NamedCount => ({ name, ...counts })),
    );
  },
  read: (from) => Object.fromEntries(namedCounts.read(from).map(({ name, ...counts }) => [name, counts])),
};
const shortFact: Codec<string> = changed(text(64 << 10), (value) => oneLine(value, 128));
const facts = record<GuestFacts>({
  release: shortFact,
  version: shortFact,
  commandLine: changed(text(64 << 10), (value) => oneLine(value, 4096)),
  fuse: flag,
  enableIomap: optional(flag),
  debugIomap: optional(flag),
  badDataEvent: flag,
  tainted: whole(),
  atomicDevices: optional(flag),
  swap: optional(flag),
  kcov: optional(flag),
  liberties: optional(list(liberty, 256)),
  panicsOn: optional(list(shortFact, 32)),
  config: optional(
    changed(text(4 << 20), (value) =>
      value
        .split('\n', configLines)
        .map((one) => oneLine(one, configLineLength))
        .join('\n'),
    ),
  ),
});

const plainLine: Codec<string> = changed(text(1024), (value) => oneLine(value, 1024));
const task = record<HangingTask>({
  role: word('workload', 'server', 'child', 'other'),
  name: plainLine,
  state: plainLine,
  syscall: optional(u16),
  stack: list(plainLine, 64),
});
const hang = record<Hang>({
  how: word('waits', 'runs', 'restless'),
  blame: word('kernel', 'guest'),
  during: word(...phases),
  index: optional(u32),
  step: optional(u32),
  milliseconds: u32,
  tasks: list(task, 32),
  log: list(plainLine, 300),
  signature: plainLine,
  lastRequest: optional(
    record<NonNullable<Hang['lastRequest']>>({ name: plainLine, about: plainLine, answered: flag }),
  ),
});

const id = signed(0x7fff_ffff);

/** A kind of message is a row. */
const guestMessage = union<GuestMessage>({
  hello: { protocol: u32, facts },
  'case-begins': { id, index: u32 },
  'case-done': {
    id,
    index: u32,
    observation: observation as Codec<Extract<GuestMessage, { kind: 'case-done' }>['observation']>,
  },
  'case-failed': { id, index: u32, reason },
  'outside-cases': { id, where: word('before-cases', 'mount', 'between-cases', 'unmount'), events },
  'cases-done': { id, liberties: optional(libertyCounts) },
  alive: { id },
  'case-hangs': { id, hang, known: optional(yes) },
  'table-done': {
    id,
    mount,
    results: list(bytes(32 << 20), 64),
    events: eventsByCase,
    liberties: optional(libertyCounts),
  },
  'table-refused': { id, reason, events: eventsByCase },
  output: { id, stream: word('stdout', 'stderr'), bytes: bytes(32 << 20) },
  exited: { id, code: u32, signal: optional(text(32)) },
  written: { id },
  pong: { id },
  error: { id, reason },
});

/** The most that one message of a guest may take: several times what the largest batch does. */
const mostGuestFrameBytes = 32 << 20;

/** Throws RangeError for a message that is larger than a frame may be. */
export const encodeGuestFrame = (message: GuestMessage): Buffer =>
  encodeFrame(message, encodeWhole(guestMessage, message), mostGuestFrameBytes);

/** Takes what comes from a guest; whatever that is, it gives messages or throws GarbageError. */
export const guestFrames = (): FrameDecoder<GuestMessage> =>
  new FrameDecoder((payload) => decodeWhole(guestMessage, payload), mostGuestFrameBytes);
