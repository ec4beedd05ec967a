/** The VM that this folder's tests boot: the kernel that IOMAPFUZZ_KERNEL names, else the reference kernel. */
import { buildSync } from 'esbuild';
import { PROTOCOL } from '../../model/channel.ts';
import { agentFiles } from '../guest-files.ts';
import { readKernelImage, type KernelImage } from '../kernel/image.ts';
import { terminalProgress } from '../kernel/progress.ts';
import { selectKernel } from '../kernel/select.ts';
import { repositoryRoot } from '../../files/repository-root.ts';
import type { VmSpec } from '../vm.ts';

export async function testKernel(): Promise<KernelImage> {
  const given = process.env['IOMAPFUZZ_KERNEL'];
  return given === undefined ? selectKernel({}, terminalProgress()) : readKernelImage(given);
}

export async function testSpec(): Promise<VmSpec> {
  return { kernel: await testKernel(), files: agentFiles(), memoryMib: 512, bootTimeoutMs: 200_000 };
}

/**
 * An agent of the test's own instead of ours; `port` is an open fd of the results port, `frame` encodes a message as
 * our agent does.
 */
export function withAgent(spec: VmSpec, source: string): VmSpec {
  const prelude = `
    import fs from 'node:fs';
    import { encodeGuestFrame as frame } from './model/guest-message.ts';
    const port = fs.openSync(process.argv[2], 'r+');
    const hello = (protocol = ${String(PROTOCOL)}) => fs.writeSync(port, frame({ kind: 'hello', protocol, facts: { release: 'test', version: '', commandLine: '', fuse: false, badDataEvent: false, tainted: 0 } }));
  `;
  const { outputFiles } = buildSync({
    stdin: { contents: prelude + source, resolveDir: repositoryRoot(), loader: 'js' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    write: false,
  });
  return {
    ...spec,
    files: [{ path: '/iomapfuzz/agent.cjs', content: { kind: 'bytes', bytes: Buffer.from(outputFiles[0]!.contents) } }],
  };
}
