/** What a kernel is to us: testable, and through which channels; or not, and why, and what would change that. */
import type { KernelFacts } from '../../model/channel.ts';
import { UntestableKernelError } from '../../model/errors.ts';
import { parseConfig, type KernelConfig } from './parse-config.ts';
import type { KernelImage } from './image.ts';

/** A refusal shows in three places (errno is always there); a kernel may lack the others. */
type Channel = 'trace event' | 'WARN';

interface MissingChannel {
  channel: Channel;
  /** What is not there, and what would bring it. */
  reason: string;
}

export type KernelIdentity =
  /** `missing`: what is reported as not run, with its reason; empty for a complete kernel. */
  | { kind: 'testable'; missing: MissingChannel[] }
  | { kind: 'no-fuse'; reason: string; remedy: string }
  | { kind: 'no-fuse-iomap'; reason: string; remedy: string }
  | { kind: 'iomap-off'; reason: string; remedy: string };

const applySeries =
  'apply the series "fuse: allow servers to use iomap" and build it with CONFIG_FUSE_IOMAP=y (iomapfuzz kernel config)';

/** `imageConfig` is the configuration found with the image, for kernels that do not tell it at run time. */
export function identifyKernel(facts: KernelFacts, imageConfig?: KernelConfig): KernelIdentity {
  const config = facts.config === undefined ? imageConfig : parseConfig(facts.config);
  if (!facts.fuse) return noFuse(facts, config);
  if (facts.enableIomap === undefined) return noIomap(facts, config);
  if (!facts.enableIomap) {
    return {
      kind: 'iomap-off',
      reason: `Linux ${facts.release} has fuse-iomap, switched off (/sys/module/fuse/parameters/enable_iomap is N)`,
      remedy: 'boot it with fuse.enable_iomap=1, or build it with CONFIG_FUSE_IOMAP_BY_DEFAULT=y',
    };
  }
  return { kind: 'testable', missing: [...missingEvent(facts, config), ...missingWarn(facts, config)] };
}

/** What the configuration of an image says before it is booted: why it cannot be tested; undefined when it may be. */
export function identifyByConfig({
  config,
  configSource,
  release,
}: Pick<KernelImage, 'config' | 'configSource' | 'release'>):
  Exclude<KernelIdentity, { kind: 'testable' }> | undefined {
  if (config === undefined || config.has('FUSE_IOMAP')) return undefined;
  return {
    kind: 'no-fuse-iomap',
    reason: `Linux ${release} is built without fuse-iomap: CONFIG_FUSE_IOMAP is not set (${configSource})`,
    remedy: applySeries,
  };
}

/** Throws UntestableKernelError for a kernel whose configuration or whose guest has no fuse-iomap. */
export function requireTestable(kernel: KernelImage, facts?: KernelFacts): void {
  const identity = facts === undefined ? identifyByConfig(kernel) : identifyKernel(facts, kernel.config);
  if (identity !== undefined && identity.kind !== 'testable')
    throw new UntestableKernelError(describeIdentity(identity));
}

/** One line for people. */
export function describeIdentity(identity: KernelIdentity): string {
  if (identity.kind !== 'testable') return `${identity.reason}; ${identity.remedy}`;
  if (identity.missing.length === 0) return 'has fuse-iomap, switched on; errno, trace event and WARN can be judged';
  return `has fuse-iomap, switched on; not to be judged: ${identity.missing.map(({ channel, reason }) => `${channel} (${reason})`).join(', ')}`;
}

function noFuse(facts: KernelFacts, config: KernelConfig | undefined): KernelIdentity {
  const setting = config?.get('FUSE_FS');
  return {
    kind: 'no-fuse',
    reason: `Linux ${facts.release} has no FUSE (/proc/filesystems does not list it)`,
    remedy:
      setting === 'm'
        ? 'its configuration has FUSE as a module: name the directory of its modules by --modules'
        : 'build it with CONFIG_FUSE_FS=y and CONFIG_FUSE_IOMAP=y (iomapfuzz kernel config)',
  };
}

function noIomap(facts: KernelFacts, config: KernelConfig | undefined): KernelIdentity {
  return {
    kind: 'no-fuse-iomap',
    reason:
      `Linux ${facts.release} has FUSE without fuse-iomap (no parameter fuse.enable_iomap` +
      `${config === undefined || config.has('FUSE_IOMAP') ? '' : ', and CONFIG_FUSE_IOMAP is not set'})`,
    remedy: applySeries,
  };
}

function missingEvent(facts: KernelFacts, config: KernelConfig | undefined): MissingChannel[] {
  if (facts.badDataEvent) return [];
  const reason =
    config !== undefined && !config.has('EVENT_TRACING')
      ? 'the kernel is built without event tracing: CONFIG_FTRACE=y and CONFIG_ENABLE_DEFAULT_TRACERS=y'
      : 'there is no trace event fuse/fuse_iomap_bad_data';
  return [{ channel: 'trace event', reason }];
}

function missingWarn(facts: KernelFacts, config: KernelConfig | undefined): MissingChannel[] {
  if (facts.debugIomap === undefined) {
    return [{ channel: 'WARN', reason: 'there is no parameter fuse.debug_iomap: CONFIG_FUSE_IOMAP_DEBUG=y' }];
  }
  if (config !== undefined && !config.has('PRINTK'))
    return [{ channel: 'WARN', reason: 'the kernel has no log: CONFIG_PRINTK=y' }];
  return [];
}
