/** The `iomapfuzz` program: one command per file; exit codes as in docs/architecture.md. */
import { Command, CommanderError } from 'commander';

const program = new Command('iomapfuzz')
  .description('conformance and fuzz-testing harness for the fuse-iomap uAPI')
  .showHelpAfterError('(see iomapfuzz --help)')
  .exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else throw error;
}
