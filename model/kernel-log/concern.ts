/** Whether a report has to do with what is tested. */

/** Functions and files of FUSE and iomap, as stacks and titles name them. */
const OURS = /\b_*(?:fuse|iomap)_\w+|\bfs\/(?:fuse|iomap)\/|\[fuse\]/;

/**
 * `text`: the report as it was printed. A report without names of functions (a kernel without KALLSYMS) may concern
 * anything.
 */
export const concernsIomap = (text: string): boolean =>
  OURS.test(text) || !/\b[A-Za-z_]\w*\+0x[0-9a-f]+\/0x/.test(text);
