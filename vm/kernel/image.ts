/** A kernel image that somebody hands us: what it is, how it was configured, where its modules are. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readRegular } from '../../files/regular-file.ts';
import { UsageError, messageOf } from '../../model/errors.ts';
import { parseConfig, type KernelConfig } from './parse-config.ts';
import { rememberedHeader, rememberedTree, type TreeState } from './tree-state.ts';

export interface KernelImage {
  path: string;
  /** `7.3.0 (user@host) #1 ...`, from the image's header. */
  version: string;
  /** `7.3.0`, what uname -r will say. */
  release: string;
  /** Undefined when it is neither in the image nor beside it. */
  config: KernelConfig | undefined;
  /** Where the configuration came from, for people. */
  configSource: string;
  /** lib/modules/RELEASE, when there is one. */
  modulesDirectory: string | undefined;
  /** When the image was written, in ISO 8601. */
  builtAt: string;
  /** Of an image that was made from a tree by --kdir. */
  tree: TreeState | undefined;
  /** The header include/uapi/linux/fuse.h that it was made with, where a copy is known. */
  uapiHeader: string | undefined;
}

/** Documentation/arch/x86/boot.rst: offsets in the image's first sectors. */
const header = {
  magic: 0x202,
  version: 0x206,
  setupSectors: 0x1f1,
  kernelVersion: 0x20e,
  payloadOffset: 0x248,
  payloadLength: 0x24c,
};
const magic = 0x53726448; // "HdrS"

/** Reads `path`. Throws UsageError when it cannot be read or is no bzImage. */
export function readKernelImage(path: string, options: { modulesDirectory?: string } = {}): KernelImage {
  let image: Buffer;
  try {
    image = readRegular(path);
  } catch (error) {
    throw new UsageError(`the kernel image ${path} cannot be read: ${messageOf(error)}`);
  }
  const reason = notAKernel(image);
  if (reason !== undefined) throw new UsageError(`${path} is not a kernel that QEMU can boot: ${reason}`);
  const version = versionOf(image);
  const release = version.split(' ')[0]!;
  const found = findConfig(path, image, release);
  const sha256 = createHash('sha256').update(image).digest('hex');
  return {
    path,
    version,
    release,
    config: found === undefined ? undefined : parseConfig(found.text),
    configSource: found?.source ?? 'not found',
    modulesDirectory: findModules(path, release, options.modulesDirectory),
    builtAt: statSync(path).mtime.toISOString(),
    tree: rememberedTree(sha256),
    uapiHeader: rememberedHeader(path, sha256),
  };
}

function notAKernel(image: Buffer): string | undefined {
  if (image.length >= 4 && image.readUInt32BE(0) === 0x7f454c46)
    return 'it is an ELF file (a vmlinux?); give the bzImage, arch/x86/boot/bzImage in a built tree';
  if (image.length < 0x1000 || image.readUInt32LE(header.magic) !== magic)
    return 'it has no Linux/x86 boot header (is it a bzImage?)';
  if (image.readUInt16LE(header.version) < 0x20c) return 'its boot protocol is older than 2.12 (Linux 3.8)';
  const needed =
    protectedModeOffset(image) + image.readUInt32LE(header.payloadOffset) + image.readUInt32LE(header.payloadLength);
  if (image.length < needed)
    return `it is cut off: ${String(image.length)} bytes, its header speaks of ${String(needed)}`;
  return undefined;
}

function protectedModeOffset(image: Buffer): number {
  // 0 stands for 4 (boot.rst)
  return ((image[header.setupSectors]! || 4) + 1) * 512;
}

function versionOf(image: Buffer): string {
  const at = image.readUInt16LE(header.kernelVersion);
  if (at === 0) return 'unknown';
  const start = at + 0x200;
  return image.toString('latin1', start, image.indexOf(0, start));
}

function findConfig(path: string, image: Buffer, release: string): { text: string; source: string } | undefined {
  const inside = configInside(image);
  if (inside !== undefined) return { text: inside, source: 'IKCONFIG in the image' };
  const real = realpathSync(path);
  const beside = [
    // our own cache
    join(dirname(real), 'config'),
    // Debian and Fedora
    join(dirname(real), `config-${release}`),
    // a built tree: arch/x86/boot/bzImage
    ...(basename(dirname(real)) === 'boot' ? [join(dirname(real), '../../../.config')] : []),
    join(dirname(real), '.config'),
  ];
  const file = beside.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
  return file === undefined ? undefined : { text: readFileSync(file, 'utf8'), source: file };
}

/** init/Makefile and kernel/configs.c: IKCFG_ST, the gzipped .config, IKCFG_ED, inside the compressed vmlinux. */
function configInside(image: Buffer): string | undefined {
  const vmlinux = decompressPayload(image);
  if (vmlinux === undefined) return undefined;
  const start = vmlinux.indexOf('IKCFG_ST\x1f\x8b', 0, 'latin1');
  if (start < 0) return undefined;
  const end = vmlinux.indexOf('IKCFG_ED', start, 'latin1');
  return end < 0 ? undefined : gunzipSync(vmlinux.subarray(start + 8, end)).toString();
}

/** By the first bytes of the payload (scripts/extract-vmlinux). Node 20 itself decompresses none but gzip. */
const decompressors: readonly { magic: string; command: readonly string[] }[] = [
  { magic: '1f8b', command: ['gzip', '-dc'] },
  { magic: 'fd377a585a00', command: ['xz', '-dc'] },
  { magic: '28b52ffd', command: ['zstd', '-dcq'] },
  { magic: '02214c18', command: ['lz4', '-dcq'] },
  { magic: '425a68', command: ['bzip2', '-dc'] },
  { magic: '894c5a4f', command: ['lzop', '-dcq'] },
  { magic: '5d0000', command: ['xz', '--format=lzma', '-dc'] },
];

function decompressPayload(image: Buffer): Buffer | undefined {
  const start = protectedModeOffset(image) + image.readUInt32LE(header.payloadOffset);
  const payload = image.subarray(start, start + image.readUInt32LE(header.payloadLength));
  const found = decompressors.find(
    ({ magic: first }) => payload.subarray(0, first.length / 2).toString('hex') === first,
  );
  if (found === undefined) return undefined;
  const [program, ...args] = found.command as [string, ...string[]];
  // The payload is followed by its unpacked size, which makes some programs end with an error after all was written.
  try {
    return execFileSync(program, args, { input: payload, maxBuffer: 1 << 30, stdio: ['pipe', 'pipe', 'ignore'] });
  } catch (error) {
    const stdout = (error as { stdout?: Buffer | null }).stdout;
    return stdout != null && stdout.length > 0 ? stdout : undefined;
  }
}

function findModules(path: string, release: string, given: string | undefined): string | undefined {
  const isModules = (directory: string): boolean => existsSync(join(directory, 'modules.order'));
  if (given !== undefined) {
    const found = [given, join(given, release), join(given, 'lib/modules', release)].find(isModules);
    if (found === undefined) {
      throw new UsageError(
        `${given} holds no modules of ${release}: no modules.order in it, in ${release}/ or in lib/modules/${release}/` +
          (statSync(given, { throwIfNoEntry: false }) === undefined ? ' (there is no such directory)' : ''),
      );
    }
    return found;
  }
  const real = dirname(realpathSync(path));
  // Debian's layout (vmlinuz in /boot), merged-/usr, and `make INSTALL_MOD_PATH=...` beside the image
  return [
    join(real, '../lib/modules', release),
    join(real, '../usr/lib/modules', release),
    join(real, 'lib/modules', release),
  ].find(isModules);
}
