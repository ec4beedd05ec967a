// Bundles the host program and the guest agent. Everything from npm stays external on the host; the guest gets one
// file.
import { build } from 'esbuild';

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  sourcemap: 'linked',
  logLevel: 'warning',
  legalComments: 'none',
};
// In pieces: the entry is loaded, and guards the exit code, before the program and the npm packages are.
const host = build({
  ...common,
  entryPoints: { iomapfuzz: 'cli/start.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  chunkNames: '[name]',
  splitting: true,
  format: 'esm',
  packages: 'external',
});
const broker = build({
  ...common,
  entryPoints: ['vm/broker/main.ts'],
  outfile: 'dist/broker.mjs',
  format: 'esm',
  packages: 'external',
});
// CommonJS: the guest has no package.json, and require() loads the addon.
const guest = build({
  ...common,
  entryPoints: ['harness/guest/agent.ts'],
  outfile: 'dist/guest/agent.cjs',
  format: 'cjs',
});
const server = build({
  ...common,
  entryPoints: ['harness/guest/server-thread.ts'],
  outfile: 'dist/guest/server-thread.cjs',
  format: 'cjs',
});
const watch = build({
  ...common,
  entryPoints: ['harness/guest/watch-thread.ts'],
  outfile: 'dist/guest/watch-thread.cjs',
  format: 'cjs',
});
await Promise.all([host, broker, guest, server, watch]);
