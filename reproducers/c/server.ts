/** The FUSE server: reads requests, answers them by the script or in an ordinary way, prints both. */
import { mostRequests } from '../../model/case-traits.ts';
import { files } from './files.ts';
import { init } from './init.ts';
import { notifyHelper } from './notify.ts';
import { notificationsOf } from '../../model/case-traits.ts';
import { ordinary } from './ordinary.ts';
import { printing } from './printing.ts';
import { replies } from './replies.ts';
import { requests } from './requests.ts';
import { script } from './script.ts';
import { mustFailToMount, type Program } from './uses.ts';

export function server(program: Program): string {
  return [
    files(program),
    replies(program),
    printing(program),
    program.uses.comparesRequests ? requests(program) : '',
    notifications(program),
    signals(program),
    program.case.script.length > 0 ? script(program) : '',
    ordinary(program),
    init(program),
    loop(program),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function loop({ case: testCase, uses }: Program): string {
  return `static void *serve(void *unused)
{
	/* The kernel wants room for the largest WRITE. */
	static uint8_t buf[(1 << 20) + 8192] __attribute__((aligned(8)));
	const struct fuse_in_header *in = (void *)buf;
	const void *arg = in + 1;

	for (;;) {
		ssize_t got = read(fuse_fd, buf, sizeof(buf) - 1);

		if (got < 0 && (errno == EPERM || errno == EINTR || errno == ENOENT)) {
			usleep(1000);	/* EPERM: not mounted yet */
			continue;
		}
		if (got <= 0)
			return unused;	/* unmounted */
		buf[got] = 0;
		if (in->opcode == FUSE_INIT) {
			answer_init(in, arg);
			continue;
		}
		print_request(in, arg);
		if (++progress->requests > MOST_REQUESTS) {
${
  mostRequests(testCase).certain
    ? `			deviates("the kernel asks without end: more than %d requests",
				 MOST_REQUESTS);
			exit(1);`
    : `			cannot_run("more than %d requests, and this case may need them",
				   MOST_REQUESTS);`
}
		}
${uses.comparesRequests ? '\t\tcheck_request(in, arg);\n' : ''}${testCase.script.length > 0 ? '\t\tif (!answer_by_script(in, arg))\n\t\t\tanswer(in, arg);' : '\t\tanswer(in, arg);'}
		fflush(stdout);
	}
}`;
}

function notifications({ case: testCase, prediction }: Program): string {
  const all = notificationsOf(mustFailToMount(prediction) ? { ...testCase, workload: [] } : testCase);
  return all.length === 0
    ? ''
    : notifyHelper(
        all,
        testCase.script.some(({ before }) => before !== undefined),
      );
}

const signals = ({ case: { script: lines } }: Program): string =>
  lines.some(({ signal }) => signal)
    ? `/* Does the syscalls. */
static pthread_t workload_thread;

static void no_action(int signal)
{
	(void)signal;
}`
    : '';
