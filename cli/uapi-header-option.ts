/** --uapi-header: whose numbers the kernel is spoken to by, and what is wrong with a header that cannot be used. */
import { Option } from 'commander';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../model/errors.ts';
import { plainLine } from '../model/plain-text.ts';
import type { UapiHeader } from '../model/uapi-header.ts';
import { differencesText } from '../reports/uapi-header-text.ts';
import type { Revision } from '../uapi/revision.ts';
import type { KernelImage } from '../vm/kernel/image.ts';
import { headerOfTree } from '../vm/kernel/tree-state.ts';
import { readUapiHeader, type HeaderReading } from '../vm/uapi-header/read.ts';

export interface UapiHeaderOptions {
  uapiHeader?: string;
  kdir?: string;
}

/** In the place of a file: the revision's own table, whatever header there is. */
export const NO_HEADER = 'none';

export const uapiHeaderOption = (): Option =>
  new Option(
    '--uapi-header <file>',
    `the kernel's include/uapi/linux/fuse.h, for its numbers (default: that of --kdir, or the one that the image was made with; ${NO_HEADER}: the numbers of the revision)`,
  );

/**
 * The header that the options name, or that the tree of --kdir has; undefined: they name none. Throws UsageError when
 * `revision` cannot be spoken by it.
 */
export async function headerOfOptions(
  { uapiHeader, kdir }: UapiHeaderOptions,
  revision: Revision,
): Promise<UapiHeader | undefined> {
  if (uapiHeader === NO_HEADER) return undefined;
  if (uapiHeader !== undefined) return usable(await readUapiHeader(uapiHeader, revision), revision, true);
  const ofTree = kdir === undefined ? undefined : headerOfTree(resolve(kdir));
  return ofTree === undefined ? undefined : headerAt(ofTree, revision);
}

/** The header that was remembered when the image was made; undefined: none was. Throws as `headerOfOptions`. */
export async function headerOfKernel(
  { uapiHeader }: Pick<KernelImage, 'uapiHeader'>,
  revision: Revision,
): Promise<UapiHeader | undefined> {
  return uapiHeader === undefined ? undefined : headerAt(uapiHeader, revision);
}

/** Nobody named it: where it has nothing of fuse-iomap the kernel has not, either, and that is told of elsewhere. */
const headerAt = async (path: string, revision: Revision): Promise<UapiHeader | undefined> =>
  existsSync(path) ? usable(await readUapiHeader(path, revision), revision, false) : undefined;

/** What the run's head says of it. */
export const headerLine = (header: UapiHeader, revision: Revision): string =>
  plainLine(`numbers of ${header.path}: ${differencesText(header.numbers, revision)}`);

const MOST_NAMED = 6;

function usable(
  { header, withoutIomap, lacking, contradictions }: HeaderReading,
  revision: Revision,
  named: boolean,
): UapiHeader | undefined {
  if (withoutIomap && !named) return undefined;
  const { path } = header;
  if (withoutIomap)
    throw new UsageError(
      plainLine(`the uAPI header ${path} has nothing of fuse-iomap: give that of the kernel under test`),
    );
  const [first] = contradictions;
  if (first !== undefined) {
    const more = contradictions.length - 1;
    throw new UsageError(
      plainLine(
        `the uAPI header ${path} contradicts revision ${revision.id}: ${first}${more > 0 ? ` (and ${more} more: ${some(contradictions.slice(1))})` : ''}. ` +
          `No server of this revision can speak to such a kernel: judge by another revision (--uapi), or mend the header`,
      ),
    );
  }
  if (lacking.length > 0)
    throw new UsageError(
      plainLine(
        `the uAPI header ${path} lacks ${some(lacking)}, which revision ${revision.id} has: judge by a revision that it has all of (--uapi), ` +
          `or give --uapi-header ${NO_HEADER} to go by the numbers of ${revision.id} itself`,
      ),
    );
  return header;
}

const some = (names: readonly string[]): string =>
  `${names.slice(0, MOST_NAMED).join(', ')}${names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : ''}`;
