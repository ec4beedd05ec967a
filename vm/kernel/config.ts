/** What of a kernel's configuration we need. */
import type { Machine } from '../qemu/command-line.ts';
import { ignoredArguments } from './command-line.ts';
import type { KernelConfig } from './parse-config.ts';

/** What each machine needs; `m` will do where our init can load the module before it is needed. */
const needs: readonly { symbol: string; machines: readonly Machine[]; module: boolean }[] = [
  ...[
    '64BIT',
    'BLK_DEV_INITRD',
    'BINFMT_ELF',
    'BINFMT_SCRIPT',
    'PRINTK',
    'TTY',
    'SERIAL_8250',
    'SERIAL_8250_CONSOLE',
    'PROC_FS',
    'SYSFS',
    'DEVTMPFS',
    'TMPFS',
    'FUTEX',
    'EPOLL',
    'EVENTFD',
    'UNIX',
  ].map((symbol) => ({ symbol, machines: ['microvm', 'q35'] as const, module: symbol === 'UNIX' })),
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
  return needs
    .filter((need) => need.machines.includes(machine))
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
  return ignored.length === 0
    ? []
    : [`arguments in its CONFIG_CMDLINE, which overrides ours (${ignored.join(' ')}), or CONFIG_CMDLINE_OVERRIDE=n`];
}
