import { defineConfig } from '@playwright/test';

// Three projects: `unit` needs nothing but Node, `vm` boots guests (one at a time: a VM and its host side fill two cores),
// `conformance` is the plan against the kernel that IOMAPFUZZ_KERNEL and its like name, one test per rule and path.
const ci = !!process.env['CI'];
export default defineConfig({
  testDir: '.',
  testIgnore: ['**/node_modules/**', '**/dist/**'],
  forbidOnly: ci,
  fullyParallel: false,
  workers: 1,
  reporter: [['line']],
  projects: [
    { name: 'unit', testMatch: /.*(?<!\.vm|\.conformance)\.test\.ts$/ },
    // Generous: a cold TCG guest takes 6 s to boot and minutes under load.
    { name: 'vm', testMatch: /.*\.vm\.test\.ts$/, timeout: 300_000 },
    { name: 'conformance', testMatch: /.*\.conformance\.test\.ts$/, timeout: 300_000 },
  ],
});
