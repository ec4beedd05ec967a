/** Where the repository lies: assets (patches, config fragments, the guest bundle) are found from its root. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Walks up from this module to the directory of package.json; works from the sources and from the bundle in dist/. */
export function repositoryRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'package.json'))) {
    const parent = dirname(dir);
    if (parent === dir) throw new Error('the iomapfuzz checkout is incomplete: no package.json above the program');
    dir = parent;
  }
  return dir;
}
