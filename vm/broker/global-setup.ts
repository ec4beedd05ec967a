/** Playwright's global set-up: one broker for the run, so that guests outlive the workers of failing tests. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../files/repository-root.ts';
import { brokerVariable } from './protocol.ts';
import { startBroker } from './start.ts';

export default async function globalSetup(): Promise<(() => Promise<void>) | undefined> {
  // Unit tests need no build; where the broker is not built, the suites in the VM say so themselves.
  if (process.env[brokerVariable] !== undefined || !existsSync(join(repositoryRoot(), 'dist/broker.mjs')))
    return undefined;
  const broker = await startBroker();
  return () => broker.close();
}
