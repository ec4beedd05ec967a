/** Kernels and kernel trees that nothing boots: what reads images, makes trees and refuses kernels is tried on them. */
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../../files/make-directory.ts';

/** A file with a bzImage's header and the payload that is given; nothing in it runs. */
export function bzImage(payload: Buffer = Buffer.alloc(16), version = '7.3.4 (me@here) #1'): Buffer {
  const header = Buffer.alloc(5 * 512);
  header[0x1f1] = 4;
  header.write('HdrS', 0x202);
  header.writeUInt16LE(0x20f, 0x206);
  header.writeUInt16LE(0x300, 0x20e);
  header.write(`${version}\0`, 0x500);
  header.writeUInt32LE(64, 0x248);
  header.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([header, Buffer.alloc(64), payload, Buffer.alloc(4096)]);
}

/**
 * The image is the head of one, the source and the configuration, so that it tells what it was made of. `#error` does
 * not compile.
 */
const makefile = `VERSION = 7
PATCHLEVEL = 3
SUBLEVEL = 4
O ?= .
image = $(O)/arch/x86/boot/bzImage
bzImage: $(image)
$(image): fs/fuse/file.c $(O)/.config
\t@! grep -q '#error' fs/fuse/file.c || { echo "fs/fuse/file.c:1:2: error: $$(cat fs/fuse/file.c)" >&2; exit 2; }
\t@mkdir -p $(dir $@)
\t@cat head fs/fuse/file.c $(O)/.config > $@
tinyconfig:
\t@: > $(O)/.config
olddefconfig:
\t@grep -v UNKNOWN $(O)/.config > $(O)/.config.new; cmp -s $(O)/.config $(O)/.config.new && rm $(O)/.config.new || { mv $(O)/.config $(O)/.config.old; mv $(O)/.config.new $(O)/.config; }
# As in a kernel tree, configuration comes before the rest although -j was given.
.NOTPARALLEL:
.PHONY: bzImage tinyconfig olddefconfig
`;
/** merge_config.sh -m -O DIR BASE FRAGMENT...: what a later fragment says counts. */
const mergeConfig = `#!/bin/sh
shift; shift; out=$1; shift
cat "$@" | sed -E 's/^# (CONFIG_[A-Z0-9_]+) is not set$/\\1=n/' | awk -F= '/^CONFIG_/ { last[$1] = $0 } END { for (name in last) print last[name] }' > "$out/.config.merged"
mv "$out/.config.merged" "$out/.config"
`;

/** A tree whose make writes an image. `config`: its .config; absent: it is not configured. */
export function standInTree(
  directory: string,
  { config, source = 'int first;\n' }: { config?: string; source?: string } = {},
): string {
  for (const name of ['fs/fuse', 'scripts/kconfig']) makeDirectory(join(directory, name));
  const files: Record<string, string | Buffer> = {
    Makefile: makefile,
    Kbuild: '',
    Kconfig: '',
    head: bzImage(),
    'fs/fuse/file.c': source,
    'fs/fuse/Kconfig': 'config FUSE_IOMAP\n\tbool\n',
    'scripts/kconfig/merge_config.sh': mergeConfig,
    '.gitignore': '.*\narch/\n',
    ...(config !== undefined && { '.config': config }),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  chmodSync(join(directory, 'scripts/kconfig/merge_config.sh'), 0o755);
  return directory;
}

/** Puts a stand-in tree under git, with one commit that is tagged. */
export function commitTree(directory: string, tag: string): void {
  const git = (...argv: string[]): unknown =>
    execFileSync('git', ['-C', directory, '-c', 'user.name=me', '-c', 'user.email=me@here', ...argv], {
      stdio: 'ignore',
    });
  git('init', '-q');
  git('add', '-A');
  git('commit', '-qm', 'first');
  git('tag', tag);
}
