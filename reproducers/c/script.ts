/** The case's script: conditions, and what is answered. */
import type { ScriptLine } from '../../model/case.ts';
import { notifyMeanwhile } from './notify.ts';
import { constantOf } from './opcodes.ts';
import { sendReply } from './script-reply.ts';
import { bits, u64 } from './text.ts';
import type { Program } from './uses.ts';

export function script(program: Program): string {
  const blocks = program.case.script
    .map((line, index) => scriptLine(line, index, program))
    .filter((block) => block !== undefined);
  const counted = program.case.script.some((line) => line.times !== undefined && reachable(line, program));
  return `/* Answers a request by the first line of the script whose conditions hold; 0: there is none. */
static int answer_by_script(const struct fuse_in_header *in, const void *arg)
{
${counted ? `\tstatic unsigned int used[${program.case.script.length}];\n` : ''}	int file = file_of(in, arg);

	(void)file;
${blocks.join('\n')}
	return 0;
}`;
}

const hasPos = (on: ScriptLine['on']): boolean => hasOpflags(on) || on === 'IOMAP_IOEND';
/** At the same place in BEGIN, END and IOEND. */
const POS = '((const struct begin_in *)arg)->pos';
const hasOpflags = (on: ScriptLine['on']): boolean => on === 'IOMAP_BEGIN' || on === 'IOMAP_END';

/** Whether any request of the revision can match the line. */
const reachable = (line: ScriptLine, program: Program): boolean =>
  constantOf(line.on, program) !== undefined &&
  (hasOpflags(line.on) || !line.opflagsSet) &&
  (hasPos(line.on) || !line.posFrom) &&
  line.posTo !== 0n;

function scriptLine(line: ScriptLine, index: number, program: Program): string | undefined {
  if (!reachable(line, program)) return undefined;
  const conditions = [`in->opcode == ${constantOf(line.on, program)!}`];
  if (line.on === 'LOOKUP' && line.file === undefined) conditions.push('file >= 0');
  if (line.file !== undefined) conditions.push(`file == ${line.file}`);
  const opflags = '*(const uint32_t *)arg';
  if (line.opflagsSet) conditions.push(`(${opflags} & ${bits(line.opflagsSet)}) == ${bits(line.opflagsSet)}`);
  if (line.opflagsClear && hasOpflags(line.on)) conditions.push(`!(${opflags} & ${bits(line.opflagsClear)})`);
  if (line.posFrom && hasPos(line.on)) conditions.push(`${POS} >= ${u64(line.posFrom)}`);
  if (line.posTo !== undefined && hasPos(line.on)) conditions.push(`${POS} < ${u64(line.posTo)}`);
  if (line.times !== undefined) conditions.push(`used[${index}] < ${line.times}`);
  const condition = conditions.join(' && ').length <= 80 ? conditions.join(' && ') : conditions.join(' &&\n\t    ');
  return `	if (${condition}) {
${line.times === undefined ? '' : `\t\tused[${index}]++;\n`}${first(line, index, program)}${sendReply(line.reply, program)}
		return 1;
	}`;
}

/** What happens while the request waits for its answer. */
function first({ before = [], signal }: ScriptLine, line: number, program: Program): string {
  const sent = before.flatMap((notification, index) =>
    notifyMeanwhile(notification, program.prediction.meanwhile[line]?.[index], program),
  );
  if (signal)
    sent.push('pthread_kill(workload_thread, SIGUSR2);', 'printf("    a signal is pending for the caller\\n");');
  return sent.map((text) => `\t\t${text}\n`).join('');
}
