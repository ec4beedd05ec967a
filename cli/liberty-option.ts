/** `--liberty`: the kernel takes what the rules leave open, so that it can be seen that nothing of it is reported. */
import type { Option } from 'commander';
import { UsageError } from '../model/errors.ts';
import type { KernelConfig } from '../vm/kernel/parse-config.ts';
import type { Flavour } from '../vm/kernel/fragments.ts';
import { libertiesOfSeries } from '../vm/kernel/liberties.ts';
import { listOption } from './list-option.ts';

interface LibertyOptions {
  kernel?: string;
  kdir?: string;
  flavour?: Flavour;
  liberty?: string[];
}

export const libertyOption = (): Option =>
  listOption('--liberty <name>', 'let the reference kernel take this liberty of the rules (docs/kernel.md lists them)');

/** The flavour that is meant: a liberty needs one that has switches. */
export const flavourOf = ({ kernel, kdir, flavour, liberty }: LibertyOptions): Flavour | undefined =>
  flavour ?? (liberty && kernel === undefined && kdir === undefined ? 'liberties' : undefined);

/**
 * The options with that flavour. Throws UsageError when a liberty is not one of the reference kernel's and that kernel
 * is meant.
 */
export function withLiberties<T extends LibertyOptions>(options: T): T {
  const { kernel, kdir, liberty } = options;
  if (!liberty) return options;
  const flavour = flavourOf(options);
  const odd = liberty.filter((name) => !/^[a-z]+(-[a-z]+)*$/.test(name));
  const known = libertiesOfSeries().map(({ name }) => name);
  const unknown = kernel === undefined && kdir === undefined ? liberty.filter((name) => !known.includes(name)) : odd;
  if (unknown.length > 0)
    throw new UsageError(`there is no liberty ${unknown.join(', ')}; there are ${known.join(', ')}`);
  return { ...options, ...(flavour && { flavour }) };
}

/** Throws UsageError when the kernel is known to have no switches. */
export function requireLiberties(
  { liberty, kernel, kdir, flavour }: LibertyOptions,
  config: KernelConfig | undefined,
): void {
  if (!liberty || !config || config.has('FUSE_IOMAP_LIBERTIES')) return;
  const named =
    kernel !== undefined
      ? `--kernel ${kernel}`
      : kdir !== undefined
        ? `--kdir ${kdir}`
        : `--flavour ${flavour ?? 'fast'}`;
  throw new UsageError(
    `${named} is a kernel without CONFIG_FUSE_IOMAP_LIBERTIES, and --liberty needs its switches: leave ${named.split(' ')[0]!} out, or give --flavour liberties`,
  );
}
