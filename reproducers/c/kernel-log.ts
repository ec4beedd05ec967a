/** What the kernel says by itself: its log, and the trace event of refused mappings. */
import { logPatterns, type LogPattern } from '../../model/kernel-log/patterns.ts';
import { string } from './text.ts';
import type { Program } from './uses.ts';

export function kernelLog(program: Program): string {
  const { case: testCase, uses, prediction } = program;
  const [only] = prediction.refusals;
  const checked = prediction.refusals.length === 1 && prediction.unspecified === undefined;
  const texts = (only ?? []).flatMap(({ conditions }): readonly (string | undefined)[] => conditions ?? [undefined]);
  const rows = texts.map(
    (text) => `\t${text === undefined ? 'NULL,\t/* some condition: the rules do not name it */' : `${string(text)},`}`,
  );
  // Without an expected report any report is one too many, and no list is needed to say so.
  const listed = checked && rows.length > 0;
  const lists =
    listed && (uses.trace || testCase.debugIomap)
      ? `/* Conditions that the kernel has to report as violated, in this order. */
static const char *const bad_data[] = {
${rows.map((row) => `${row}\n`).join('')}};

#define BAD_DATA	(sizeof(bad_data) / sizeof(bad_data[0]))

/* nr: how many were reported before; returns how many are now. */
static size_t check_bad_data(const char *channel, const char *line, size_t nr)
{
	if (nr < BAD_DATA && (!bad_data[nr] || strstr(line, bad_data[nr])))
		return nr + 1;
${
  uses.readsAhead
    ? `	/* Readahead asks for what it did not get once more, or page by page. */
	if (nr && (!bad_data[nr - 1] || strstr(line, bad_data[nr - 1])))
		return nr;
`
    : ''
}	if (nr < BAD_DATA)
		deviates("%s: expected the condition %s", channel, bad_data[nr]);
	else
		deviates("%s: nothing was to be reported here", channel);
	return nr + 1;
}

static void check_bad_data_count(const char *channel, size_t nr)
{
	if (nr < BAD_DATA)
		deviates("%s: expected %zu reports of bad data, seen %zu", channel, BAD_DATA, nr);
}

`
      : '';
  const warns = listed && testCase.debugIomap;
  const onWarn = warns
    ? 'warnings = check_bad_data("WARN", text, warnings);'
    : !testCase.debugIomap
      ? 'deviates("WARN: debug_iomap is off");'
      : checked
        ? 'deviates("WARN: nothing was to be reported here");'
        : '';
  return `${lists}${lines(program)}

static int kmsg;
static regex_t wrong_line, harmless_line;

static int matches(const regex_t *pattern, const char *text)
{
	return !regexec(pattern, text, 0, NULL, 0);
}

static void open_kernel_log(void)
{
	if (regcomp(&wrong_line, wrong, REG_EXTENDED | REG_NOSUB) ||
	    regcomp(&harmless_line, harmless, REG_EXTENDED | REG_NOSUB))
		cannot_run("the patterns of the kernel's log are not understood");
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0)
		cannot_run("/dev/kmsg: %s", strerror(errno));
	lseek(kmsg, 0, SEEK_END);
}

/* Prints what the kernel logged meanwhile; some of it is always wrong. */
static void check_kernel_log(void)
{
	static char line[8192];
	int in_bad_mapping = 0;
${warns || onWarn === '' ? '\tsize_t warnings = 0;\n' : ''}	ssize_t got;

	while ((got = read(kmsg, line, sizeof(line) - 1)) > 0 || (got < 0 && errno == EPIPE)) {
		char *text, *end;

		if (got < 0)
			continue;	/* records were lost; the next ones follow */
		line[got] = 0;
		text = strchr(line, ';') ? strchr(line, ';') + 1 : line;
		end = strchr(text, '\\n');
		if (end)
			*end = 0;
		printf("kernel: %s\\n", text);
		/* "Bad mapping: " has its own check, and its WARNING is a part of it. */
		if (matches(&wrong_line, text) && !matches(&harmless_line, text) &&
		    !(in_bad_mapping && !strncmp(text, "WARNING: ", 9)))
			deviates("the kernel must never log this");
		if (!strncmp(text, "---[ end trace ", 15))
			in_bad_mapping = 0;
		in_bad_mapping |= !strncmp(text, "Bad mapping: ", 13);
		if (!strncmp(text, "Bad mapping: ", 13))
			${onWarn === '' ? 'warnings++;' : onWarn}
	}
${warns ? '\tif (debug_known)\n\t\tcheck_bad_data_count("WARN", warnings);\n' : onWarn === '' ? '\tprintf("%zu reports of bad mappings\\n", warnings);\n' : ''}	close(kmsg);
}${uses.trace ? `\n\n${trace(listed, checked)}` : ''}`;
}

/**
 * Rows that the last, general one of BUGs includes are left out, and so is what only explains a headline that follows,
 * and what is a remark where nothing comes with it.
 */
const isOwn = ({ name, start, explains }: LogPattern): boolean =>
  name === 'bug' || !(explains ?? /^\^BUG: /.test(start));

function lines({ prediction: { tolerated } }: Program): string {
  const wrong = logPatterns.filter((row) => (row.kind === 'bug' || row.kind === 'warning') && isOwn(row));
  const harmless = logPatterns.filter(
    ({ kind, start }) => (kind === 'notice' || kind === 'ended') && /^\^(BUG: |WARNING: )/.test(start),
  );
  const literal = (patterns: readonly string[]): string =>
    packed(patterns.map((pattern, index) => `${index === 0 ? '' : '|'}${pattern}`))
      .map((line) => `\n\t${string(line)}`)
      .join('');
  return `/* Lines that the kernel must never log (extended regular expressions); and what is no fault. */
static const char wrong[] =${literal(['^Assertion failed: ', ...wrong.map(({ start }) => start)])};
static const char harmless[] =${literal([...harmless.map(({ start }) => start), ...tolerated.map(({ source }) => `^WARNING: .*(${source.replaceAll('\\/', '/')})`)])};`;
}

/** As many of the texts on a line as fit. */
function packed(texts: readonly string[], width = 84): string[] {
  const lines: string[] = [];
  for (const text of texts.flatMap((whole) => whole.match(new RegExp(`.{1,${width}}`, 'g')) ?? [])) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + text.length <= width) lines[lines.length - 1] = last + text;
    else lines.push(text);
  }
  return lines;
}

const trace = (
  listed: boolean,
  checked: boolean,
): string => `#define TRACE_INSTANCE	"/sys/kernel/tracing/instances/iomap-repro"

static int trace_pipe = -1;

/* A kernel without the event is judged by errno and log alone. */
static void open_trace(void)
{
	int enable;

	mkdir(TRACE_INSTANCE, 0700);
	enable = open(TRACE_INSTANCE "/events/fuse/fuse_iomap_bad_data/enable", O_WRONLY);
	if (enable < 0 || write(enable, "1", 1) != 1)
		printf("no trace event fuse_iomap_bad_data: it is not checked\\n");
	else
		trace_pipe = open(TRACE_INSTANCE "/trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (enable >= 0)
		close(enable);
}

static void check_trace(void)
{
	static char text[65536];
	size_t length = 0, events = 0;
	ssize_t got;

	if (trace_pipe < 0) {
		rmdir(TRACE_INSTANCE);
		return;
	}
	while (length < sizeof(text) - 1 &&
	       (got = read(trace_pipe, text + length, sizeof(text) - 1 - length)) > 0)
		length += got;
	close(trace_pipe);
	rmdir(TRACE_INSTANCE);
	for (char *line = strtok(text, "\\n"); line; line = strtok(NULL, "\\n")) {
		if (!strstr(line, "fuse_iomap_bad_data:"))
			continue;
		printf("trace: %s\\n", strstr(line, "fuse_iomap_bad_data:"));
${listed ? '\t\tevents = check_bad_data("trace event", line, events);\n' : `${checked ? '\t\tdeviates("trace event: nothing was to be reported here");\n' : ''}\t\tevents++;\n`}
	}
${listed ? '\tcheck_bad_data_count("trace event", events);\n' : '\tprintf("%zu trace events of bad data\\n", events);\n'}}`;

/** Switches of the module; the value before is put back. */
export function parameters({ case: testCase }: Program): string {
  return `#define PARAMETERS	"/sys/module/fuse/parameters/"

static char debug_before;
static int debug_known;

/* Sets a bool and returns what it was; 0: this kernel has no such parameter. */
static char set_parameter(const char *path, char value)
{
	char before = 0;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (read(fd, &before, 1) != 1 || pwrite(fd, &value, 1, 0) != 1)
		before = 0;
	close(fd);
	return before;
}

static void set_parameters(void)
{
	if (access("/sys/module/fuse", F_OK))
		cannot_run("this kernel has no FUSE (CONFIG_FUSE_FS), or its module is not loaded");
	set_parameter(PARAMETERS "enable_iomap", 'Y');
	debug_before = set_parameter(PARAMETERS "debug_iomap", '${testCase.debugIomap ? 'Y' : 'N'}');
	debug_known = debug_before != 0;
	if (!debug_known)
		printf("no parameter debug_iomap: WARNs are not checked\\n");
}`;
}
