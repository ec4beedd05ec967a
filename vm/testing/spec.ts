/** The VM that this folder's tests boot: the kernel that IOMAPFUZZ_KERNEL names, else the reference kernel. */
import { agentFiles } from '../guest-files.ts';
import { readKernelImage, type KernelImage } from '../kernel/image.ts';
import { terminalProgress } from '../kernel/progress.ts';
import { selectKernel } from '../kernel/select.ts';
import type { VmSpec } from '../vm.ts';

export async function testKernel(): Promise<KernelImage> {
  const given = process.env['IOMAPFUZZ_KERNEL'];
  return given === undefined ? selectKernel({}, terminalProgress()) : readKernelImage(given);
}

export async function testSpec(): Promise<VmSpec> {
  return { kernel: await testKernel(), files: agentFiles(), memoryMib: 512, bootTimeoutMs: 200_000 };
}

/** An agent of the test's own instead of ours; `port` is an open fd of the results port, `frame` encodes a message. */
export function withAgent(spec: VmSpec, source: string): VmSpec {
  const prelude = `
    const fs = require('fs'), v8 = require('v8');
    const port = fs.openSync(process.argv[2], 'r+');
    const frame = (m) => { const p = v8.serialize(m), f = Buffer.alloc(4 + p.length); f.writeUInt32LE(p.length); p.copy(f, 4); return f; };
    const hello = () => fs.writeSync(port, frame({ kind: 'hello', protocol: 1, facts: { release: 'test', version: '', commandLine: '', fuse: false, badDataEvent: false, tainted: 0 } }));
  `;
  return { ...spec, files: [{ path: '/iomapfuzz/agent.cjs', content: { kind: 'bytes', bytes: Buffer.from(prelude + source) } }] };
}
