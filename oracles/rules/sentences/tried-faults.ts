/** Faults that were built into a kernel to try the plan on, and that it does not catch. */
export interface MissedFault {
  fault: string;
  /** Why no cell catches it. */
  because: string;
}

export const triedFaults = {
  summary:
    '80 faults were built into one reference kernel (a check off by one, a request or its flag left out, a range not invalidated, a record merged or cut wrongly, a page that stays, a size that does not follow) and switched on one at a time. The cells of the rules in question, at `--runs 1`, catch 69 of them. The others:',
  missed: [
    {
      fault:
        'truncation does not write back what it throws away; END without STALE; an invalidation that leaves 512 of 4096 bytes; a swap file on a device opened for reading only',
      because: 'the rules allow it, or do not say',
    },
    { fault: 'a failed writeback that is not waited for', because: 'needs a slow device' },
    {
      fault: 'stores behind EOF become part of the file over UNWRITTEN',
      because: 'the kernel may write back first; over MAPPED they are zeroed anyway',
    },
    {
      fault:
        'a write mapping longer than the hole it is read from; a direct write to a part of a block whose rest is elsewhere',
      because: 'no cell draws it',
    },
    {
      fault:
        'SETATTR refuses a larger size, which stays; a failed inline write keeps the larger size; FOPEN_STREAM accepted',
      because: 'one value of several that a cell draws: more `--runs` do',
    },
  ] satisfies readonly MissedFault[],
};
