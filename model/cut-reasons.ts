/**
 * Why a transcript is the beginning of what was said. `room`: the rest found no room. `count`: the case made more
 * requests than are served, so that the connection was cut in that step. `frozen`: that step and those behind it were
 * not run, because the file system is frozen and the step would wait for a thaw that does not come.
 */
export const cutReasons = ['room', 'count', 'frozen'] as const;
