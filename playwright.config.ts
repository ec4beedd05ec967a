import { defineConfig } from '@playwright/test';
import { availableParallelism } from 'node:os';
import fc from 'fast-check';

// The same draws in every run: what lands is judged by its change, not by luck. New draws are for nights and campaigns,
// or IOMAPFUZZ_SEED here. Workers load this file too, and read the variable.
const seed = Number((process.env['IOMAPFUZZ_SEED'] ??= '1'));
if (!Number.isSafeInteger(seed))
  throw new Error(`IOMAPFUZZ_SEED is ${process.env['IOMAPFUZZ_SEED']}: give a whole number`);
fc.configureGlobal({ seed });

// Five projects: `unit` needs nothing but Node, `browser` looks at the report in chromium, `vm` boots guests (a test
// has one or two, of a core each), `conformance` is the plan against the kernel that IOMAPFUZZ_KERNEL and its like
// name, one test per rule and path, `liberties` the plan once for each liberty.
const ci = !!process.env['CI'];
export default defineConfig({
  testDir: '.',
  // One broker owns the VMs of a run: a failing test restarts its worker, not its guest.
  globalSetup: './vm/broker/global-setup.ts',
  testIgnore: ['**/node_modules/**', '**/dist/**'],
  forbidOnly: ci,
  fullyParallel: false,
  // Files side by side: a guest waits for its host half of the time, and the other way round. More would need more
  // memory than small machines have.
  workers: Math.min(2, availableParallelism()),
  // For machines that are busy or slow; a test that hangs is still ended.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  reporter: [['line']],
  projects: [
    { name: 'unit', testMatch: /.*(?<!\.vm|\.conformance|\.browser|\.liberties)\.test\.ts$/ },
    // Debian's chromium: the machine may have no other, and nothing is downloaded. Root has no sandbox; the other flags
    // keep it off the network.
    {
      name: 'browser',
      testMatch: /.*\.browser\.test\.ts$/,
      use: {
        launchOptions: {
          executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
          args: [
            '--no-sandbox',
            '--disable-gpu',
            '--disable-quic',
            '--no-first-run',
            '--disable-background-networking',
            '--disable-component-update',
            '--disable-sync',
          ],
        },
      },
    },
    // Generous: a cold TCG guest takes 6 s to boot and minutes under load.
    { name: 'vm', testMatch: /.*\.vm\.test\.ts$/, timeout: 600_000 },
    { name: 'conformance', testMatch: /.*\.conformance\.test\.ts$/, timeout: 600_000 },
    // For nights: the plan and a campaign for each liberty of the reference kernel.
    { name: 'liberties', testMatch: /.*\.liberties\.test\.ts$/, timeout: 1_200_000 },
  ],
});
