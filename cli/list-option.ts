/** Options that may be given several times: one wording of the help, one way to read them. */
import { Option } from 'commander';

export const SEVERAL_TIMES = 'may be given several times';

const collect = (value: string, all: readonly string[] = []): string[] => [...all, ...value.split(',')];

/** One or more names, also `a,b`; undefined: the option was not given. */
export const listOption = (flags: string, description: string): Option =>
  new Option(flags, `${description}; ${SEVERAL_TIMES}`).argParser(collect);

/** Rules and paths, as every command that draws cases takes them. */
export const ruleOption = (which: string): Option => listOption('--rule <id>', `${which}; * matches anything (map/*)`);
export const pathOption = (which: string): Option => listOption('--path <name>', `${which} (direct-read, fiemap, ...)`);
