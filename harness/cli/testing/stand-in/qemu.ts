/** The program that stands in for QEMU: lies as IOMAPFUZZ_LIE says; in IOMAPFUZZ_LIE_STATE it counts the guests that were started. */
import { appendFileSync, readFileSync } from 'node:fs';
import { lies } from './lies.ts';
import { StandIn } from './guest.ts';

const argv = process.argv.slice(2);
if (argv.includes('--version')) {
  console.log('QEMU emulator version 7.2.0 (a stand-in)');
  process.exit(0);
}
const state = process.env['IOMAPFUZZ_LIE_STATE']!;
appendFileSync(state, 'g');
const first = readFileSync(state, 'utf8').length === 1;
const lie = lies[process.env['IOMAPFUZZ_LIE'] ?? '']!;
const socketOf = (id: string): string => argv.find((word) => word.startsWith(`socket,id=${id},`))!.split('path=')[1]!;

if (lie.start && (first || !lie.once)) lie.start();
else {
  const hooks = first || !lie.once ? lie : {};
  new StandIn({ console: socketOf('console'), port: socketOf('port'), qmp: socketOf('qmp') }, argv.includes('-incoming'), hooks);
}
