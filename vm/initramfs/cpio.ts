/**
 * Writes a "newc" cpio archive, the format of an initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Uncompressed on purpose: unpacking costs the guest more
 * than reading does.
 */
import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs';

export type CpioEntry =
  | { kind: 'directory'; path: string }
  | { kind: 'symlink'; path: string; target: string }
  | { kind: 'device'; path: string; major: number; minor: number }
  /** A regular file with this content. */
  | { kind: 'bytes'; path: string; bytes: Uint8Array; executable?: boolean }
  /** A regular file copied from the host; `path` is where it goes in the archive. */
  | { kind: 'file'; path: string; source: string; executable?: boolean };

const mode = { directory: 0o040755, symlink: 0o120777, device: 0o020600, file: 0o100644, executable: 0o100755 };

/** Writes the archive to `target`; paths have no leading slash. Parents must come before what they hold. */
export function writeCpio(target: string, entries: Iterable<CpioEntry>): void {
  const fd = openSync(target, 'w', 0o600);
  try {
    let inode = 1;
    for (const entry of entries) writeEntry(fd, inode++, entry);
    const end = header({ inode: 0, mode: 0, links: 1, sizeBytes: 0, name: 'TRAILER!!!' });
    writeAll(fd, end);
  } finally {
    closeSync(fd);
  }
}

function writeEntry(fd: number, inode: number, entry: CpioEntry): void {
  const name = entry.path;
  switch (entry.kind) {
    case 'directory':
      writeAll(fd, header({ inode, mode: mode.directory, links: 2, sizeBytes: 0, name }));
      return;
    case 'device':
      writeAll(fd, header({ inode, mode: mode.device, links: 1, sizeBytes: 0, name, device: entry }));
      return;
    case 'symlink': {
      const target = Buffer.from(entry.target);
      writeAll(fd, header({ inode, mode: mode.symlink, links: 1, sizeBytes: target.length, name }));
      writePadded(fd, target);
      return;
    }
    case 'bytes':
      writeAll(
        fd,
        header({
          inode,
          mode: entry.executable ? mode.executable : mode.file,
          links: 1,
          sizeBytes: entry.bytes.length,
          name,
        }),
      );
      writePadded(fd, entry.bytes);
      return;
    case 'file': {
      const sizeBytes = statSync(entry.source).size;
      writeAll(fd, header({ inode, mode: entry.executable ? mode.executable : mode.file, links: 1, sizeBytes, name }));
      copyFile(fd, entry.source, sizeBytes);
      return;
    }
  }
}

interface Header {
  inode: number;
  mode: number;
  links: number;
  sizeBytes: number;
  name: string;
  device?: { major: number; minor: number };
}

function header(h: Header): Buffer {
  // The size field has 32 bits.
  if (h.sizeBytes > 0xffff_ffff)
    throw new RangeError(`${h.name} is too large for a cpio archive (${String(h.sizeBytes)} bytes)`);
  const name = Buffer.from(`${h.name}\0`);
  // magic, ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [
    h.inode,
    h.mode,
    0,
    0,
    h.links,
    0,
    h.sizeBytes,
    0,
    0,
    h.device?.major ?? 0,
    h.device?.minor ?? 0,
    name.length,
    0,
  ];
  const text = `070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}`;
  return padded(Buffer.concat([Buffer.from(text), name]));
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function writePadded(fd: number, bytes: Uint8Array): void {
  writeAll(fd, bytes);
  writeAll(fd, Buffer.alloc(-bytes.length & 3));
}

function copyFile(fd: number, source: string, sizeBytes: number): void {
  const chunk = Buffer.allocUnsafe(4 << 20);
  const from = openSync(source, 'r');
  try {
    let copied = 0;
    while (copied < sizeBytes) {
      const n = readSync(from, chunk, 0, Math.min(chunk.length, sizeBytes - copied), null);
      if (n === 0) throw new Error(`${source} became shorter while it was copied into the initramfs`);
      writeAll(fd, chunk.subarray(0, n));
      copied += n;
    }
    writeAll(fd, Buffer.alloc(-sizeBytes & 3));
  } finally {
    closeSync(from);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}
