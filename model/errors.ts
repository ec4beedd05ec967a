/** Errors that end a command. `main.ts` maps them to exit codes; anything else that is thrown is a bug. */

/** Bad arguments, unreadable or corrupt input: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The machine, not the kernel, is in the way (no QEMU, no disk space, a lost VM): exit code 3. */
export class InfrastructureError extends Error {
  override name = 'InfrastructureError';
}

/** A kernel cannot be made of the source that was given; the message holds the compiler's words. */
export class KernelBuildError extends InfrastructureError {
  override name = 'KernelBuildError';
}

/** This kernel cannot be tested, as `git bisect run` wants to know: exit code 125. */
export class UntestableKernelError extends Error {
  override name = 'UntestableKernelError';
}

/** Somebody ended the command (a signal) while it waited for something. */
export class InterruptedError extends InfrastructureError {
  override name = 'InterruptedError';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The errno name of a failed system call (`ENOENT`, `ENOSPC`, ...), if `error` is one. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
