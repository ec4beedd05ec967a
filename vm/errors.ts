/** Errors that end a command. `main.ts` maps them to exit codes; anything else that is thrown is a bug. */

/** Bad arguments, unreadable or corrupt input: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The machine, not the kernel, is in the way (no QEMU, no disk space, a lost VM): exit code 3. */
export class InfrastructureError extends Error {
  override name = 'InfrastructureError';
}

/** This kernel cannot be tested, as `git bisect run` wants to know: exit code 125. */
export class UntestableKernelError extends Error {
  override name = 'UntestableKernelError';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The errno name of a failed system call (`ENOENT`, `ENOSPC`, ...), if `error` is one. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
