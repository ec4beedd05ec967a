/**
 * The kernel source package of Debian, by apt itself: this machine's mirror, Debian's signatures, nobody's root rights.
 * Backports are not part of most machines' sources, so apt gets a private list and private directories.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../../files/make-directory.ts';
import { InfrastructureError, messageOf } from '../../model/errors.ts';
import { runJob } from '../host/job.ts';
import { findTool } from '../host/tools.ts';
import { cacheDirectory } from '../paths.ts';
import type { Progress } from './progress.ts';

/** The patch series applies to this one. */
export const sourcePackage = 'linux-source-7.3';
/** Debian 13's backports carry the newest kernel that Debian has packaged for a release. */
const suite = 'trixie-backports';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface DebianPackage {
  /** The .deb, in the cache. */
  path: string;
  version: string;
}

/** Whether apt can be asked at all. */
export function aptIsHere(): boolean {
  return findTool('apt-get') !== undefined && findTool('apt-cache') !== undefined && existsSync(keyring);
}

/** Packages that were fetched before, newest version first. */
export function fetchedPackages(name: string): DebianPackage[] {
  const directory = cacheDirectory('debian');
  return readdirSync(directory)
    .filter((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'))
    .map((file) => ({ path: join(directory, file), version: decodeURIComponent(file.split('_')[1]!) }))
    .sort((a, b) => compareVersions(b.version, a.version));
}

/** Fetches a package of the suite, or says what there is instead. Throws InfrastructureError. */
export async function fetchPackage(name: string, progress: Progress): Promise<DebianPackage> {
  const apt = privateApt();
  progress.step(`asking the Debian mirror for ${name} (${suite})`);
  const update = await runJob(['apt-get', ...apt.options, 'update']);
  // It ends with 0 when lists could not be fetched, and would go on with none.
  if (update.code !== 0 || update.tail.some((line) => failedFetch.test(line)))
    throw aptError(`the package lists of ${suite} cannot be fetched`, update.tail);
  const version = candidateVersion(apt.options, name);
  if (version === undefined)
    throw new InfrastructureError(`${suite} has no ${name}: ${alternatives(apt.options, name)}`);
  const directory = cacheDirectory('debian');
  progress.step(`downloading ${name} ${version}`);
  const scratch = join(directory, `fetch.${String(process.pid)}`);
  makeDirectory(scratch);
  try {
    const download = await runJob(
      ['apt-get', ...apt.options, '-o', 'Dpkg::Use-Pty=0', 'download', `${name}=${version}`],
      { cwd: scratch },
    );
    const file = readdirSync(scratch).find((entry) => entry.endsWith('.deb'));
    if (download.code !== 0 || file === undefined)
      throw aptError(`${name} ${version} cannot be downloaded`, download.tail);
    renameSync(join(scratch, file), join(directory, file));
    return { path: join(directory, file), version };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function privateApt(): { options: string[] } {
  const root = cacheDirectory('debian', 'apt');
  for (const name of ['lists/partial', 'cache/archives/partial']) makeDirectory(join(root, name));
  const list = join(root, 'sources.list');
  writeFileSync(list, `deb [signed-by=${keyring}] ${mirror()} ${suite} main\n`);
  return {
    options: [
      '-q',
      '-o',
      `Dir::Etc::SourceList=${list}`,
      '-o',
      'Dir::Etc::SourceParts=/dev/null',
      '-o',
      'Dir::Etc::Preferences=/dev/null',
      '-o',
      'Dir::Etc::PreferencesParts=/dev/null',
      '-o',
      `Dir::State::Lists=${join(root, 'lists')}`,
      '-o',
      `Dir::Cache=${join(root, 'cache')}`,
      '-o',
      'Dir::State::Status=/dev/null',
      // The caller's own cache directory need not be readable for the account _apt.
      '-o',
      `APT::Sandbox::User=${process.getuid?.() === 0 ? 'root' : ''}`,
      '-o',
      'Acquire::Languages=none',
      '-o',
      'Acquire::Retries=3',
    ],
  };
}

/** The mirror that this machine is set up to use for Debian itself. */
function mirror(): string {
  const lines = execFileSync('apt-get', ['indextargets', '--format', '$(SITE) $(CODENAME) $(ORIGIN)|$(LABEL)'], {
    encoding: 'utf8',
  }).split('\n');
  const sites = [...lines, ...lines.map((line) => line.replace(/ \|$/, ' Debian|Debian'))]
    .filter((line) => line.endsWith(' Debian|Debian'))
    .map((line) => line.split(' ')[0]!);
  const site = sites[0];
  if (site === undefined) {
    throw new InfrastructureError(
      'apt on this machine knows no Debian mirror (apt-get indextargets shows none): ' +
        'add one to its sources and run apt-get update, or give the kernel source by --source TARBALL',
    );
  }
  return site;
}

function candidateVersion(options: readonly string[], name: string): string | undefined {
  const text = execFileSync('apt-cache', [...options, 'madison', name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return text
    .split('\n')
    .map((line) => line.split('|').map((field) => field.trim()))
    .find(([found]) => found === name)?.[1];
}

function alternatives(options: readonly string[], name: string): string {
  const prefix = name.replace(/[\d.]+$/, '');
  const names = execFileSync('apt-cache', [...options, 'pkgnames', prefix], { encoding: 'utf8' })
    .split('\n')
    .filter((found) => found.startsWith(prefix) && /^[\d.]+$/.test(found.slice(prefix.length)))
    .sort();
  return (
    `it has ${names.length === 0 ? 'none of its kind' : names.join(', ')}. The patch series is for ${name}; ` +
    `give that source by --source TARBALL|DIR (any Linux ${name.slice(prefix.length)}.y will do)`
  );
}

const failedFetch = /^(?:Err:\d|[EW]: (?:Failed to fetch|Some index files failed))/;
const instead = 'give the kernel source by --source TARBALL|DIR, or a kernel of your own by --kernel or --kdir';

/** What apt's words mean, and what to do; the first that fits. */
const reasons: readonly { pattern: RegExp; why: string; advice: string }[] = [
  {
    pattern: /No space left|don't have enough free space/i,
    why: 'the disk is full',
    advice: 'free some space, or set XDG_CACHE_HOME to a directory on a larger disk',
  },
  {
    pattern:
      /could not resolve|temporary failure resolving|could not connect|unable to connect|cannot initiate the connection|connection (?:refused|timed out|failed|reset)|network is unreachable|no route to host/i,
    why: 'the mirror cannot be reached',
    advice: `connect this machine to the network, or name its proxy to apt (http_proxy), and give the same command again; without a network, ${instead}`,
  },
  {
    pattern: /not valid yet|Release file .* expired/i,
    why: 'the lists are not of this time',
    advice: 'set the clock of this machine right, or name another mirror to apt',
  },
  {
    pattern: /GPG error|NO_PUBKEY|is not signed|EXPKEYSIG/,
    why: "the mirror's signature is not Debian's",
    advice: `bring debian-archive-keyring up to date, or name another mirror to apt; without one, ${instead}`,
  },
];

function aptError(what: string, tail: readonly string[]): InfrastructureError {
  const reason = reasons.find(({ pattern }) => tail.some((line) => pattern.test(line)));
  const telling = tail.filter((line) => /^[EW]:|^Err:|No space/.test(line) || reason?.pattern.test(line)).slice(-6);
  return new InfrastructureError(
    [
      `${what}${reason === undefined ? '' : `: ${reason.why}`}; apt says:`,
      ...(telling.length > 0 ? telling : tail.slice(-6)).map((line) => `  ${line.trim()}`),
      `What to do: ${reason?.advice ?? `see whether \`apt-get update\` works on this machine; without a mirror, ${instead}`}.`,
    ].join('\n'),
  );
}

function compareVersions(a: string, b: string): number {
  for (const [operator, result] of [
    ['lt', -1],
    ['gt', 1],
  ] as const) {
    try {
      execFileSync('dpkg', ['--compare-versions', a, operator, b]);
      return result;
    } catch (error) {
      if (!messageOf(error).includes('Command failed')) throw error;
    }
  }
  return 0;
}
