/** A process that watches the one that does the syscalls, which a kernel that hangs does not let go. */
import { mostRequests } from '../../model/case-traits.ts';
import type { Program } from './uses.ts';

/** A syscall or a request that comes takes milliseconds; no sooner than this is a kernel said to hang. */
const HANG_SECONDS = 15;

export const hang = ({
  case: testCase,
}: Program): string => `/* Counted by the process that does the syscalls, seen by the one that watches it. */
static struct progress {
	volatile unsigned int moves, requests;
} *progress;

/* More requests than this no kernel needs that gets anywhere. */
#define MOST_REQUESTS	${mostRequests(testCase).most}
#define HANG_SECONDS	${HANG_SECONDS}

/* Where in the kernel each thread of the process is. */
static void show_stacks(int pid)
{
	char path[64], line[256];
	struct dirent *thread;
	DIR *threads;
	FILE *stack;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	threads = opendir(path);
	while (threads && (thread = readdir(threads))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/stack", pid, thread->d_name);
		stack = thread->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (!stack)
			continue;
		printf("    thread %s:\\n", thread->d_name);
		while (fgets(line, sizeof(line), stack))
			printf("      %s", line);
		fclose(stack);
	}
	if (threads)
		closedir(threads);
}

/*
 * Returns in the process that does the syscalls; the other one ends as that one does, or when it
 * gets nowhere.
 */
static void watch(void)
{
	unsigned int seen = 0;
	int status, pid;

	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED)
		cannot_run("mmap: %s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		cannot_run("fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return;
	}
	for (int tenths = 0; tenths < HANG_SECONDS * 10; tenths++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		if (progress->moves + progress->requests != seen)
			tenths = 0;
		seen = progress->moves + progress->requests;
		usleep(100000);
	}
	printf("  ! the kernel hangs: nothing has come back for %d s\\n", HANG_SECONDS);
	show_stacks(pid);
	fflush(stdout);
	/* It ends if the kernel lets it. */
	kill(pid, SIGKILL);
	_exit(1);
}`;
