/** QEMU's command line: no disk, no network, no graphics; a serial console, a results port, a control socket. */
import { guestArguments } from '../kernel/command-line.ts';

export type Machine = 'microvm' | 'q35';
export type Accelerator = 'kvm' | 'tcg';

export interface QemuSpec {
  machine: Machine;
  accelerator: Accelerator;
  memoryMib: number;
  kernel: string;
  initramfs: string;
  /** Added to what every guest gets. */
  kernelArguments?: readonly string[];
  /** Unix sockets on which the host listens. */
  sockets: { console: string; port: string; qmp: string };
  /**
   * Guest memory in a file of exactly that size: a template's is shared with the file, a clone's is a private copy on
   * write.
   */
  memoryFile?: { path: string; shared: boolean };
  /** QEMU can deny itself system calls (see sandbox.ts). */
  sandboxed?: boolean;
  /** Wait for a device state (QMP migrate-incoming) instead of booting. */
  incoming?: boolean;
}

const portName = 'iomapfuzz';

/**
 * A guest that breaks out of QEMU's devices still has no other user, no program to start and no priority to change
 * (QEMU's seccomp filter).
 */
export const sandboxArguments = ({ children }: { children: boolean }): string[] => [
  '-sandbox',
  `on,obsolete=deny,elevateprivileges=deny,spawn=${children ? 'allow' : 'deny'},resourcecontrol=deny`,
];

const machines: Record<Machine, { option: string; virtioSuffix: string }> = {
  // Without acpi=off QEMU does not put the virtio-mmio devices on the kernel's command line (hw/i386/microvm.c).
  microvm: { option: 'microvm,acpi=off,rtc=on', virtioSuffix: 'device' },
  q35: { option: 'q35', virtioSuffix: 'pci' },
};

/**
 * Under emulation everything but what makes it slow: without protection keys, since Node's threads and the kernel's
 * have different ones and each switch between them then flushes the TLB (QEMU 7.2, target/i386/tcg/misc_helper.c,
 * helper_wrpkru), which doubled the time of a case; and without `fast rep movsb`, which is emulated byte by byte.
 */
const cpus: Record<Accelerator, string> = { kvm: 'host', tcg: 'max,-pku,-erms,-fsrm' };

export function qemuArguments(spec: QemuSpec): string[] {
  const { option, virtioSuffix } = machines[spec.machine];
  // QEMU separates options by commas; a doubled one is a literal comma.
  const literal = (path: string): string => path.replaceAll(',', ',,');
  return [
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-no-reboot',
    // A template's devices are saved and loaded by a child (exec: of QMP migrate, see template.ts).
    ...(spec.sandboxed === true ? sandboxArguments({ children: spec.memoryFile !== undefined }) : []),
    '-machine',
    spec.memoryFile === undefined ? option : `${option},memory-backend=ram`,
    ...(spec.memoryFile === undefined
      ? []
      : [
          '-object',
          `memory-backend-file,id=ram,size=${String(spec.memoryMib)}M,mem-path=${literal(spec.memoryFile.path)},share=${spec.memoryFile.shared ? 'on' : 'off'}`,
        ]),
    '-accel',
    spec.accelerator,
    '-cpu',
    cpus[spec.accelerator],
    '-smp',
    '1',
    '-m',
    `${String(spec.memoryMib)}M`,
    '-kernel',
    spec.kernel,
    '-initrd',
    spec.initramfs,
    '-append',
    [...guestArguments, ...(spec.kernelArguments ?? [])].join(' '),
    '-chardev',
    `socket,id=console,path=${literal(spec.sockets.console)}`,
    '-serial',
    'chardev:console',
    '-chardev',
    `socket,id=qmp,path=${literal(spec.sockets.qmp)}`,
    '-mon',
    'chardev=qmp,mode=control',
    '-device',
    `virtio-serial-${virtioSuffix}`,
    '-chardev',
    `socket,id=port,path=${literal(spec.sockets.port)}`,
    '-device',
    `virtserialport,chardev=port,name=${portName}`,
    '-object',
    'rng-builtin,id=rng',
    '-device',
    `virtio-rng-${virtioSuffix},rng=rng`,
    ...(spec.incoming === true ? ['-incoming', 'defer'] : []),
  ];
}
