/** `--device`: block devices of the guest with content from the host. */
import { InvalidArgumentError, type Command } from 'commander';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { InfrastructureError, UsageError, messageOf } from '../model/errors.ts';
import { readError } from '../files/system-error.ts';
import type { Vm } from '../vm/vm.ts';
import { SEVERAL_TIMES } from './list-option.ts';

export type WantedDevice = { kind: 'file'; source: string; sizeBytes: number } | { kind: 'blank'; sizeBytes: number };

const sectorBytes = 512;
const chunkBytes = 1 << 20;
const answerMs = 120_000;
const units: Readonly<Record<string, number>> = { '': 1, K: 1 << 10, M: 1 << 20, G: 1 << 30 };
const zeros = Buffer.alloc(chunkBytes);

export function addDeviceOption(command: Command): Command {
  return command.option(
    '--device <file|size>',
    `the script's next device: with the content of this file, or empty (64M, 1G); ${SEVERAL_TIMES}`,
    (value: string, all: WantedDevice[] = []) => [...all, wantedDevice(value)],
  );
}

function wantedDevice(text: string): WantedDevice {
  const size = /^(\d+)([KMG]?)$/.exec(text);
  if (size && !statSync(text, { throwIfNoEntry: false })) {
    const sizeBytes = Number(size[1]) * units[size[2]!]!;
    if (sizeBytes === 0 || sizeBytes % sectorBytes !== 0)
      throw new InvalidArgumentError(`A device has a multiple of ${sectorBytes} bytes.`);
    return { kind: 'blank', sizeBytes };
  }
  const source = resolve(text);
  const stat = statSync(source, { throwIfNoEntry: false });
  if (!stat?.isFile()) throw new InvalidArgumentError(`There is no file ${source}; a size looks like 64M.`);
  if (stat.size === 0) throw new InvalidArgumentError(`${source} is empty.`);
  return { kind: 'file', source, sizeBytes: Math.ceil(stat.size / sectorBytes) * sectorBytes };
}

/** Memory that the guest needs for them, in MiB: ramdisks. */
export const memoryForDevices = (devices: readonly WantedDevice[]): number =>
  Math.ceil(devices.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / (1 << 20));

/** The guest's ramdisk has 1 GiB without this. */
export function ramdiskArguments(devices: readonly WantedDevice[]): string[] {
  const kib = devices.reduce((sum, { sizeBytes }) => sum + Math.ceil(sizeBytes / 4096) * 4, 0);
  // What the script makes by itself needs room as well.
  return kib > 1 << 19 ? [`brd.rd_size=${kib + (1 << 20)}`] : [];
}

/** Brings content into the guest. Returns the devices as harness/guest/serve/devices.ts wants them. */
export async function attachDevices(
  vm: Vm,
  devices: readonly WantedDevice[],
): Promise<({ kind: 'file'; path: string; sizeBytes: number } | { kind: 'blank'; sizeBytes: number })[]> {
  const attached = [];
  for (const [index, device] of devices.entries()) {
    if (device.kind === 'blank') {
      attached.push(device);
      continue;
    }
    const path = `/tmp/iomapfuzz-device-${index}`;
    await sendFile(vm, device.source, path, device.sizeBytes);
    attached.push({ kind: 'file' as const, path, sizeBytes: device.sizeBytes });
  }
  return attached;
}

/** Stretches of zeros stay here. */
async function sendFile(vm: Vm, source: string, path: string, sizeBytes: number): Promise<void> {
  let from: number;
  try {
    from = openSync(source, 'r');
  } catch (error) {
    throw new UsageError(`${source} cannot be read: ${messageOf(readError(error))}`);
  }
  try {
    const chunk = Buffer.alloc(chunkBytes);
    for (let at = 0; at < sizeBytes; at += chunkBytes) {
      const length = readSync(from, chunk, 0, chunkBytes, at);
      const bytes = chunk.subarray(0, length);
      if (at > 0 && bytes.equals(zeros.subarray(0, length))) continue;
      vm.send({ kind: 'write-file', id: at, path, offsetBytes: at, sizeBytes, bytes });
      const answer = await vm.receive(answerMs);
      if (answer.kind === 'error')
        throw new InfrastructureError(
          `${source} does not fit into the guest (${answer.reason}): give it more with --memory`,
        );
    }
  } finally {
    closeSync(from);
  }
}
