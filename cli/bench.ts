/** `iomapfuzz bench`: how fast cases run, beside a C program that makes the kernel do the same. */
import { Command, Option } from 'commander';
import { writeFileSync } from 'node:fs';
import { requireTestable } from '../vm/kernel/identify.ts';
import { benchRevision } from '../bench/simple-cases.ts';
import { bench, type BenchResult, type Rate } from '../bench/bench.ts';
import { durationMs } from './duration.ts';
import { progressLine } from './progress.ts';
import { addVmOptions, vmSpecOf, type VmOptions } from './vm-options.ts';
import { exitCodes, GUEST_CODES } from './exit-codes.ts';

interface BenchCommandOptions extends VmOptions {
  time: number;
  json?: string;
}

export function benchCommand(): Command {
  return addVmOptions(new Command('bench'))
    .description(
      'measure cases per second in one guest, by turns with a C program that makes the kernel do the same requests',
    )
    .addOption(
      new Option('--time <duration>', 'for each measurement; all of it takes about four times as long')
        .argParser(durationMs)
        .default(60_000, '60s'),
    )
    .option('--json <file>', 'write the numbers there')
    .addHelpText('after', exitCodes(`0 measured, ${GUEST_CODES}`))
    .action(async (options: BenchCommandOptions) => {
      const spec = await vmSpecOf(options, { revision: benchRevision });
      requireTestable(spec.kernel);
      const progress = progressLine();
      const result = await bench({ spec, timeMs: options.time, onProgress: progress.update });
      progress.end();
      print(result);
      if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
    });
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const row = (what: string, { casesPerSecond, qemuMsPerCase, elapsedMs }: Rate): string =>
  `${what.padEnd(40)}${casesPerSecond.toFixed(0).padStart(8)}${qemuMsPerCase.toFixed(3).padStart(12)}${seconds(elapsedMs).padStart(12)}`;

/** What issue C asks for; a loaded machine may miss the absolute ones. */
const goals = { casesPerSecond: 1000, ratio: 0.5, bootMs: 6000, snapshotMs: 800 } as const;
const verdict = (good: boolean): string => (good ? 'ok' : 'MISSED');

function print({
  environment,
  kernelRelease,
  yardstick,
  guest,
  typescript,
  ratio,
  requests,
  campaign,
  bootToFirstCaseMs,
  snapshotToFirstCaseMs,
  memoryMib,
}: BenchResult): void {
  const { cases, generatingMs, judgingMs, hostMs, verdicts } = campaign;
  const snapshotMs = Math.min(...snapshotToFirstCaseMs);
  const lines = [
    `Linux ${kernelRelease}, ${environment.machine}, ${environment.accelerator}, ${environment.memoryMib} MiB; debug WARN off`,
    '',
    `${''.padEnd(40)}${'cases/s'.padStart(8)}${'QEMU ms'.padStart(12)}${'measured'.padStart(12)}`,
    row('C program', yardstick),
    row('iomapfuzz, guest alone', guest),
    row('iomapfuzz, server in TypeScript', typescript),
    row('iomapfuzz, generated, run and judged', campaign),
    '',
    `of the C program's rate: ${ratio.casesPerSecond.toFixed(2)} (goal ${goals.ratio}: ${verdict(ratio.casesPerSecond >= goals.ratio)}); by QEMU's processor time: ${ratio.qemuTime.toFixed(2)}`,
    `sustained: ${campaign.casesPerSecond.toFixed(0)} cases/s (goal ${goals.casesPerSecond}: ${verdict(campaign.casesPerSecond >= goals.casesPerSecond)})`,
    `FUSE requests per case: C ${requests.yardstick.toFixed(2)}, iomapfuzz ${requests.guest.toFixed(2)}`,
    `host, per case: ${(generatingMs / cases).toFixed(3)} ms generating, ${(judgingMs / cases).toFixed(3)} ms judging, ${(hostMs / cases).toFixed(3)} ms processor time in all`,
    `verdicts: ${Object.entries(verdicts)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(', ')}`,
    `boot to first case: ${seconds(bootToFirstCaseMs)} (goal ${seconds(goals.bootMs)}: ${verdict(bootToFirstCaseMs <= goals.bootMs)})`,
    `snapshot to first case: ${snapshotToFirstCaseMs.map(seconds).join(', ')} (goal ${seconds(goals.snapshotMs)}: ${verdict(snapshotMs <= goals.snapshotMs)})`,
    `peak memory, MiB: ${memoryMib.guestUsed.toFixed(0)} used in the guest, its agent ${memoryMib.guestAgent.toFixed(0)}; QEMU ${memoryMib.qemu.toFixed(0)}, iomapfuzz ${memoryMib.host.toFixed(0)}`,
  ];
  console.log(lines.join('\n'));
}
