/** The `iomapfuzz` program: one command per file; exit codes as in docs/architecture.md. */
import { Command, CommanderError } from 'commander';
import { InfrastructureError, UntestableKernelError, UsageError } from '../model/errors.ts';
import { VmError, isKernelsFault } from '../vm/qemu/failure.ts';
import { toolVersion } from '../harness/run/tool-version.ts';
import { benchCommand } from './bench.ts';
import { conformanceCommand } from './conformance.ts';
import { compareCommand } from './compare.ts';
import { corpusCommand } from './corpus.ts';
import { doctorCommand } from './doctor.ts';
import { fuzzCommand } from './fuzz.ts';
import { commandEnded, explain, outputIsOptional, signalsEndAtOnce } from './guard.ts';
import { judgeCommand } from './judge.ts';
import { guardOutput } from './guarded-output.ts';
import { kernelCommand } from './kernel.ts';
import { mergeCommand } from './merge.ts';
import { nightlyCommand } from './nightly.ts';
import { endsWithNight } from './nightly/child.ts';
import { reportCommand } from './report.ts';
import { reproCommand } from './repro.ts';
import { serveCommand } from './serve.ts';
import { testCommand } from './test.ts';
import { vmCommand } from './vm.ts';

/** They boot nothing and build nothing. */
const withoutGuests: ReadonlySet<string> = new Set(['report', 'judge', 'compare', 'merge']);

const program = new Command('iomapfuzz')
  .description('conformance and fuzz-testing harness for the fuse-iomap uAPI')
  .version(toolVersion());
const commands = [
  conformanceCommand,
  fuzzCommand,
  serveCommand,
  reproCommand,
  benchCommand,
  corpusCommand,
  reportCommand,
  judgeCommand,
  compareCommand,
  mergeCommand,
  nightlyCommand,
  kernelCommand,
  vmCommand,
  doctorCommand,
  testCommand,
];
for (const make of commands) program.addCommand(make());
setUp(program);
program.hook('preAction', (_, action) => {
  if (withoutGuests.has(action.name())) signalsEndAtOnce();
});
guardOutput(process.stdout);
guardOutput(process.stderr);

// Nobody reads what a run of a night prints when the night is gone, which must not end it before its results are whole.
if (endsWithNight()) outputIsOptional();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
  if (!(error instanceof CommanderError)) report(error);
}
commandEnded();

/** Commander hands settings down only to subcommands that it makes itself. */
function setUp(command: Command): void {
  command.exitOverride().showHelpAfterError('(--help after the command lists what it takes)');
  command.commands.forEach(setUp);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) return 2;
  if (error instanceof UntestableKernelError) return 125;
  if (error instanceof VmError && isKernelsFault(error.failure)) return 125;
  return 3;
}

function report(error: unknown): void {
  const known =
    error instanceof UsageError || error instanceof InfrastructureError || error instanceof UntestableKernelError;
  console.error(`iomapfuzz: ${known ? error.message : explain(error)}`);
}
