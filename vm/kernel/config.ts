/** Kernel configurations as data: the text of a .config, and what of it we need. */
import type { Machine } from '../qemu/command-line.ts';
import { ignoredArguments } from './command-line.ts';

/** Symbol without `CONFIG_` to its value: `y`, `m`, or the text of a number or string. Symbols that are not set are absent. */
export type KernelConfig = ReadonlyMap<string, string>;

export function parseConfig(text: string): KernelConfig {
  const config = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^CONFIG_(\w+)=(.*)$/.exec(line);
    if (match !== null && match[2] !== 'n') config.set(match[1]!, match[2]!);
  }
  return config;
}

/** What a fragment asks for, `n` included: symbol to value. `# CONFIG_X is not set` asks for n. */
export function parseFragment(text: string): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const line of text.split('\n')) {
    const set = /^CONFIG_(\w+)=(.*)$/.exec(line);
    const unset = /^# CONFIG_(\w+) is not set$/.exec(line);
    if (set !== null) wanted.set(set[1]!, set[2]!);
    else if (unset !== null) wanted.set(unset[1]!, 'n');
  }
  return wanted;
}

/** What each machine needs; `m` will do where our init can load the module before it is needed. */
const needs: readonly { symbol: string; machines: readonly Machine[]; module: boolean }[] = [
  ...['64BIT', 'BLK_DEV_INITRD', 'BINFMT_ELF', 'BINFMT_SCRIPT', 'PRINTK', 'TTY', 'SERIAL_8250', 'SERIAL_8250_CONSOLE', 'PROC_FS', 'SYSFS',
    'DEVTMPFS', 'TMPFS', 'FUTEX', 'EPOLL', 'EVENTFD', 'UNIX'].map((symbol) => ({ symbol, machines: ['microvm', 'q35'] as const, module: symbol === 'UNIX' })),
  { symbol: 'VIRTIO_CONSOLE', machines: ['microvm', 'q35'], module: true },
  // The devices are announced on the command line; a module would learn of them only as its parameters.
  { symbol: 'VIRTIO_MMIO', machines: ['microvm'], module: false },
  { symbol: 'VIRTIO_MMIO_CMDLINE_DEVICES', machines: ['microvm'], module: false },
  { symbol: 'PCI', machines: ['q35'], module: false },
  { symbol: 'VIRTIO_PCI', machines: ['q35'], module: true },
];

/** What a kernel's configuration lacks for a machine, mostly options (`CONFIG_...`); empty: it fits. */
export function lacking(config: KernelConfig, machine: Machine): string[] {
  return [...lackingOptions(config, machine), ...lackingArguments(config, machine)];
}

function lackingOptions(config: KernelConfig, machine: Machine): string[] {
  return needs.filter((need) => need.machines.includes(machine))
    .filter(({ symbol, module }) => {
      const value = config.get(symbol);
      return !(value === 'y' || (value === 'm' && module));
    })
    .map(({ symbol }) => `CONFIG_${symbol}`);
}

/** microvm announces its devices on the command line, by addresses that only QEMU knows. */
function lackingArguments(config: KernelConfig, machine: Machine): string[] {
  if (config.get('CMDLINE_OVERRIDE') !== 'y') return [];
  if (machine === 'microvm') return ['a command line that QEMU can add to (CONFIG_CMDLINE_OVERRIDE=n)'];
  const ignored = ignoredArguments(config);
  return ignored.length === 0 ? [] : [`arguments in its CONFIG_CMDLINE, which overrides ours (${ignored.join(' ')}), or CONFIG_CMDLINE_OVERRIDE=n`];
}
