/**
 * The program that stands in for QEMU: lies as IOMAPFUZZ_LIE says; in IOMAPFUZZ_LIE_STATE it counts the guests that
 * were started.
 */
import { appendFileSync, closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { lies } from './lies.ts';
import { StandIn, type Hooks } from './guest.ts';

const argv = process.argv.slice(2);
if (argv.includes('--version')) {
  console.log('QEMU emulator version 7.2.0 (a stand-in)');
  process.exit(0);
}
const state = process.env['IOMAPFUZZ_LIE_STATE']!;
appendFileSync(state, 'g');
const lie = lies[process.env['IOMAPFUZZ_LIE'] ?? '']!;
const socketOf = (id: string): string => argv.find((word) => word.startsWith(`socket,id=${id},`))!.split('path=')[1]!;

/** The first guest that gets to tell it does: which one that is depends on who is cloned from whom. */
function untold(): boolean {
  try {
    closeSync(openSync(`${state}.told`, 'wx'));
    return true;
  } catch {
    return false;
  }
}

const { cases, table } = lie;
const once: Hooks = {
  ...(cases && {
    cases: (guest, message) => {
      if (untold()) cases(guest, message);
      else guest.honest(message);
    },
  }),
  ...(table && {
    table: (guest, message) => {
      if (untold()) table(guest, message);
      else guest.refuse(message);
    },
  }),
};

/** Says that a guest had cases: those that start from then on are later ones. */
const noting: Hooks = {
  ...lie,
  ...(cases && {
    cases: (guest, message) => {
      writeFileSync(`${state}.begun`, '');
      cases(guest, message);
    },
  }),
};

if (lie.start) lie.start();
else {
  const hooks = lie.later && existsSync(`${state}.begun`) ? lie.later : lie.once ? once : lie.later ? noting : lie;
  new StandIn(
    { console: socketOf('console'), port: socketOf('port'), qmp: socketOf('qmp') },
    argv.includes('-incoming'),
    hooks,
  );
}
