/** Whether QEMU's seccomp sandbox works here: it may be built without, and a container may forbid it. */
import { spawnSync } from 'node:child_process';
import { sandboxArguments } from './command-line.ts';

const answers = new Map<string, string | undefined>();

/** Undefined: it works. Tried once a process, by a QEMU without a machine that is told to quit. */
export function whyNoSandbox(program: string): string | undefined {
  if (!answers.has(program)) {
    const { status, stderr, error } = spawnSync(
      program,
      [
        '-nodefaults',
        '-machine',
        'none',
        '-display',
        'none',
        ...sandboxArguments({ children: false }),
        '-monitor',
        'stdio',
      ],
      { input: 'quit\n', encoding: 'utf8', timeout: 20_000, stdio: ['pipe', 'ignore', 'pipe'] },
    );
    answers.set(program, status === 0 ? undefined : (error?.message ?? stderr.trim().split('\n').at(-1) ?? 'unknown'));
  }
  return answers.get(program);
}
