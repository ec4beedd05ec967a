/** `iomapfuzz vm`: a guest for one command. */
import { Command } from 'commander';
import { execInGuest } from '../../vm/exec.ts';
import { Vm } from '../../vm/vm.ts';
import { addVmOptions, positiveInteger, vmSpecOf, type VmOptions } from './vm-options.ts';

/** 128 + SIGPIPE */
const closedPipe = 141;

interface RunOptions extends VmOptions {
  timeout: number;
}

export function vmCommand(): Command {
  const run = addVmOptions(new Command('run'))
    .description('boot a guest, run a command in it, print what it prints, and exit as it does')
    .usage('[options] -- CMD...')
    .argument('<cmd...>', 'program and arguments: busybox\'s commands and node are there')
    .option('--timeout <seconds>', 'for the command', positiveInteger, 600)
    .action(async (argv: string[], options: RunOptions) => {
      const vm = await Vm.boot(await vmSpecOf(options));
      // Whoever read our output has had enough (as `head` has): end as a program that writes to a closed pipe does, and the watchdog ends QEMU.
      process.stdout.on('error', () => process.exit(closedPipe));
      try {
        process.exitCode = await execInGuest(vm, {
          argv,
          timeoutMs: options.timeout * 1000,
          onOutput: (stream, bytes) => { process[stream].write(bytes); },
        });
      } finally {
        await vm.close();
      }
    });
  return new Command('vm').description('use a guest directly').addCommand(run);
}
