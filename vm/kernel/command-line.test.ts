import { expect, test } from '@playwright/test';
import { qemuArguments } from '../qemu/command-line.ts';
import { argumentsFor, guestArguments, ignoredArguments } from './command-line.ts';
import { lacking } from './config.ts';
import { parseConfig } from './parse-config.ts';
import { testableFragment } from './fragments.ts';

const withLine = (line: string, override = false) =>
  parseConfig(
    `${testableFragment()}CONFIG_CMDLINE_BOOL=y\nCONFIG_CMDLINE=${JSON.stringify(line)}\n${override ? 'CONFIG_CMDLINE_OVERRIDE=y\n' : ''}`,
  );
/** What syzkaller's configurations build in. */
const fuzzersLine = 'earlyprintk=serial net.ifnames=0 panic_on_warn=1 hung_task_panic=1 softlockup_panic=1 quiet';

test('should switch off on the command line what turns a warning or a stall into a panic, where the kernel has it', () => {
  expect(argumentsFor(undefined)).toEqual(expect.arrayContaining(['hung_task_panic=0', 'softlockup_panic=0']));
  expect(argumentsFor(parseConfig('CONFIG_DETECT_HUNG_TASK=y\n'))).toEqual(['hung_task_panic=0']);
  const sockets = { console: 'c', port: 'p', qmp: 'q' };
  const all = qemuArguments({
    machine: 'microvm',
    accelerator: 'tcg',
    memoryMib: 512,
    kernel: 'k',
    initramfs: 'i',
    sockets,
  });
  const line = all[all.indexOf('-append') + 1]!.split(' ');
  expect(line).toEqual(expect.arrayContaining(['panic_on_warn=0', 'oops=panic']));
});

test('should not let a kernel panic because an emulated timer is late on a busy machine', () => {
  expect(argumentsFor(undefined)).toContain('no_timer_check');
  expect(argumentsFor(parseConfig('CONFIG_X86_IO_APIC=y\n'))).toEqual(['no_timer_check']);
});

test('should boot a kernel with a built-in command line of a fuzzer, as ours comes behind it', () => {
  expect(lacking(withLine(fuzzersLine), 'microvm')).toEqual([]);
  expect(lacking(withLine(fuzzersLine), 'q35')).toEqual([]);
});

test('should refuse a kernel that ignores our command line, and say what would help', () => {
  expect(lacking(withLine(fuzzersLine, true), 'microvm').join()).toContain('CONFIG_CMDLINE_OVERRIDE=n');
  expect(lacking(withLine(fuzzersLine, true), 'q35').join()).toContain('console=ttyS0');
});

test('should accept a kernel that ignores our command line and has what is needed in its own', () => {
  const config = withLine(`${fuzzersLine} ${guestArguments.join(' ')}`, true);
  expect(ignoredArguments(config)).toEqual([]);
  expect(lacking(config, 'q35')).toEqual([]);
});

test('should switch off a built-in panic_on_taint, and say nothing of it to other kernels', () => {
  expect(argumentsFor(withLine('panic_on_taint=0x200'))).toEqual(['panic_on_taint=0']);
  expect(argumentsFor(withLine('console=ttyS0'))).toEqual([]);
});
