/** `iomapfuzz doctor`: what works here. */
import { Command } from 'commander';
import { findTool } from '../vm/host/tools.ts';
import { examineGuest, examineHost, type Finding } from '../vm/host/doctor.ts';
import { cachedReferenceKernel } from '../vm/kernel/build.ts';
import { addVmOptions, vmSpecOf, type VmOptions } from './vm-options.ts';
import { exitCodes } from './exit-codes.ts';

const marks = { good: 'ok  ', poor: 'note', bad: 'BAD ' };
const infrastructure = 3;

export function doctorCommand(): Command {
  return addVmOptions(new Command('doctor'))
    .description(
      'say what works on this machine, boot a guest if there is a kernel for it, and say what to do about the rest',
    )
    .addHelpText('after', exitCodes('0 it works, 3 something that is needed is missing or broken.'))
    .action(async (options: VmOptions) => {
      const findings: Finding[] = [];
      const say = (finding: Finding): void => {
        findings.push(finding);
        console.log(
          `${marks[finding.state]} ${finding.subject.padEnd(20)} ${finding.text.replaceAll('\n', `\n${' '.repeat(26)}`)}`,
        );
        if (finding.advice !== undefined) console.log(`${' '.repeat(26)}-> ${finding.advice}`);
      };
      examineHost().forEach(say);
      const broken = (): boolean => findings.some(({ state }) => state === 'bad');
      // Building a kernel is not a doctor's business.
      const haveKernel =
        options.kernel !== undefined ||
        options.kdir !== undefined ||
        (findTool('gcc') !== undefined && cachedReferenceKernel(options.flavour ?? 'fast') !== undefined);
      if (broken()) console.log('\nno guest was booted: first repair what is marked BAD');
      else if (haveKernel) (await examineGuest(await vmSpecOf(options))).forEach(say);
      else
        console.log(
          '\nno guest was booted: there is no kernel in the cache (iomapfuzz kernel build), and none was named by --kernel',
        );
      if (broken()) process.exitCode = infrastructure;
    });
}
