/** Everything that someone needs to judge whether the run applies to their kernel. */
import type { Run } from '../run.ts';
import { imageText } from '../image-text.ts';
import { duration } from '../text.ts';
import { html, type Markup } from './markup.ts';
import { headerText } from '../uapi-header-text.ts';

export function environmentSection({ summary, directory }: Run): Markup {
  const { environment } = summary;
  const rows: [string, string | undefined][] = [
    ...(environment
      ? ([
          ['Kernel', `${environment.kernelRelease} ${environment.kernelVersion}`],
          ['Named by', environment.kernelOrigin],
          ['Image', `sha256 ${environment.kernelImageHash}`],
          ['Made', imageText(environment) || undefined],
          ['Flavour', environment.flavour],
          ['Accelerator', `${environment.accelerator}: ${environment.acceleratorReason}`],
          ['Machine', `QEMU ${environment.qemuVersion} ${environment.machine}, ${environment.memoryMiB} MiB`],
          ['Host', `${environment.hostCpus} CPUs, Node ${environment.nodeVersion}`],
        ] as [string, string | undefined][])
      : ([['Kernel', 'not known: no VM came up']] as [string, string][])),
    ['Revision', summary.revision],
    ['uAPI numbers', headerText(summary)],
    ['Command', `iomapfuzz ${summary.argv.join(' ')}`],
    ['Version', summary.toolVersion],
    ['Results', directory],
    [
      'VMs',
      `${summary.vms.booted} booted${summary.vms.bootMs.length > 0 ? ` (${summary.vms.bootMs.map(duration).slice(0, 8).join(', ')})` : ''}, ${summary.vms.lost} lost`,
    ],
  ];
  return html`<dl class="environment">${rows.filter(([, value]) => value !== undefined).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value!}</dd></div>`)}</dl>
${environment && environment.kernelConfig.length > 0 && html`<details class="file"><summary>Kernel options that matter (${environment.kernelConfig.length})</summary><pre tabindex="0">${environment.kernelConfig.join('\n')}</pre></details>`}`;
}
