/** The addon as the install step built it, for tests and tools on the host; in the guest it lies beside the bundle. */
import { fileURLToPath } from 'node:url';
import { loadNative, type Native } from './index.ts';

export const builtAddonPath = (): string => fileURLToPath(new URL('./build/Release/iomapfuzz.node', import.meta.url));

/** Throws when it was not built: `npm install` or `node harness/native/build.mjs` do that. */
export const loadBuilt = (): Native => loadNative(builtAddonPath());
