/** Mount, run, compare, clean up. */
import { stretch } from './bytes.ts';
import { errno, u64 } from './text.ts';
import { mustFailToMount, type Program } from './uses.ts';

export function mountpoint({ case: testCase }: Program): string {
  const atomic = testCase.geometry.devices.some((device) => device.atomic);
  return `static char mountpoint[] = "/tmp/iomap-repro.XXXXXX";
static int mounted;

${atomic ? 'static void remove_partitions(void);\n\n' : ''}static void clean_up(void)
{
	/* MNT_FORCE ends requests that nobody answers any more. */
	if (mounted)
		umount2(mountpoint, MNT_FORCE | MNT_DETACH);
	rmdir(mountpoint);
${atomic ? '\tremove_partitions();\n' : ''}	if (debug_known)
		set_parameter(PARAMETERS "debug_iomap", debug_before);
}`;
}

export function main({ case: testCase, uses, prediction, revision }: Program): string {
  const syncInit = testCase.geometry.mount === 'syncInit';
  const mounts = prediction.mount;
  const mountFails = mustFailToMount(prediction);
  const registers = uses.registers && prediction.devices.length > 0;
  const right = mounts.map(({ errno: value, rule }) =>
    value === undefined
      ? `{ FAILS, 0, "${rule}" }`
      : value === 0
        ? `{ RETURNS, 0, "${rule}" }`
        : `{ FAILS, ${errno(value)}, "${rule}" }`,
  );
  return `${
    registers
      ? `static void check_registration(void)
{
	static const int right[] = { ${prediction.devices.map((value) => (value === 0 ? '0' : errno(value))).join(', ')} };

	for (size_t n = 0; n < DEVICES; n++)
		if (devices[n].open_errno != right[n])
			deviates("BACKING_OPEN of device %zu: expected errno %d, seen %d", n,
				 right[n], devices[n].open_errno);
}

`
      : ''
  }int main(${uses.devices ? 'int argc, char **argv' : 'void'})
{
	struct timespec deadline;
	char options[128];
	pthread_t server;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (geteuid() != 0)
		cannot_run("only root may mount this");
	watch();
	set_parameters();
	atexit(clean_up);
	fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse_fd < 0)
		cannot_run("/dev/fuse: %s", strerror(errno));
${
  testCase.script.some(({ reply }) => reply.kind === 'kill')
    ? `	holder = fork();
	if (holder == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
`
    : ''
}	if (!mkdtemp(mountpoint))
		cannot_run("%s: %s", mountpoint, strerror(errno));
${uses.devices ? '\tmake_devices(argc - 1, argv + 1);\n' : ''}	open_kernel_log();
${uses.trace ? '\topen_trace();\n' : ''}	sem_init(&ready, 0, 0);
${
  syncInit && revision.ioctls.SYNC_INIT !== undefined
    ? `	if (ioctl(fuse_fd, DEV_SYNC_INIT, 0))
		cannot_run("SYNC_INIT: %s", strerror(errno));
`
    : ''
}${
    testCase.script.some(({ signal }) => signal)
      ? `	workload_thread = pthread_self();
	sigaction(SIGUSR2, &(struct sigaction){ .sa_handler = no_action }, NULL);
`
      : ''
  }	pthread_create(&server, NULL, serve, NULL);

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 fuse_fd);
	CALL(mount("iomap-repro", mountpoint, "fuse", MS_NOSUID | MS_NODEV, options));
	mounted = ret == 0;
${right.length > 0 ? `	EXPECT(${right.join(', ')});\n` : ''}${
    mountFails
      ? ''
      : `	if (mounted) {
		clock_gettime(CLOCK_REALTIME, &deadline);
		deadline.tv_sec += 10;
		if (sem_timedwait(&ready, &deadline))
			cannot_run("the kernel mounted the file system but sent no INIT");
${uses.registers ? '\t\tregister_devices();\n' : ''}${registers ? '\t\tcheck_registration();\n' : ''}		workload();
	}
`
  }
	/* DESTROY is sent and answered in here. */
	if (mounted && umount2(mountpoint, 0) == 0) {
		mounted = 0;
		pthread_join(server, NULL);
	}
${
  uses.comparesDevices
    ? `	check_devices((const struct written[]){
${writtenRows(prediction.contents ?? [])
  .map((row) => `\t\t${row},\n`)
  .join('')}		{ 0, 0, { 0, { { 0, 0 } } } },
	});
`
    : ''
}${uses.comparesRequests ? '\tcheck_all_requested();\n' : ''}${uses.trace ? '\tcheck_trace();\n' : ''}	check_kernel_log();
	printf(deviations ? "the kernel deviates from the rules: %d time(s)\\n"
			  : "the kernel conforms to the rules (%d deviations)\\n", deviations);
	return deviations ? 1 : 0;
}`.replace('\tstruct timespec deadline;\n', mountFails ? '' : '\tstruct timespec deadline;\n');
}

const writtenRows = (contents: NonNullable<Program['prediction']['contents']>): string[] =>
  contents.flatMap((segments, device) =>
    segments.map((segment) => `{ ${device}, ${u64(segment.start)}, ${stretch(segment)} }`),
  );
