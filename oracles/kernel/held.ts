/**
 * Notifications that the server sends while a request waits for its answer: they take effect before the answer does.
 */
import type { ScriptLine } from '../../model/case.ts';
import type { Exchange } from '../../model/observation.ts';
import { errnoName } from '../../uapi/errno.ts';
import { errnoFacts } from './errno-facts.ts';
import { Unspecified } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import { notify } from './notify.ts';
import type { World } from './world.ts';

/** Requests whose place among what the kernel does is known, and with it that of what was sent meanwhile. */
const PLACED: ReadonlySet<ScriptLine['on']> = new Set([
  'IOMAP_BEGIN',
  'IOMAP_END',
  'IOMAP_IOEND',
  'LOOKUP',
  'OPEN',
  'FLUSH',
  'READ',
  'WRITE',
  'LSEEK',
  'FSYNC',
  'FALLOCATE',
  'COPY_FILE_RANGE',
  'COPY_FILE_RANGE_64',
] as const);

/** Throws Unspecified for a case that notifies at places that nobody can name. */
export function checkPlaces({ case: { script } }: World): void {
  const loose = script.find(
    ({ on, before, signal }) => (before !== undefined || signal !== undefined) && !PLACED.has(on),
  );
  if (loose)
    throw new Unspecified(
      `when ${loose.on} is asked is the kernel's own business, and so is what notifications and signals meet that are sent meanwhile`,
    );
}

/** What the kernel makes of what was sent while `exchange` waited. A model without a kernel notes its own outcome. */
export function notified(world: World, exchange: Exchange): void {
  const { notified: sent } = exchange;
  if (!sent) return;
  const before = world.case.script[sent.line]?.before ?? [];
  const alone = sent.errnos.length === 0;
  before.forEach((notification, index) => {
    const outcome = notify(world, notification);
    if (alone) sent.errnos.push(outcome.kind === 'fails' ? (outcome.errnos?.[0] ?? 0) : 0);
    else judge(world, exchange, outcome, sent.errnos[index] ?? 0);
  });
}

function judge(world: World, { name }: Exchange, outcome: StepExpectation, errno: number): void {
  const right =
    outcome.kind === 'any' ||
    (outcome.kind === 'fails' ? errno !== 0 && outcome.errnos?.includes(errno) !== false : errno === 0);
  if (right) return;
  world.expectation.requests.push({
    rule: outcome.rule,
    aspect: 'errno',
    step: world.step,
    expected: `a notification that is sent while ${name} waits ${outcome.kind === 'fails' ? `fails with ${outcome.errnos?.map(errnoName).join(' or ') ?? 'an error'}` : 'is taken'}`,
    seen: errno === 0 ? 'write() takes it' : `write() fails with ${errnoName(errno)}`,
    facts: errnoFacts(outcome.kind === 'fails' ? (outcome.errnos ?? 'any') : [0], errno),
  });
}
