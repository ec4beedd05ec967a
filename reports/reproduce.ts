/** The commands that show a finding again. Only commands that exist, with the kernel that the run was given. */
import { shellQuote } from '../model/shell-quote.ts';
import { join } from 'node:path';
import type { Finding } from './finding.ts';
import type { Run } from './run.ts';

/**
 * Options that name the kernel or the rules, or that the drawing of cases depends on; the others (seed, shard, output)
 * are chosen here.
 */
const kept = ['--kernel', '--kdir', '--flavour', '--source', '--uapi-header', '--uapi', '--runs'];

const kernelOptions = ['--kernel', '--kdir', '--flavour', '--source', '--uapi-header'];

/** `--name value` and `--name=value` of `argv` whose name is in `names`. */
function keepOptions(argv: string[], names: string[]): string[] {
  const result: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index]!;
    if (names.some((name) => word.startsWith(`${name}=`))) result.push(word);
    else if (names.includes(word) && argv[index + 1] !== undefined) result.push(word, argv[(index += 1)]!);
  }
  return result;
}

export function reproduceCommands(finding: Finding, run: Run): string[] {
  const { argv, runsPerCell } = run.summary;
  // Where the time decided how many cases each cell had, it is said in numbers.
  const options = [
    ...keepOptions(argv, runsPerCell === undefined ? kept : kept.filter((name) => name !== '--runs')).map(shellQuote),
    ...(runsPerCell === undefined ? [] : [`--runs ${runsPerCell}`]),
  ].join(' ');
  if (finding.file !== undefined) {
    const kernel = keepOptions(run.summary.argv, kernelOptions).map(shellQuote).join(' ');
    const repro = `./iomapfuzz repro ${shellQuote(join(run.directory, finding.file))}`;
    return [`${repro} --times 10${kernel && ` ${kernel}`}`, `${repro} --emit c > reproducer.c`];
  }
  if (finding.ofRun) {
    const { kind, seed } = run.summary;
    const command = kind === 'corpus' ? 'corpus check' : `${kind === 'repro' ? 'conformance' : kind} --seed ${seed}`;
    return [`./iomapfuzz ${command}${options && ` ${options}`}   # no single case shows it: the whole run again`];
  }
  const cell = run.summary.cells.find(({ id }) => id === finding.example.cell);
  // The plan draws each cell from the seed alone, so that a part of it has the cases of the whole.
  if (cell)
    return [
      `./iomapfuzz conformance --rule ${shellQuote(cell.rule)} --path ${shellQuote(cell.path)} --seed ${finding.example.seed}${options && ` ${options}`}`,
    ];
  return [`./iomapfuzz repro CASE.json${options && ` ${options}`}   # CASE.json: the case as it stands in this report`];
}
