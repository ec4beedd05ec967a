/** Bytes of a page. On its own, so that whoever is loaded first finds it. */
export const PAGE_SIZE = 4096;
