/** A kernel tree as it is now: which commit, and whether an image that was made in it is older than its source. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../files/write-whole.ts';
import { cacheDirectory } from '../paths.ts';

/** What an image was made of. */
export interface TreeState {
  directory: string;
  /** `v7.3-rc2-14-g0123456789ab-dirty`, as git describe says it; or why there is none. */
  commit: string;
}

/** The directory of the source: a build directory (make O=DIR) has a link to it. */
function sourceOf(tree: string): string {
  const link = join(tree, 'source');
  return existsSync(join(link, 'Kbuild')) ? realpathSync(link) : tree;
}

export function treeState(tree: string): TreeState {
  const directory = sourceOf(tree);
  try {
    const git = (...argv: string[]): string =>
      execFileSync('git', ['-C', directory, ...argv], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' },
      }).trim();
    // A tree that lies in somebody else's repository has no commit of its own.
    if (realpathSync(git('rev-parse', '--show-toplevel')) !== realpathSync(directory))
      return { directory, commit: 'unknown: not a git tree' };
    return { directory, commit: git('describe', '--always', '--tags', '--dirty', '--abbrev=12') };
  } catch (error) {
    const { stderr = '', code } = error as { stderr?: string; code?: string };
    const reason =
      code === 'ENOENT'
        ? 'git is not installed'
        : /not a git repository/.test(stderr)
          ? 'not a git tree'
          : stderr.trim().split('\n')[0];
    return { directory, commit: `unknown: ${reason === undefined || reason === '' ? 'git failed' : reason}` };
  }
}

/** Files that make reads to build an image. A tree's own products are older than its image, or are of modules. */
const sourceNames =
  /^(Makefile|Kbuild|Kconfig.*|\.config)$|(?<!\.mod)\.c$|\.(h|S|rs|lds|pl|py|sh|awk|cpio|bc|tc|dts|dtsi)$/;
const notRead: ReadonlySet<string> = new Set(['.git', 'Documentation', 'samples', 'LICENSES', 'generated']);

/** A file of the tree that was changed after `image` was made. Removed files leave no trace. */
export function newerThanImage(tree: string, image: string): string | undefined {
  const madeMs = statSync(image).mtimeMs;
  const walk = (directory: string): string | undefined => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) {
        // include/config holds what make noted of the configuration.
        if (notRead.has(entry.name) || (entry.name === 'config' && directory.endsWith('/include'))) continue;
        const found = walk(path);
        if (found !== undefined) return found;
      } else if (sourceNames.test(entry.name) && (lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > madeMs)
        return path;
    }
    return undefined;
  };
  const source = sourceOf(tree);
  const config = join(tree, '.config');
  if (source !== tree && existsSync(config) && statSync(config).mtimeMs > madeMs) return config;
  return walk(source);
}

/** Where the uAPI header of a tree, or of the tree of a build directory, is if it has one. */
export const headerOfTree = (tree: string): string => join(sourceOf(tree), 'include/uapi/linux/fuse.h');

/**
 * Remembers what an image was made of, so that whoever is given the image by its path can say it, too, and has the
 * header that it was made with.
 */
export function rememberTree(image: string, tree: string, state: TreeState): void {
  const sha256 = createHash('sha256').update(readFileSync(image)).digest('hex');
  replaceFile(recordOf(sha256), JSON.stringify(state));
  const header = headerOfTree(tree);
  if (statSync(header, { throwIfNoEntry: false })?.isFile()) replaceFile(headerFileOf(sha256), readFileSync(header));
}

/** The copy of the header that an image was made with; undefined: none is known. */
export function rememberedHeader(image: string, sha256: string): string | undefined {
  return [headerBeside(image), headerFileOf(sha256)].find((path) => existsSync(path));
}

/** Where the header of an image is that is kept with it. */
export const headerBeside = (image: string): string => `${image}.fuse.h`;

/** What the image with this hash was made of, if this program made it. */
export function rememberedTree(sha256: string): TreeState | undefined {
  try {
    return JSON.parse(readFileSync(recordOf(sha256), 'utf8')) as TreeState;
  } catch {
    return undefined;
  }
}

const headerFileOf = (sha256: string): string => join(cacheDirectory('trees'), `${sha256}.fuse.h`);
const recordOf = (sha256: string): string => join(cacheDirectory('trees'), `${sha256}.json`);
