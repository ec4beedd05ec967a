/** What the help of each command says of its exit codes; docs/architecture.md has them all. */

const NO_VERDICT = '3 no verdict (no VM, lost cases, interrupted)';

/** Of commands that judge a kernel. */
export const VERDICT_CODES = `0 all conform, 1 a deviation, 2 usage or unreadable input, ${NO_VERDICT},\n4 nothing was judged, 125 this kernel cannot be tested.`;
/** Of commands that use a guest without judging it. */
export const GUEST_CODES = '2 usage, 3 no VM, 125 this kernel cannot be tested.';
/** Of commands that read and write files only. */
export const FILE_CODES = '0 done, 2 usage or unreadable input, 3 it could not be written.';

/** For `addHelpText('after', ...)`. */
export const exitCodes = (codes: string): string => `\nExit code: ${codes}`;
