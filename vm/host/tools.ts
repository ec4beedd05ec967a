/** The programs and headers of the host that iomapfuzz uses, and the Debian packages they come from. */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface HostTool {
  /** How messages name it. */
  name: string;
  debianPackage: string;
  /** What cannot be done without it. */
  neededFor: 'vm' | 'kernel build' | 'kernel fetch' | 'addon';
  /** Found in PATH when given; otherwise `anyFile` decides. */
  program?: string;
  anyFile?: readonly string[];
}

const include = (name: string): string[] => [`/usr/include/${name}`, `/usr/include/x86_64-linux-gnu/${name}`];

const hostTools: readonly HostTool[] = [
  { name: 'qemu', program: 'qemu-system-x86_64', debianPackage: 'qemu-system-x86', neededFor: 'vm' },
  { name: 'busybox', program: 'busybox', debianPackage: 'busybox-static', neededFor: 'vm' },
  { name: 'ldd', program: 'ldd', debianPackage: 'libc-bin', neededFor: 'vm' },
  { name: 'gcc', program: 'gcc', debianPackage: 'gcc', neededFor: 'kernel build' },
  { name: 'make', program: 'make', debianPackage: 'make', neededFor: 'kernel build' },
  { name: 'ld', program: 'ld', debianPackage: 'binutils', neededFor: 'kernel build' },
  { name: 'flex', program: 'flex', debianPackage: 'flex', neededFor: 'kernel build' },
  { name: 'bison', program: 'bison', debianPackage: 'bison', neededFor: 'kernel build' },
  { name: 'bc', program: 'bc', debianPackage: 'bc', neededFor: 'kernel build' },
  { name: 'patch', program: 'patch', debianPackage: 'patch', neededFor: 'kernel build' },
  { name: 'xz', program: 'xz', debianPackage: 'xz-utils', neededFor: 'kernel build' },
  { name: 'gzip', program: 'gzip', debianPackage: 'gzip', neededFor: 'kernel build' },
  { name: 'tar', program: 'tar', debianPackage: 'tar', neededFor: 'kernel build' },
  { name: 'perl', program: 'perl', debianPackage: 'perl', neededFor: 'kernel build' },
  { name: 'libelf headers', anyFile: include('libelf.h'), debianPackage: 'libelf-dev', neededFor: 'kernel build' },
  {
    name: 'openssl headers',
    anyFile: include('openssl/opensslv.h'),
    debianPackage: 'libssl-dev',
    neededFor: 'kernel build',
  },
  { name: 'apt-get', program: 'apt-get', debianPackage: 'apt', neededFor: 'kernel fetch' },
  { name: 'dpkg-deb', program: 'dpkg-deb', debianPackage: 'dpkg', neededFor: 'kernel fetch' },
  { name: 'g++', program: 'g++', debianPackage: 'g++', neededFor: 'addon' },
];

/** The absolute path of a program in PATH, if it is there. */
export function findTool(program: string): string | undefined {
  // Not every account has sbin in its PATH.
  for (const directory of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']) {
    if (directory === '') continue;
    const path = join(directory, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return undefined;
}

function toolPresent(tool: HostTool): boolean {
  if (tool.program !== undefined) return findTool(tool.program) !== undefined;
  return tool.anyFile!.some((path) => existsSync(path));
}

export function missingTools(neededFor: HostTool['neededFor']): HostTool[] {
  return hostTools.filter((tool) => tool.neededFor === neededFor && !toolPresent(tool));
}

/** The sentence that says how to get the tools of these names. */
export function installHint(names: readonly string[]): string {
  const packages = hostTools
    .filter((tool) => names.includes(tool.name) || (tool.program !== undefined && names.includes(tool.program)))
    .map((tool) => tool.debianPackage);
  return `On Debian: ${process.getuid?.() === 0 ? '' : 'sudo '}apt-get install ${[...new Set(packages)].join(' ')}`;
}
