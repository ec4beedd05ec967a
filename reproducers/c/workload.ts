/** The case's syscalls, each followed by what the rules say about it. */
import { expectations } from './expectations.ts';
import { statements } from './steps.ts';
import { stepHelpers } from './step-helpers.ts';
import { commentText, u64, wrapLine } from './text.ts';
import type { Program } from './uses.ts';

export function workload(program: Program): string {
  const { case: testCase, prediction } = program;
  let opened = 0;
  let silent = false;
  const steps = testCase.workload.map((step, index) => {
    const lines = statements(step, opened, program);
    if (step.call === 'open') opened += 1;
    const outcomes = prediction.steps[index]!;
    const ends = outcomes.length === 0 && prediction.unspecified !== undefined && !silent;
    silent ||= ends;
    const note = ends
      ? [
          '/*',
          ...wrapLine(`The rules say nothing more: ${commentText(prediction.unspecified!)}.`, 80).map(
            (line) => ` * ${line}`,
          ),
          ' */',
        ]
      : [];
    return [...lines, ...expectations(step, outcomes), ...note]
      .map((line) => (line === '' ? '' : `\t${line}`))
      .join('\n');
  });
  const locals = localsOf(program, opened);
  const closing = closingOf(program, opened);
  return [
    ...stepHelpers(program, steps),
    `static void workload(void)
{
${locals.join('\n')}${locals.length > 0 ? '\n\n' : ''}${steps.join('\n\n')}${closing.length > 0 ? `\n\n${closing.join('\n')}` : ''}
}`,
  ].join('\n\n');
}

function localsOf({ case: testCase, revision, uses }: Program, opened: number): string[] {
  const room = Math.max(
    1,
    ...testCase.workload.map((step) =>
      'lengthBytes' in step && typeof step.lengthBytes === 'number' ? step.lengthBytes : 0,
    ),
  );
  const ioctls = testCase.workload
    .filter((step) => step.call === 'fuseIoctl')
    .filter(({ ioctl }) => revision.ioctls[ioctl] !== undefined);
  return [
    opened > 0 ? `	int fd[${opened}];` : '',
    uses.hasBuffer ? `	uint8_t *buf = aligned(${u64(BigInt(room))});` : '',
    uses.calls.has('fstat') || uses.calls.has('setTimes') ? '	struct stat st;' : '',
    uses.calls.has('fsUuid') ? '	uint8_t uuid[17];	/* length, bytes */' : '',
    ioctls.some(({ ioctl }) => ioctl === 'IOMAP_SUPPORT') ? '	uint64_t support[2];	/* flags, padding */' : '',
    ioctls.some(({ target }) => target === 'regular' || target === 'device-opath') ? '	int target;' : '',
    usesUnmounted(testCase) ? '	int unmounted_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);' : '',
  ].filter((line) => line !== '');
}

/** Takes back what concerns more than the case, and closes what it left open. */
function closingOf({ case: testCase, uses }: Program, opened: number): string[] {
  const swapFiles = [...new Set(testCase.workload.flatMap((step) => (step.call === 'swapon' ? [step.file] : [])))];
  return [
    uses.calls.has('freeze') ? '	thaw(frozen_by);' : '',
    ...swapFiles.map((file) => `	swapoff(path(${file}));	/* where the case left it in use */`),
    opened > 0 ? `	for (size_t i = 0; i < ${opened}; i++)\n\t\tif (fd[i] >= 0)\n\t\t\tclose(fd[i]);` : '',
    usesUnmounted(testCase) ? '	close(unmounted_fd);' : '',
    uses.hasBuffer ? '	free(buf);' : '',
  ].filter((line) => line !== '');
}

const usesUnmounted = (testCase: Program['case']): boolean =>
  testCase.workload.some((step) => step.call === 'fuseIoctl' && step.on === 'unmounted');
