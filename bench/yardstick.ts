/** The C yardstick: compiled on the host, run in the guest. */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { InfrastructureError, messageOf } from '../model/errors.ts';
import { execInGuest } from '../vm/exec.ts';
import type { GuestFile } from '../vm/initramfs/files.ts';
import { installHint } from '../vm/host/tools.ts';
import { cacheDirectory } from '../vm/paths.ts';
import { repositoryRoot } from '../files/repository-root.ts';
import type { VmHandle } from '../vm/vm.ts';
import type { Revision } from '../uapi/revision.ts';

const pathInGuest = '/iomapfuzz/yardstick';
/** Mounting, and unmounting with many thousand inodes. */
const slackMs = 120_000;

export interface YardstickRun {
  cases: number;
  elapsedMs: number;
  /** By opcode. */
  requests: Record<string, number>;
}

/** What the program knows of the uAPI. */
function definitions({ initBit, minor, opcodes, ioctls, attrFlags, mappingTypes, backingTypes }: Revision): string[] {
  const numbers = {
    INIT_IOMAP: `(1ULL<<${initBit})`,
    IOMAP_MINOR: minor,
    OP_IOMAP_BEGIN: opcodes.IOMAP_BEGIN,
    OP_IOMAP_END: opcodes.IOMAP_END,
    OP_IOMAP_IOEND: opcodes.IOMAP_IOEND,
    DEV_BACKING_OPEN: ioctls.BACKING_OPEN,
    ATTR_EXCLUSIVE: attrFlags.EXCLUSIVE,
    ATTR_IOMAP: attrFlags.IOMAP,
    MAPPED: mappingTypes.MAPPED,
    PURE_OVERWRITE: mappingTypes.PURE_OVERWRITE,
    BACKING_TYPE_IOMAP: backingTypes.IOMAP,
  };
  return Object.entries(numbers).map(([name, value]) => `-D${name}=${String(value)}`);
}

/** Compiles the program unless that was done before. Throws InfrastructureError. `revision`: its numbers. */
export function yardstickFile(revision: Revision): GuestFile {
  const source = join(repositoryRoot(), 'bench/yardstick.c');
  const numbers = definitions(revision);
  const hash = createHash('sha256').update(readFileSync(source)).update(numbers.join(' ')).digest('hex').slice(0, 16);
  const program = join(cacheDirectory('yardstick'), hash);
  if (!existsSync(program)) {
    try {
      execFileSync('gcc', ['-O2', '-Wall', '-static', '-pthread', ...numbers, '-o', `${program}.new`, source], {
        stdio: ['ignore', 'pipe', 'pipe'],
        encoding: 'utf8',
      });
    } catch (error) {
      throw new InfrastructureError(
        `the benchmark's C program cannot be compiled: ${messageOf(error)}\n${installHint(['gcc'])}`,
      );
    }
    renameSync(`${program}.new`, program);
  }
  return { path: pathInGuest, content: { kind: 'file', source: program }, executable: true };
}

/** Runs the kinds by turns for `seconds`; calls back when it begins, and when it has counted and only cleans up. */
export async function runYardstick(
  vm: VmHandle,
  seconds: number,
  kinds: readonly string[],
  on: { begin(): void; end(): void },
): Promise<YardstickRun> {
  let out = '';
  let errors = '';
  let begun = false,
    ended = false;
  const code = await execInGuest(vm, {
    argv: [pathInGuest, String(seconds), '/dev/ram0', ...kinds],
    timeoutMs: seconds * 1000 + slackMs,
    onOutput: (stream, bytes) => {
      if (stream === 'stdout') out += Buffer.from(bytes).toString();
      else errors += Buffer.from(bytes).toString();
      if (!begun && out.includes('begins\n')) {
        begun = true;
        on.begin();
      }
      if (!ended && out.endsWith('}}\n')) {
        ended = true;
        on.end();
      }
    },
  });
  if (code !== 0 || !ended)
    throw new InfrastructureError(`the C program failed in the guest (exit code ${code}): ${errors.trim()}`);
  return JSON.parse(out.trim().split('\n').at(-1)!) as YardstickRun;
}
