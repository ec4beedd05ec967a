/** Saying what happens, and comparing it with what the rules say. */
import { hang } from './hang.ts';
import type { Program } from './uses.ts';

export function report(program: Program): string {
  const { case: testCase, uses } = program;
  const expects = testCase.workload.length > 0;
  return [
    `/* What the rules do not allow, as far as it was seen. */
static int deviations;

static void __attribute__((format(printf, 1, 2))) deviates(const char *fmt, ...)
{
	va_list args;

	deviations++;
	flockfile(stdout);
	fputs("  ! ", stdout);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\\n');
	funlockfile(stdout);
}

/* Nothing can be learnt here; says why, and what would help. */
static void __attribute__((format(printf, 1, 2), noreturn)) cannot_run(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fputs("cannot run here: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\\n', stderr);
	exit(2);
}

${hang(program)}`,
    expects
      ? `
/* The last syscall. */
static int64_t ret;
static int err;

static int64_t saw(int64_t result)
{
	progress->moves++;
	ret = result;
	err = result < 0 ? errno : 0;
	if (result < 0)
		printf("  = -1, errno %d (%s)\\n", err, strerror(err));
	else
		printf("  = %lld\\n", (long long)result);
	return result;
}

/* Does a syscall, printing it and its result. */
#define CALL(call)	(printf("%s\\n", #call), fflush(stdout), saw(call))`
      : '',
    expects && uses.calls.size > 0 ? outcome : '',
  ]
    .filter((part) => part !== '')
    .join('\n');
}

const outcome = `
/* One way in which the rules let a syscall end; rule is the one that decides. */
struct outcome {
	enum { END, FAILS, RETURNS, SUCCEEDS } how;
	int64_t value;		/* errno, 0: any; or the result */
	const char *rule;
};

static void expect(const struct outcome *right)
{
	const struct outcome *o;

	for (o = right; o->how != END; o++) {
		if (o->how == FAILS && ret < 0 && (o->value == err || o->value == 0))
			return;
		if (o->how == RETURNS && ret == o->value)
			return;
		if (o->how == SUCCEEDS && ret >= 0)
			return;
	}
	for (o = right; o->how != END; o++) {
		const char *or = o == right ? "" : "or ";

		if (o->how == FAILS && o->value)
			deviates("expected %serrno %lld (%s), by %s", or, (long long)o->value,
				 strerror(o->value), o->rule);
		else if (o->how == FAILS)
			deviates("expected %sa failure, by %s", or, o->rule);
		else if (o->how == RETURNS)
			deviates("expected %s%lld, by %s", or, (long long)o->value, o->rule);
		else
			deviates("expected %ssuccess, by %s", or, o->rule);
	}
}

#define EXPECT(...)	expect((const struct outcome[]){ __VA_ARGS__, { END, 0, NULL } })`;
