/** What works on this machine, and what to do about what does not. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../model/errors.ts';
import { cachedKernels } from '../kernel/build.ts';
import { aptIsHere, fetchedPackages, sourcePackage } from '../kernel/debian.ts';
import { describeIdentity, identifyKernel } from '../kernel/identify.ts';
import { agentFiles } from '../guest-files.ts';
import { cacheRoot, cacheDirectory } from '../paths.ts';
import { qemuVersion, rememberedChoice, whyKvmIsUnavailable, chooseAccelerator } from '../qemu/accelerator.ts';
import { qemuProgram } from '../qemu/process.ts';
import { whyNoSandbox } from '../qemu/sandbox.ts';
import { repositoryRoot } from '../../files/repository-root.ts';
import { Vm, type VmSpec } from '../vm.ts';
import { freeMib } from './disk.ts';
import { findTool, installHint, missingTools, type HostTool } from './tools.ts';

export interface Finding {
  subject: string;
  /** `bad` keeps iomapfuzz from working; `poor` does not. */
  state: 'good' | 'poor' | 'bad';
  text: string;
  /** What to do; absent when there is nothing to do. */
  advice?: string;
}

/** Node 20.19 is what package.json's engines and the launcher ask for. */
const oldestNode = [20, 19] as const;
/** The unpacked source, the objects of both flavours, kernels and initramfs archives. */
const wantedDiskMib = 5000;
/** A guest and the compiler beside it. */
const wantedMemoryMib = 2048;

/** Everything that can be said without booting a guest. */
export function examineHost(): Finding[] {
  return [
    node(),
    addon(),
    tools('vm', 'QEMU and guest tools', 'bad'),
    accelerator(),
    tools('kernel build', 'compiler', 'poor'),
    kernels(),
    kernelSource(),
    disk(),
    memory(),
    rights(),
    sandbox(),
  ];
}

/** Boots the kernel and asks it; the last and best proof. */
export async function examineGuest(spec: VmSpec): Promise<Finding[]> {
  try {
    const choice = spec.accelerator === undefined ? await chooseAccelerator(spec.kernel.path) : undefined;
    const vm = await Vm.boot(spec);
    try {
      const { machine, accelerator: used, memoryMib, readyAfterMs } = vm.environment;
      const identity = identifyKernel(vm.facts, spec.kernel.config);
      const whole = identity.kind === 'testable' && identity.missing.length === 0;
      return [
        {
          subject: 'guest',
          state: 'good',
          text: `Linux ${vm.facts.release} was ready after ${(readyAfterMs / 1000).toFixed(1)} s (${machine}, ${used}${choice === undefined ? '' : `: ${choice.reason}`}, ${String(memoryMib)} MiB)`,
        },
        {
          subject: 'fuse-iomap',
          state: whole ? 'good' : identity.kind === 'testable' ? 'poor' : 'bad',
          text: describeIdentity(identity),
        },
      ];
    } finally {
      await vm.close();
    }
  } catch (error) {
    return [
      {
        subject: 'guest',
        state: 'bad',
        text: messageOf(error),
        advice: 'see the lines above; `iomapfuzz vm run --console-log FILE -- true` keeps the whole console',
      },
    ];
  }
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  return fits
    ? { subject: 'node', state: 'good', text: `${process.version}, ${process.execPath}` }
    : {
        subject: 'node',
        state: 'bad',
        text: `${process.version} is too old`,
        advice: `install Node ${oldestNode.join('.')} or newer`,
      };
}

function addon(): Finding {
  const path = join(repositoryRoot(), 'harness/native/build/Release/iomapfuzz.node');
  try {
    agentFiles();
  } catch (error) {
    return { subject: 'guest agent', state: 'bad', text: messageOf(error), advice: 'npm run build' };
  }
  return existsSync(path)
    ? { subject: 'guest agent', state: 'good', text: 'agent and native addon are built' }
    : {
        subject: 'guest agent',
        state: 'bad',
        text: `the native addon is not built (${path})`,
        advice: `${missingAdvice('addon')}node harness/native/build.mjs`,
      };
}

function tools(neededFor: HostTool['neededFor'], subject: string, otherwise: 'poor' | 'bad'): Finding {
  const missing = missingTools(neededFor).map(({ name }) => name);
  if (missing.length > 0) {
    return {
      subject,
      state: otherwise,
      text: `missing: ${missing.join(', ')}${otherwise === 'poor' ? '; kernels cannot be built here' : ''}`,
      advice: installHint(missing),
    };
  }
  return {
    subject,
    state: 'good',
    text: neededFor === 'vm' ? `${qemuProgram} ${qemuVersion()}, busybox` : 'everything that a kernel build needs',
  };
}

function missingAdvice(neededFor: HostTool['neededFor']): string {
  const missing = missingTools(neededFor).map(({ name }) => name);
  return missing.length === 0 ? '' : `${installHint(missing)}, then `;
}

function accelerator(): Finding {
  const subject = 'accelerator';
  const unavailable = whyKvmIsUnavailable();
  if (unavailable !== undefined)
    return {
      subject,
      state: 'poor',
      text: `software emulation (tcg): ${unavailable}`,
      advice: 'KVM is faster; everything works without it',
    };
  if (findTool(qemuProgram) === undefined)
    return {
      subject,
      state: 'poor',
      text: '/dev/kvm can be opened; whether guests run under it cannot be tried without QEMU',
    };
  const known = rememberedChoice();
  if (known === undefined)
    return {
      subject,
      state: 'good',
      text: '/dev/kvm can be opened; whether a guest runs under it is tried with the first one',
    };
  return known.accelerator === 'kvm'
    ? { subject, state: 'good', text: `kvm: ${known.reason}` }
    : {
        subject,
        state: 'poor',
        text: `software emulation (tcg): ${known.reason}`,
        advice: `KVM is faster; everything works without it. It is tried again after the next boot, or when ${cacheDirectory('accelerator')} is removed`,
      };
}

function kernels(): Finding {
  const found = cachedKernels();
  return found.length > 0
    ? {
        subject: 'kernels',
        state: 'good',
        text: `in the cache: ${found.map(({ manifest }) => `${manifest.flavour} ${manifest.version} (${manifest.key})`).join(', ')}`,
      }
    : {
        subject: 'kernels',
        state: 'poor',
        text: 'no reference kernel has been built yet',
        advice: 'iomapfuzz kernel build (done by the first command that needs it)',
      };
}

function kernelSource(): Finding {
  const subject = 'kernel source';
  if (fetchedPackages(sourcePackage).length > 0)
    return { subject, state: 'good', text: `${sourcePackage} is in the cache` };
  if (readdirSync(cacheDirectory('source')).length > 0)
    return { subject, state: 'good', text: `unpacked in ${join(cacheRoot(), 'source')}` };
  return aptIsHere()
    ? { subject, state: 'good', text: `${sourcePackage} will be fetched by apt` }
    : {
        subject,
        state: 'poor',
        text: "apt or Debian's archive keyring is not on this machine",
        advice: 'give the source of the reference kernel by --source TARBALL|DIR, or a kernel by --kernel or --kdir',
      };
}

function disk(): Finding {
  const directory = cacheDirectory();
  const free = freeMib(directory);
  return {
    subject: 'disk',
    state: free >= wantedDiskMib ? 'good' : 'poor',
    text: `${String(free)} MiB free in ${directory}`,
    ...(free >= wantedDiskMib
      ? {}
      : {
          advice: `a first kernel build takes up to ${String(wantedDiskMib)} MiB: free some, or set XDG_CACHE_HOME to a larger disk`,
        }),
  };
}

function memory(): Finding {
  const available = availableMib();
  return {
    subject: 'memory',
    state: available >= wantedMemoryMib ? 'good' : 'poor',
    text: `${String(available)} of ${String(Math.round(totalmem() / 2 ** 20))} MiB available`,
    ...(available >= wantedMemoryMib ? {} : { advice: "a guest takes 512 MiB (--memory), the debug kernel's 1024" }),
  };
}

/** What the kernel thinks can be had without swapping; free memory alone leaves out what caches would give back. */
function availableMib(): number {
  const kib = /^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return kib === undefined ? Math.round(freemem() / 2 ** 20) : Math.round(Number(kib) / 1024);
}

function sandbox(): Finding {
  const program = findTool(qemuProgram);
  const reason = program === undefined ? 'QEMU is not installed' : whyNoSandbox(program);
  return reason === undefined
    ? { subject: 'sandbox', state: 'good', text: 'QEMU denies itself system calls that no guest needs (-sandbox on)' }
    : {
        subject: 'sandbox',
        state: 'poor',
        text: `QEMU runs without its seccomp sandbox: ${reason}`,
        advice: 'test kernels that you do not trust as a user without rights',
      };
}

function rights(): Finding {
  return process.getuid?.() === 0
    ? {
        subject: 'rights',
        state: 'good',
        text: 'running as root, and so does QEMU; nothing here needs it once the tools are installed',
      }
    : { subject: 'rights', state: 'good', text: 'running without root, which is enough' };
}
