/** What `npm run knip` looks at: each file, export and dependency is used by something that starts here. */
export default {
  entry: [
    'cli/start.ts',
    'vm/broker/main.ts',
    // Started as a process by the tests of the pool.
    'vm/testing/lessee.ts',
    // A machine that answers as QEMU does, started as a process by the tests of commands.
    'cli/testing/stand-in/qemu.ts',
    // Bundles for the guest.
    'harness/guest/agent.ts',
    'harness/guest/server-thread.ts',
    'harness/guest/watch-thread.ts',
    'harness/guest/serve/main.ts',
    // The page's own script, bundled when a report is written.
    'reports/html/client/main.ts',
    // Users of the package's API, and what CI systems run.
    'examples/**/*.{ts,mjs}',
    // Started by hand: docs/performance.md.
    'bench/message-cost.ts',
    '**/*.test.ts',
  ],
  project: ['**/*.{ts,mjs,js}', '!dist/**'],
  // Its headers are named by harness/native/binding.gyp.
  ignoreDependencies: ['node-addon-api'],
  // Programs of the operating system, which `iomapfuzz doctor` and vm/host/tools.ts look after.
  ignoreBinaries: ['.*'],
};
