/** Kernel configurations as data: the text of a .config, and of a fragment of one. */

/**
 * Symbol without `CONFIG_` to its value: `y`, `m`, or the text of a number or string. Symbols that are not set are
 * absent.
 */
export type KernelConfig = ReadonlyMap<string, string>;

export function parseConfig(text: string): KernelConfig {
  const config = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^CONFIG_(\w+)=(.*)$/.exec(line);
    if (match !== null && match[2] !== 'n') config.set(match[1]!, match[2]!);
  }
  return config;
}

/** What a fragment asks for, `n` included: symbol to value. `# CONFIG_X is not set` asks for n. */
export function parseFragment(text: string): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const line of text.split('\n')) {
    const set = /^CONFIG_(\w+)=(.*)$/.exec(line);
    const unset = /^# CONFIG_(\w+) is not set$/.exec(line);
    if (set !== null) wanted.set(set[1]!, set[2]!);
    else if (unset !== null) wanted.set(unset[1]!, 'n');
  }
  return wanted;
}
