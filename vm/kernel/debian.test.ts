/**
 * What becomes of the fetch of the kernel source when apt fails; apt is a stand-in that prints what apt 2.6.1 prints.
 */
import { expect, test } from '@playwright/test';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchPackage, sourcePackage } from './debian.ts';
import { terminalProgress } from './progress.ts';

const before = { PATH: process.env['PATH'], XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] };
test.afterEach(() => {
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
});

/** Puts stand-ins on PATH: what `apt-get update` and `download` do, and which packages the lists hold. */
function standIn(
  scratch: string,
  { update = '', download = '', packages = '' }: { update?: string; download?: string; packages?: string },
): void {
  const bin = join(scratch, 'bin');
  mkdirSync(bin, { recursive: true });
  const script = (name: string, text: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  script(
    'apt-get',
    `case "$*" in
*indextargets*) echo 'http://mirror.invalid/debian bookworm Debian|Debian' ;;
*update) ${update || ':'} ;;
*download*) ${download || ':'} ;;
esac`,
  );
  script(
    'apt-cache',
    `case "$*" in
*madison*) ${packages || ':'} ;;
*pkgnames*) echo linux-source-6.16 ;;
esac`,
  );
  process.env['PATH'] = `${bin}:${before.PATH ?? ''}`;
  process.env['XDG_CACHE_HOME'] = join(scratch, 'cache');
}

const failing = (...lines: string[]): string => lines.map((line) => `echo "${line}"`).join('; ');
const ignored = 'W: Some index files failed to download. They have been ignored, or old ones used instead.';
const listed = `echo ' ${sourcePackage} | 7.3.4-1~bpo13+1 | http://mirror.invalid/debian trixie-backports/main amd64 Packages'`;

const failures: readonly { name: string; apt: Parameters<typeof standIn>[1]; says: RegExp }[] = [
  {
    name: 'a name that cannot be resolved',
    apt: {
      update: failing(
        'Err:1 http://mirror.invalid/debian trixie-backports InRelease',
        "  Could not resolve 'mirror.invalid'",
        ignored,
      ),
    },
    says: /lists of trixie-backports cannot be fetched: the mirror cannot be reached; apt says:[^]*Could not resolve 'mirror.invalid'[^]*connect this machine to the network.*--source/,
  },
  {
    name: 'a proxy that is not there',
    apt: {
      update: failing(
        'Err:1 http://mirror.invalid/debian trixie-backports InRelease',
        '  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)',
        ignored,
      ),
    },
    says: /the mirror cannot be reached; apt says:[^]*Connection refused[^]*http_proxy/,
  },
  {
    name: 'a network that goes before the download',
    apt: {
      packages: listed,
      download: `${failing('E: Failed to fetch http://mirror.invalid/x.deb  Temporary failure resolving')}; exit 100`,
    },
    says: /cannot be downloaded: the mirror cannot be reached/,
  },
  {
    name: 'a mirror without the suite',
    apt: {
      update: failing(
        'Err:2 http://mirror.invalid/debian trixie-backports Release',
        '  404  Not Found [IP: 10.0.0.1 80]',
        "E: The repository 'http://mirror.invalid/debian trixie-backports Release' does not have a Release file.",
      ),
    },
    says: /cannot be fetched; apt says:[^]*does not have a Release file[^]*see whether .apt-get update. works/,
  },
  {
    name: 'a full disk',
    apt: { update: `${failing('E: Write error - write (28: No space left on device)')}; exit 100` },
    says: /the disk is full[^]*free some space/,
  },
  {
    name: 'a clock that is wrong',
    apt: {
      update: `${failing('E: Release file for http://mirror.invalid/debian/dists/trixie-backports/InRelease is not valid yet (invalid for another 3h).')}; exit 100`,
    },
    says: /set the clock/,
  },
  {
    name: 'lists without the package',
    apt: {},
    says: /trixie-backports has no linux-source-7.3: it has linux-source-6.16/,
  },
];

for (const { name, apt, says } of failures) {
  test(`should say what to do about ${name}`, async ({}, info) => {
    standIn(info.outputDir, apt);
    await expect(fetchPackage(sourcePackage, terminalProgress())).rejects.toMatchObject({
      name: 'InfrastructureError',
      message: expect.stringMatching(says),
    });
  });
}

test('should fetch the package when nothing fails', async ({}, info) => {
  standIn(info.outputDir, {
    update: failing('Hit:1 http://mirror.invalid/debian trixie-backports InRelease'),
    packages: listed,
    download: `touch ${sourcePackage}_7.3.4-1~bpo13+1_all.deb`,
  });
  const { path, version } = await fetchPackage(sourcePackage, terminalProgress());
  expect([existsSync(path), version]).toEqual([true, '7.3.4-1~bpo13+1']);
});
