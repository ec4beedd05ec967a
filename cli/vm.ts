/** `iomapfuzz vm`: a guest for one command. */
import { Command } from 'commander';
import { execInGuest } from '../vm/exec.ts';
import { Vm } from '../vm/vm.ts';
import { addFileOption, guestFilesOf, memoryForFiles } from './guest-file-options.ts';
import { addVmOptions, positiveInteger, vmSpecOf, type VmOptions } from './vm-options.ts';
import { exitCodes, GUEST_CODES } from './exit-codes.ts';

interface RunOptions extends VmOptions {
  timeout: number;
  file?: string[];
}

export function vmCommand(): Command {
  const run = addFileOption(addVmOptions(new Command('run')))
    .description('boot a guest, run a command in it, print what it prints, and exit as it does')
    .usage('[options] -- CMD...')
    .argument('<cmd...>', "program and arguments: busybox's commands and node are there")
    .option('--timeout <seconds>', 'for the command', positiveInteger, 600)
    .addHelpText('after', exitCodes(`that of the command; besides, ${GUEST_CODES}`))
    .action(async (argv: string[], options: RunOptions) => {
      const files = guestFilesOf(options.file);
      const spec = await vmSpecOf(options, { files });
      const vm = await Vm.boot({ ...spec, memoryMib: options.memory ?? spec.memoryMib + memoryForFiles(files) });
      try {
        process.exitCode = await execInGuest(vm, {
          argv,
          timeoutMs: options.timeout * 1000,
          onOutput: (stream, bytes) => {
            process[stream].write(bytes);
          },
        });
      } finally {
        await vm.close();
      }
    });
  return new Command('vm').description('use a guest directly').addCommand(run);
}
