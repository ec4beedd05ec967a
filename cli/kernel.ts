/** `iomapfuzz kernel`: the reference kernel, and what other kernels need. */
import { Command, Option } from 'commander';
import { join } from 'node:path';
import { UsageError } from '../model/errors.ts';
import { buildReferenceKernel, cachedKernels } from '../vm/kernel/build.ts';
import { flavours, testableFragment, type Flavour } from '../vm/kernel/fragments.ts';
import { terminalProgress } from '../vm/kernel/progress.ts';
import { kernelOfTree } from '../vm/kernel/tree.ts';
import { exitCodes, FILE_CODES } from './exit-codes.ts';

interface BuildOptions {
  flavour?: Flavour;
  source?: string;
  kdir?: string;
}

export function kernelCommand(): Command {
  const build = new Command('build')
    .description('build a kernel, or find it in the cache, and print the path of its bzImage')
    .addOption(
      new Option(
        '--flavour <name>',
        'fast; debug with KASAN, UBSAN, lockdep and KCOV; or liberties, for --liberty (default: fast)',
      ).choices(flavours),
    )
    .option('--source <path>', "tarball or directory of the Linux source, instead of Debian's package")
    .option('--kdir <tree>', 'build this tree as it is instead of the reference kernel')
    .addHelpText(
      'after',
      exitCodes('0 the path is printed, 2 usage, 3 it cannot be built here, 125 a tree that cannot be tested.'),
    )
    .action(async ({ flavour, source, kdir }: BuildOptions) => {
      if (kdir !== undefined) {
        if (source !== undefined) throw new UsageError('--source and --kdir both name a source: give one of them');
        console.log(await kernelOfTree(kdir, flavour === undefined ? {} : { flavour }, terminalProgress()));
        return;
      }
      const { directory } = await buildReferenceKernel(
        { flavour: flavour ?? 'fast', ...(source === undefined ? {} : { source }) },
        terminalProgress(),
      );
      console.log(join(directory, 'bzImage'));
    });
  const list = new Command('list')
    .description('show the kernels in the cache')
    .addHelpText('after', exitCodes(FILE_CODES))
    .action(() => {
      const kernels = cachedKernels();
      if (kernels.length === 0) console.log('no kernel has been built yet: iomapfuzz kernel build');
      for (const { directory, manifest } of kernels) {
        console.log(
          `${manifest.key}  ${manifest.flavour.padEnd(5)}  Linux ${manifest.version}  ${String(manifest.patches.length)} patches  ${manifest.builtAt.slice(0, 16).replace('T', ' ')}  ${join(directory, 'bzImage')}`,
        );
      }
    });
  const config = new Command('config')
    .description('print the configuration that a kernel needs to be testable, for scripts/kconfig/merge_config.sh')
    .addHelpText('after', exitCodes(FILE_CODES))
    .action(() => {
      process.stdout.write(testableFragment());
    });
  return new Command('kernel')
    .description('build and show kernels')
    .addCommand(build)
    .addCommand(list)
    .addCommand(config);
}
