// Builds the addon: npm's install step, and again by hand with `node harness/native/build.mjs`. Does nothing when the
// built file is newer than its sources and was built for this version of Node.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const built = join(here, 'build/Release/iomapfuzz.node');
const stamp = join(here, 'build/node-version');
const sources = ['binding.gyp', 'build.mjs', ...readdirSync(join(here, 'src')).map((name) => `src/${name}`)];
const identity = `${process.version} ${process.arch}\n`;

function upToDate() {
  if (!existsSync(built) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== identity) return false;
  const { mtimeMs } = statSync(built);
  return sources.every((source) => statSync(join(here, source)).mtimeMs <= mtimeMs);
}

function fail(what, next) {
  process.stderr.write(`iomapfuzz: cannot build the native addon: ${what}\n${next}\n`);
  process.exit(1);
}

const onPath = (name) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));

/** node-gyp's script: npm names it to install scripts; else the copy beside npm, or Debian's own package. */
function nodeGyp() {
  const npm = onPath('npm');
  const besideNpm = npm && join(dirname(realpathSync(npm)), '../node_modules/node-gyp/bin/node-gyp.js');
  return [
    process.env.npm_config_node_gyp,
    besideNpm,
    join(dirname(process.execPath), '../lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js'),
    '/usr/share/nodejs/node-gyp/bin/node-gyp.js',
  ].find((file) => file && existsSync(file));
}

if (upToDate()) process.exit(0);
if (process.platform !== 'linux')
  fail(`it is for Linux, and this is ${process.platform}.`, 'Run iomapfuzz on a Linux machine.');
const apt = 'Install them with: apt-get install g++ make python3';
const missing = [
  ['g++', process.env.CXX ?? 'g++'],
  ['make', 'make'],
  ['python3', process.env.PYTHON ?? 'python3'],
]
  .filter(([, program]) => !existsSync(program) && !onPath(program))
  .map(([name]) => name);
if (missing.length > 0) fail(`not found: ${missing.join(', ')}.`, apt);
const script = nodeGyp();
if (!script)
  fail('node-gyp was not found; npm brings it.', 'Install npm, or run `npm install` instead of calling this file.');

// The headers that belong to this node: nothing is downloaded when they are installed beside it.
const prefix = dirname(dirname(realpathSync(process.execPath)));
const nodedir = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
process.stderr.write('iomapfuzz: building the native addon (harness/native) ...\n');
const { status, stdout, stderr, error } = spawnSync(process.execPath, [script, 'rebuild', ...nodedir], {
  cwd: here,
  encoding: 'utf8',
});
if (status !== 0 || !existsSync(built)) {
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  fail(
    error ? error.message : 'node-gyp failed; its output is above.',
    nodedir.length > 0
      ? apt
      : `${apt}\nNode's headers are not installed at ${prefix}/include/node; node-gyp then downloads them, which needs network.`,
  );
}
writeFileSync(stamp, identity);
