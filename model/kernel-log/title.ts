/**
 * Titles of reports: what is the same whenever the same thing goes wrong. No addresses, offsets, processors, threads or
 * counts, so that equal titles mean one cause; the function that is to blame where the first line does not name it.
 */
import type { LogPattern, Place } from './patterns.ts';

/** What prints or raises reports, or only passes on what its caller gave it. */
const HELPER = new RegExp(
  `^(${[
    'dump_stack(_lvl)?',
    'show_stack',
    'print_\\w+',
    'report_\\w+',
    '\\w*kasan\\w*',
    '__asan_\\w+',
    '__ubsan_\\w+',
    'ubsan_\\w+',
    '_?_?warn\\w*',
    'panic',
    '__might_(sleep|resched|fault)',
    '__cant_\\w+',
    '__schedule_bug',
    '__schedule',
    'schedule\\w*',
    'preempt_schedule\\w*',
    '__cond_resched',
    'check_preemption_disabled',
    'debug_smp_processor_id',
    '\\w*register_lock_class',
    '__lock_acquire',
    'lock_acquire(\\.\\w+)*',
    'lock_\\w+',
    'lockdep_\\w+',
    '_?_?(raw_|mutex_|spin_|read_|write_|rt_)\\w*lock\\w*',
    '(do_raw|_raw|__raw)_\\w+',
    'down_\\w+',
    'up_\\w+',
    '__down_\\w+',
    'rwsem_\\w+',
    'spin_(bug|dump)',
    'refcount_\\w+',
    '__list_\\w+',
    'usercopy_abort',
    '__?check_\\w+',
    'check_slab_\\w+',
    'check_(heap|stack)_object\\w*',
    '__fortify_\\w+',
    'fortify_panic',
    'bad_page\\w*',
    'dump_page',
    'slab_\\w+',
    'object_err',
    'check_object',
    'k[mvz]?free\\w*',
    'kmem_cache_\\w+',
    '__?k[mvz]\\w*alloc\\w*',
    '(__)?mem(cpy|set|move|cmp)\\w*',
    'str[a-z]+',
    '_?_?copy_(to|from)_\\w+',
    'asm_\\w+',
    'exc_\\w+',
    'do_error_trap',
    'die\\w*',
    'oops_\\w+',
    'handle_bug',
    'sysvec_\\w+',
    'warn_alloc',
    '__?alloc_\\w*pages?\\w*',
    'folio_alloc\\w*',
    'assign_\\w+',
    'static_obj',
    '__?flush_work\\w*',
    'free_(unref|frozen)\\w+',
    '__free_pages\\w*',
  ].join('|')})$`,
);

/** How a thread waits; who made it wait comes after them in the stack. */
const WAITING = new RegExp(
  `^(${[
    'context_switch',
    '__schedule\\w*',
    'schedule\\w*',
    'io_schedule\\w*',
    'preempt_schedule\\w*',
    '__?mutex_lock\\w*',
    'mutex_lock\\w*',
    'ww_mutex\\w*',
    '_?_?down_\\w+',
    'down',
    '__down\\w*',
    'rwsem_\\w+',
    '__?wait_\\w+',
    'do_wait\\w*',
    'wait_\\w+',
    'bit_wait\\w*',
    'out_of_line_wait_on_bit\\w*',
    '\\w*wait_for_\\w*',
    'percpu_rwsem_wait',
    '__percpu_down_read',
    'folio_wait_\\w+',
    'folio_lock\\w*',
    '__folio_lock\\w*',
    'synchronize_\\w+',
    '__synchronize\\w+',
    '__flush_work\\w*',
    'flush_work\\w*',
    'msleep\\w*',
    'usleep\\w*',
    'rt_mutex\\w*',
    '__rt_mutex\\w*',
  ].join('|')})$`,
);

/** A function as stacks print it; the compiler's suffixes change from build to build. */
const FRAME = /^\s+([A-Za-z_][\w.]*)\+0x[0-9a-f]+\/0x[0-9a-f]+/;
const POINTER = /^(?:RIP: [0-9a-f]+:|pc : )([A-Za-z_][\w.]*)\+0x/;
const OF_LOCK = /(?:, at: |^\[<[0-9a-f]+>\] )([A-Za-z_][\w.]*)\+0x/;

const plain = (symbol: string): string => symbol.replace(/\.(part|isra|constprop|cold|llvm|lto_priv)(\.\d+)?/g, '');

/** Functions of the report's first stack, innermost first, without those of which the unwinder is not sure. */
function frames(lines: readonly string[]): string[] {
  const found: string[] = [];
  const start = lines.findIndex((line) => /^Call [Tt]race:$/.test(line));
  for (const line of start < 0 ? [] : lines.slice(start + 1)) {
    const match = FRAME.exec(line);
    if (match) found.push(plain(match[1]!));
    // What comes behind are the user's registers, or another stack.
    else if (/^ <\/TASK>|^Call Trace:|^RIP: 0033:/.test(line)) break;
  }
  return found;
}

const first = (lines: readonly string[], pattern: RegExp): string | undefined => {
  for (const line of lines) {
    const match = pattern.exec(line);
    if (match) return plain(match[1]!);
  }
  return undefined;
};

function functionAt(place: Place, lines: readonly string[]): string | undefined {
  switch (place) {
    case 'instruction': {
      const pointer = first(lines, POINTER);
      return pointer !== undefined && !HELPER.test(pointer)
        ? pointer
        : (frames(lines).find((name) => !HELPER.test(name)) ?? pointer);
    }
    case 'caller': {
      const pointer = first(lines, POINTER);
      if (pointer !== undefined && !HELPER.test(pointer)) return pointer;
      return frames(lines).find((name) => !HELPER.test(name));
    }
    case 'waiter':
      return frames(lines).find((name) => !WAITING.test(name));
    case 'lock':
      return first(lines, OF_LOCK);
  }
}

/** The line of a report without what differs from time to time. */
function stable(line: string): string {
  return line
    .replace(/\bCPU: \d+ PID: \d+ (Comm: \S+ )?/, '')
    .replace(/, CPU#\d+: .*$/, '')
    .replace(/\+0x[0-9a-f]+\/0x[0-9a-f]+/g, '')
    .replace(/\b(0x)?[0-9a-f]{12,16}\b/g, 'ADDRESS')
    .replace(/\b0x[0-9a-f]+\b/g, 'N')
    .replace(/\bkworker\/\S+/g, 'kworker')
    .replace(/\.(part|isra|constprop|cold)(\.\d+)?\b/g, '')
    .replace(/(at|in) ADDRESS$/, '')
    .trim();
}

/** Numbers of a free text: positions in the source stay. */
const withoutCounts = (text: string): string =>
  stable(text).replace(/(?<!\.[chS]:[\d:]*)(?<![\w.])-?\d+(?![\w.])/g, 'N');

/** `WARNING: FILE:LINE at FUNCTION`, from what 6.x and 7.x print. */
function warnTitle(line: string): string {
  const match = /^WARNING: (?:CPU: \d+ PID: \d+ )?(?:at )?(?:([^ ]+:\d+) )?(?:at )?([A-Za-z_][\w.]*)?/.exec(line);
  const [, source, symbol] = match ?? [];
  if (source === undefined && symbol === undefined) return stable(line);
  return [
    'WARNING:',
    ...(source === undefined ? [] : [source]),
    ...(symbol === undefined ? [] : ['at', plain(symbol)]),
  ].join(' ');
}

/**
 * Title of a report with this first line; `lines` are all of it, `message` what the kernel printed to explain it, above
 * the first line or, in a WARN, between `[ cut here ]` and that.
 */
export function titleOf(
  pattern: LogPattern,
  start: RegExp,
  line: string,
  lines: readonly string[],
  message?: string,
): string {
  let title: string;
  if (pattern.name === 'warn') title = warnTitle(line);
  else if (pattern.title !== undefined) {
    const match = start.exec(line);
    title = stable(pattern.title.replace(/\$(\d)/g, (_, group: string) => match?.[Number(group)] ?? ''));
  } else title = withoutCounts(line);
  title = title.replace(/[.!:]$/, '');
  // A WARN's line names the function already, which may be a helper.
  const place =
    pattern.place ??
    (pattern.name === 'warn' && HELPER.test(/ at (\w+)$/.exec(title)?.[1] ?? '') ? 'instruction' : undefined);
  const name = place === undefined ? undefined : functionAt(place, lines);
  if (name !== undefined && !new RegExp(`\\b${name}\\b`).test(title)) title += ` in ${name}`;
  const detail = pattern.detail === undefined ? message : (first(lines, new RegExp(pattern.detail)) ?? message);
  return detail === undefined ? title : `${title}: ${withoutCounts(detail)}`;
}
