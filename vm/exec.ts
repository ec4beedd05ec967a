/** Runs one command in a guest. */
import { VmError } from './qemu/failure.ts';
import type { VmHandle } from './vm.ts';

export interface ExecOptions {
  argv: string[];
  cwd?: string;
  env?: Record<string, string>;
  /** For the whole command; after it the guest counts as hung. */
  timeoutMs: number;
  onOutput: (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void;
}

let lastId = 0;

/** Returns the command's exit code, 128 + n for signal n, 127 when there is no such program. Throws VmError. */
export async function execInGuest(vm: VmHandle, { argv, cwd, env, timeoutMs, onOutput }: ExecOptions): Promise<number> {
  const id = ++lastId;
  vm.send({ kind: 'exec', id, argv, ...(cwd === undefined ? {} : { cwd }), ...(env === undefined ? {} : { env }) });
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const message = await vm.receive(Math.max(0, endMs - performance.now()));
    if (!('id' in message) || message.id !== id) continue;
    if (message.kind === 'output') onOutput(message.stream, message.bytes);
    else if (message.kind === 'exited') return message.code;
    else if (message.kind === 'error')
      throw new VmError({ kind: 'garbage', detail: `the agent refused the command: ${message.reason}` });
  }
}
