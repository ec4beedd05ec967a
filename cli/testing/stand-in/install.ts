/** The program with a stand-in for QEMU in its PATH and an image that nobody runs: a run from outside without a kernel. */
import { buildSync } from 'esbuild';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../../../files/make-directory.ts';
import { repositoryRoot } from '../../../files/repository-root.ts';

const common = { bundle: true, platform: 'node', target: 'node20', logLevel: 'error' } as const;

export interface Installed {
  /** iomapfuzz, as a file for node. */
  program: string;
  /** A bzImage. */
  kernel: string;
  path: string;
}

/** Into `directory`, which is below the repository, so that packages are found from it. */
export function installStandIn(directory: string): Installed {
  const program = join(directory, 'iomapfuzz.mjs');
  const kernel = join(directory, 'bzImage');
  makeDirectory(join(directory, 'bin'));
  buildSync({
    ...common,
    entryPoints: [join(repositoryRoot(), 'cli/main.ts')],
    outfile: program,
    format: 'esm',
    packages: 'external',
  });
  const qemu = join(directory, 'qemu.cjs');
  buildSync({
    ...common,
    entryPoints: [join(repositoryRoot(), 'cli/testing/stand-in/qemu.ts')],
    outfile: qemu,
    format: 'cjs',
  });
  writeFileSync(join(directory, 'bin/qemu-system-x86_64'), `#!/bin/sh\nexec '${process.execPath}' '${qemu}' "$@"\n`);
  chmodSync(join(directory, 'bin/qemu-system-x86_64'), 0o755);
  // The head of a bzImage (Documentation/arch/x86/boot.rst); nobody runs it.
  const image = Buffer.alloc(8192);
  image[0x1f1] = 4;
  image.write('HdrS', 0x202);
  image.writeUInt16LE(0x20f, 0x206);
  image.writeUInt16LE(0x300, 0x20e);
  image.write('7.3.4-stand-in (me@here) #1\0', 0x500);
  writeFileSync(kernel, image);
  // What goes into an initramfs, which nobody unpacks.
  const agent = join(repositoryRoot(), 'dist/guest/agent.cjs');
  if (!existsSync(agent))
    buildSync({
      ...common,
      entryPoints: [join(repositoryRoot(), 'harness/guest/agent.ts')],
      outfile: agent,
      format: 'cjs',
    });
  return { program, kernel, path: `${join(directory, 'bin')}:${process.env['PATH'] ?? ''}` };
}
