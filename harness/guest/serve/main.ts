/**
 * Runs a `serve` script inside the guest: mounts, answers, prints the transcript; ends when it is unmounted for good.
 */
import { existsSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeDirectory } from '../../../files/make-directory.ts';
import type { Host, ServerDefinition } from '../api.ts';
import { loadNative, type Native } from '../../native/index.ts';
import type { Numbers } from '../../../uapi/numbers.ts';
import { ServedDevices, type Attachment } from './devices.ts';
import { serve } from './serve.ts';

/** What the host says on the command line, as JSON. */
export interface ServeOptions {
  mountPoint: string;
  attachments: Attachment[];
  /** No transcript. */
  quiet: boolean;
  /**
   * While this file exists, the end of a mount is the beginning of the next. The guest's command `remount` makes it.
   */
  remountFile: string;
  /** The host waits for this line before it runs the command. */
  readyLine: string;
  /** Exit code for what the script threw. */
  scriptFault: number;
  /** Of the kernel's uAPI header; absent: those of the script's revision. */
  numbers?: Numbers;
}

type Definition = ServerDefinition | ((host: Host) => ServerDefinition);

/** Kernels may be built with iomap switched off. */
function enableIomap(): void {
  try {
    writeFileSync('/sys/module/fuse/parameters/enable_iomap', 'Y');
  } catch {
    // There is no such switch: the devices' registration will say what the kernel lacks.
  }
}

function serveAll(definition: Definition, options: ServeOptions, native: Native, addon: string): void {
  const devices = new ServedDevices(native, options.attachments);
  enableIomap();
  makeDirectory(options.mountPoint);
  for (let again = true; again; again = existsSync(options.remountFile)) {
    rmSync(options.remountFile, { force: true });
    const failure = serve(
      typeof definition === 'function'
        ? definition({ device: (number, fallback) => devices.get(number, fallback) })
        : definition,
      {
        native,
        addon,
        devices,
        mountPoint: options.mountPoint,
        readyLine: options.readyLine,
        ...(options.numbers && { numbers: options.numbers }),
        print: options.quiet
          ? () => undefined
          : (text) => {
              writeSync(1, `${text}\n`);
            },
      },
    );
    if (failure !== undefined) throw new ServeFailure(failure);
  }
  devices.remove();
}

/** The machine's fault, not the script's. */
class ServeFailure extends Error {}

/** Entry of the bundle that `iomapfuzz serve` makes of a script. */
export function main(definition: Definition | undefined): void {
  const options = JSON.parse(process.argv[2]!) as ServeOptions;
  const complain = (text: string, code: number): void => {
    writeSync(2, `${text}\n`);
    process.exitCode = code;
  };
  if (!definition) {
    complain(
      'the script has no default export; end it with: export default defineServer({ ... })',
      options.scriptFault,
    );
    return;
  }
  try {
    const addon = join(dirname(process.argv[1]!), 'iomapfuzz.node');
    serveAll(definition, options, loadNative(addon), addon);
  } catch (error) {
    if (error instanceof ServeFailure) complain(error.message, 1);
    else complain(error instanceof Error ? (error.stack ?? error.message) : String(error), options.scriptFault);
  }
}
