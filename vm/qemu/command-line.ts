/** QEMU's command line: no disk, no network, no graphics; a serial console, a results port, a control socket. */

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
  /** Guest memory in a file of exactly that size: a template's is shared with the file, a clone's is a private copy on write. */
  memoryFile?: { path: string; shared: boolean };
  /** Wait for a device state (QMP migrate-incoming) instead of booting. */
  incoming?: boolean;
}

export const portName = 'iomapfuzz';

/**
 * - oops=panic: a VM is thrown away after an oops, so it may as well end there, with its log on the console;
 * - panic=-1 with QEMU's -no-reboot: a panic ends QEMU at once;
 * - reboot=t: microvm without ACPI can neither power off nor reset through a keyboard controller, a triple fault works on both machines;
 * - random.trust_cpu: no wait for entropy at boot;
 * - brd: one large ramdisk, which cases' devices are partitions of; it takes memory only where it was written (drivers/block/brd.c);
 * - scsi_debug: atomic writes at any sector, done inside the submitting syscall, on a disk that is not there before somebody adds it.
 */
const kernelArguments = ['console=ttyS0', 'oops=panic', 'panic=-1', 'reboot=t', 'random.trust_cpu=on', 'brd.rd_nr=1', 'brd.rd_size=1048576',
  ...['add_host=0', 'atomic_wr=1', 'atomic_wr_align=1', 'atomic_wr_gran=1', 'delay=0', 'dev_size_mb=8'].map((parameter) => `scsi_debug.${parameter}`)];

const machines: Record<Machine, { option: string; virtioSuffix: string }> = {
  // Without acpi=off QEMU does not put the virtio-mmio devices on the kernel's command line (hw/i386/microvm.c).
  microvm: { option: 'microvm,acpi=off,rtc=on', virtioSuffix: 'device' },
  q35: { option: 'q35', virtioSuffix: 'pci' },
};

/**
 * Under emulation everything but what makes it slow: without protection keys, since Node's threads and the kernel's have different ones and
 * each switch between them then flushes the TLB (QEMU 7.2, target/i386/tcg/misc_helper.c, helper_wrpkru), which doubled the time
 * of a case; and without `fast rep movsb`, which is emulated byte by byte.
 */
const cpus: Record<Accelerator, string> = { kvm: 'host', tcg: 'max,-pku,-erms,-fsrm' };

export function qemuArguments(spec: QemuSpec): string[] {
  const { option, virtioSuffix } = machines[spec.machine];
  // QEMU separates options by commas; a doubled one is a literal comma.
  const literal = (path: string): string => path.replaceAll(',', ',,');
  return [
    '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
    '-machine', spec.memoryFile === undefined ? option : `${option},memory-backend=ram`,
    ...(spec.memoryFile === undefined ? [] : [
      '-object', `memory-backend-file,id=ram,size=${String(spec.memoryMib)}M,mem-path=${literal(spec.memoryFile.path)},share=${spec.memoryFile.shared ? 'on' : 'off'}`,
    ]),
    '-accel', spec.accelerator,
    '-cpu', cpus[spec.accelerator],
    '-smp', '1',
    '-m', `${String(spec.memoryMib)}M`,
    '-kernel', spec.kernel,
    '-initrd', spec.initramfs,
    '-append', [...kernelArguments, ...(spec.kernelArguments ?? [])].join(' '),
    '-chardev', `socket,id=console,path=${literal(spec.sockets.console)}`, '-serial', 'chardev:console',
    '-chardev', `socket,id=qmp,path=${literal(spec.sockets.qmp)}`, '-mon', 'chardev=qmp,mode=control',
    '-device', `virtio-serial-${virtioSuffix}`,
    '-chardev', `socket,id=port,path=${literal(spec.sockets.port)}`, '-device', `virtserialport,chardev=port,name=${portName}`,
    '-object', 'rng-builtin,id=rng', '-device', `virtio-rng-${virtioSuffix},rng=rng`,
    ...(spec.incoming === true ? ['-incoming', 'defer'] : []),
  ];
}
