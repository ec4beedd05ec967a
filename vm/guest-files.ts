/** The agent and what it loads, as the build leaves them in dist/. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InfrastructureError } from '../model/errors.ts';
import type { GuestFile } from './initramfs/files.ts';
import { sharedLibraries } from './initramfs/files.ts';
import { repositoryRoot } from '../files/repository-root.ts';

/**
 * Everything under dist/guest, and the addon with its libraries when it was built. Throws InfrastructureError before
 * the first build.
 */
export function agentFiles(): GuestFile[] {
  const bundle = join(repositoryRoot(), 'dist/guest');
  if (!existsSync(join(bundle, 'agent.cjs'))) {
    throw new InfrastructureError(`the guest's agent is not built (${bundle}/agent.cjs is not there): npm run build`);
  }
  const addon = join(repositoryRoot(), 'harness/native/build/Release');
  return [
    ...readdirSync(bundle)
      .filter((name) => name.endsWith('.cjs'))
      .map((name) => fileInGuest(`/iomapfuzz/${name}`, join(bundle, name))),
    ...(existsSync(addon) ? readdirSync(addon) : [])
      .filter((name) => name.endsWith('.node'))
      .flatMap((name) => [
        fileInGuest(`/iomapfuzz/${name}`, join(addon, name)),
        ...sharedLibraries(join(addon, name)).map((library) => fileInGuest(library, library)),
      ]),
  ];
}

function fileInGuest(path: string, source: string): GuestFile {
  return { path, content: { kind: 'file', source }, executable: true };
}
