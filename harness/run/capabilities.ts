/** What a kernel must have to be judged at all, as a table: the first row that fails names the reason. */
import type { KernelFacts } from '../model/channel.ts';
import type { RevisionId } from '../uapi/revision.ts';

interface Requirement {
  met: (facts: KernelFacts, revision: RevisionId) => boolean;
  otherwise: string;
}

const requirements: readonly Requirement[] = [
  { met: ({ fuse }) => fuse, otherwise: 'this kernel has no FUSE (CONFIG_FUSE_FS is off, or its module did not load)' },
  {
    met: ({ enableIomap }) => enableIomap !== undefined,
    otherwise: 'this kernel has FUSE but no fuse-iomap: there is no parameter fuse.enable_iomap (CONFIG_FUSE_IOMAP is off, or the patches are not applied)',
  },
  {
    met: ({ enableIomap }) => enableIomap === true,
    otherwise: 'fuse-iomap is switched off in this kernel: fuse.enable_iomap is 0 and could not be set',
  },
];

/** Why this kernel cannot be judged; undefined when it can. */
export const untestable = (facts: KernelFacts, revision: RevisionId): string | undefined =>
  requirements.find(({ met }) => !met(facts, revision))?.otherwise;
