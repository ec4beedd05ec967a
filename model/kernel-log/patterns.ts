/**
 * What the kernel's log can say that matters: one row for each kind of report. The texts are printk format strings of
 * Linux 7.3; where an older kernel has another wording, the row takes both. The guest's reader, the host's reader of
 * consoles, and the emitted C program all use this table, so its patterns are POSIX extended regular expressions that
 * mean the same in JavaScript: no lazy repetition, no \d or \b, and no backslash inside of brackets.
 */

/**
 * `bug`: never right. `warning`: a WARN, which some situations tolerate. `notice`: shown, not judged. `ended`: a
 * checker that stopped.
 */
export type ReportKind = 'bug' | 'warning' | 'notice' | 'ended';

/** What the title says of the place, besides the report's first line. */
export type Place =
  /** The function of the instruction pointer, or its first caller that is no helper. */
  | 'instruction'
  /** The first function of the stack that is no helper: who called what complains. */
  | 'caller'
  /** The first function of the stack that does not belong to waiting itself. */
  | 'waiter'
  /** The function that takes, or lets go of, the lock. */
  | 'lock';

export interface LogPattern {
  /** Unique; names sample logs. */
  readonly name: string;
  readonly kind: ReportKind;
  /** The line that names the report. */
  readonly start: string;
  /** Title with $1, $2, ... of `start`. Default: that line, made stable. */
  readonly title?: string;
  readonly place?: Place;
  /** A line of the report whose first group says more than the title does. */
  readonly detail?: string;
  /** The last line of the report; empty: it has one line only. Absent: it goes on to the next report. */
  readonly end?: string;
  /** Lines that would start a report of their own, but belong to this one. */
  readonly belongs?: string;
  /**
   * A crash prints up to three headlines: 1 what happened, 2 the oops, 3 the panic. A later one belongs to the report
   * of an earlier one.
   */
  readonly stage?: 1 | 2 | 3;
  /**
   * The line may be what explains a WARN or a BUG whose headline comes next: inside of it, behind `[ cut here ]`, or
   * also right before that.
   */
  readonly explains?: 'inside' | 'before';
  /** What it is where neither `[ cut here ]` nor a stack comes with it. Default: `kind`. */
  readonly alone?: 'notice';
}

const SEPARATOR = '^={20,}$';
const END_OF_STACK = '</TASK>$';
const END_TRACE = '^---\\[ end trace [0-9a-f]* ?\\]---$';

/** The line above a WARN or a BUG, and the line below. */
export const CUT_HERE = '^-+\\[ cut here \\]-+$';
export const WARN_END = END_TRACE;
/**
 * Printed by the console, and by readers of the ring buffer, where records were overwritten (kernel/printk/printk.c).
 */
export const DROPPED = '^\\*\\* ([0-9]+) printk messages dropped \\*\\*';
/** fs/fuse, BAD_DATA and its assertions: condition, function, line. */
export const BAD_MAPPING = '^Bad mapping: (.*), func: ([^ ,]+), line: ([0-9]+)$';
export const ASSERTION = '^Assertion failed: (.*), func: ([^ ,]+), line: ([0-9]+)$';

/** kernel/panic.c, __warn(): 7.x names file and line first, 6.x the processor. */
const WARN_LINE = '^WARNING: (CPU: [0-9]+ PID: [0-9]+ )?(([^ ]+:[0-9]+ )?at |at |[^ ]+:[0-9]+ )';

/** Panics that are the end of a report that came before, however long before. */
export const PANIC_OF_REPORT =
  '(panic_on_warn set|Fatal exception|blocked tasks|hung tasks|Hard LOCKUP|RCU Stall|warned too often|Machine halted|stack guard hit|workqueue: [0-9]+ stall|workqueue: stall lasted)';

/** lockdep's reports: an underlined title, locks, one stack. */
const lockdep = (name: string, text: string, place?: Place): LogPattern => ({
  name: `lockdep-${name}`,
  kind: 'bug',
  start: `^(WARNING|INFO): ${text}`,
  ...(place && { place }),
  end: END_OF_STACK,
});

/** The first row that matches decides. */
export const logPatterns: readonly LogPattern[] = [
  // mm/kasan/report.c, mm/kfence/report.c, mm/kmsan/report.c, kernel/kcsan/report.c
  { name: 'kasan', kind: 'bug', start: '^BUG: KASAN: ', place: 'caller', end: SEPARATOR },
  { name: 'kfence', kind: 'bug', start: '^BUG: KFENCE: ', place: 'caller', end: SEPARATOR },
  { name: 'kmsan', kind: 'bug', start: '^BUG: KMSAN: ', end: SEPARATOR },
  { name: 'kcsan', kind: 'bug', start: '^BUG: KCSAN: ', end: SEPARATOR },
  // lib/ubsan.c: as a trap, and as a report, whose end has no number, unlike that of a WARN
  {
    name: 'ubsan-trap',
    kind: 'bug',
    start: '^(traps: )?(UBSAN: [a-z/ ]+) at ',
    title: '$2',
    place: 'instruction',
    stage: 1,
  },
  { name: 'ubsan', kind: 'bug', start: '^UBSAN: ', end: END_TRACE },

  // kernel/locking/lockdep.c: limits of the checker, after which it checks nothing more
  {
    name: 'lockdep-limit',
    kind: 'ended',
    start: '^BUG: MAX_(LOCKDEP_[A-Z_]+|STACK_TRACE_ENTRIES|LOCK_DEPTH) too low!',
    end: END_OF_STACK,
    belongs: '^turning off the locking correctness validator',
  },
  {
    name: 'lockdep-queue',
    kind: 'notice',
    start: '^Increase LOCKDEP_CIRCULAR_QUEUE_BITS to avoid this warning',
    end: END_OF_STACK,
  },
  { name: 'lockdep-tainted', kind: 'ended', start: '^Disabling lock debugging due to kernel taint', end: '' },
  { name: 'lockdep-off', kind: 'ended', start: '^INFO: lockdep is turned off', end: '' },
  {
    name: 'lockdep-turned-off',
    kind: 'ended',
    start: '^turning off the locking correctness validator',
    end: END_OF_STACK,
  },
  // lockdep's findings
  lockdep('circular', 'possible circular locking', 'lock'),
  lockdep('recursive', 'possible recursive locking', 'lock'),
  lockdep('inversion', 'possible irq lock inversion', 'lock'),
  lockdep('irq-order', '[a-zA-Z]+-safe -> [a-zA-Z]+-unsafe lock order', 'lock'),
  lockdep('inconsistent', 'inconsistent lock state', 'lock'),
  {
    name: 'lockdep-wait-context',
    kind: 'bug',
    start: '^\\[ BUG: Invalid wait context \\]',
    place: 'lock',
    end: END_OF_STACK,
  },
  lockdep('nested', 'Nested lock was not taken', 'lock'),
  lockdep('unlock-balance', 'bad unlock balance', 'lock'),
  lockdep('contention', 'bad contention detected', 'lock'),
  lockdep('freed', 'held lock freed', 'lock'),
  {
    name: 'lockdep-still-held',
    kind: 'bug',
    start: '^WARNING: [^ ]+/[0-9]+ still has locks held',
    title: 'WARNING: task still has locks held',
    place: 'lock',
    end: END_OF_STACK,
  },
  { name: 'lockdep-returning', kind: 'bug', start: '^WARNING: lock held when returning to user space', place: 'lock' },
  {
    name: 'rcu-usage',
    kind: 'bug',
    start: '^(WARNING|INFO): suspicious RCU usage',
    detail: '^([^ ]+:[0-9]+ [^ ].*)$',
    end: END_OF_STACK,
  },
  lockdep('collision', 'chain_key collision'),
  {
    name: 'lockdep-key',
    kind: 'bug',
    start: '^INFO: trying to register non-static key',
    place: 'caller',
    end: END_OF_STACK,
    belongs: '^turning off the locking correctness validator',
  },

  // its WARN follows, unless the checker is off by then
  {
    name: 'lockdep-unregistered',
    kind: 'bug',
    start: '^BUG: key .* has not been registered!',
    title: 'BUG: lock key has not been registered',
    explains: 'before',
  },

  // kernel/sched/core.c, lib/smp_processor_id.c
  {
    name: 'sleeping',
    kind: 'bug',
    start: '^BUG: sleeping function called from invalid context',
    place: 'caller',
    end: END_OF_STACK,
  },
  {
    name: 'scheduling',
    kind: 'bug',
    start: '^BUG: scheduling (while atomic|in a non-blocking section): ',
    title: 'BUG: scheduling $1',
    place: 'caller',
    end: END_OF_STACK,
  },
  {
    name: 'preemptible',
    kind: 'bug',
    start: '^BUG: using ([^ ]+) in preemptible ',
    title: 'BUG: using $1 in preemptible code',
    place: 'caller',
    end: END_OF_STACK,
  },
  // kernel/locking/spinlock_debug.c
  {
    name: 'spinlock',
    kind: 'bug',
    start: '^BUG: (spinlock|rwlock) (.*) on CPU#[0-9]+',
    title: 'BUG: $1 $2',
    place: 'caller',
    end: END_OF_STACK,
  },

  // kernel/hung_task.c, kernel/watchdog.c, kernel/rcu, kernel/workqueue.c, fs/fs-writeback.c
  {
    name: 'hung-task',
    kind: 'bug',
    start: '^INFO: task (.+):[0-9]+ blocked( in I/O wait)? for more than [0-9]+ seconds',
    title: 'INFO: task $1 blocked$2',
    place: 'waiter',
    belongs: '^INFO: task .* blocked on an? |^INFO: lockdep is turned off',
  },
  {
    name: 'hung-writeback',
    kind: 'bug',
    start: '^INFO: The task (.+):[0-9]+ has been waiting for writeback completion',
    title: 'INFO: task $1 waiting for writeback completion',
    end: '',
  },
  { name: 'soft-lockup', kind: 'bug', start: '^(watchdog: )?BUG: soft lockup - ', title: 'BUG: soft lockup' },
  {
    name: 'hard-lockup',
    kind: 'bug',
    start: '^((NMI )?watchdog: )?(CPU[0-9]+: )?Watchdog detected hard LOCKUP',
    title: 'hard LOCKUP',
  },
  {
    name: 'rcu-expedited',
    kind: 'bug',
    start: '^(rcu: )?INFO: ([a-z_]+) detected expedited stalls',
    title: 'INFO: $2 detected expedited stalls',
    belongs: '^(rcu: )?INFO: [A-Z].*[Ss]tall ended',
  },
  {
    name: 'rcu-self',
    kind: 'bug',
    start: '^(rcu: )?INFO: ([a-z_]+) self-detected stall on CPU',
    title: 'INFO: $2 self-detected stall',
    belongs: '^(rcu: )?INFO: [A-Z].*[Ss]tall ended',
  },
  {
    name: 'rcu-stall',
    kind: 'bug',
    start: '^(rcu: )?INFO: ([a-z_]+) detected stalls? ?(on|,)',
    title: 'INFO: $2 detected stalls',
    belongs: '^(rcu: )?INFO: [A-Z].*[Ss]tall ended',
  },
  // kernel/smp.c: a processor that does not do what others ask of it
  {
    name: 'csd-lock',
    kind: 'bug',
    start: '^(smp: )?csd: (Detected|Continued) non-responsive CSD lock',
    title: 'non-responsive CSD lock',
    belongs: '^(smp: )?csd: Continued non-responsive CSD lock',
  },
  { name: 'workqueue-lockup', kind: 'bug', start: '^BUG: workqueue lockup - ', title: 'BUG: workqueue lockup' },
  {
    name: 'workqueue-leak',
    kind: 'bug',
    start: '^BUG: workqueue leaked (atomic, lock or RCU|lock or atomic): ',
    title: 'BUG: workqueue leaked $1',
    detail: 'workfn=([^ ]+)',
    end: END_OF_STACK,
  },

  // arch/x86/mm/fault.c, arch/x86/kernel/traps.c and dumpstack.c, lib/bug.c, kernel/panic.c
  {
    name: 'null-pointer',
    kind: 'bug',
    start: '^BUG: kernel NULL pointer dereference',
    title: 'BUG: kernel NULL pointer dereference',
    place: 'instruction',
    stage: 1,
  },
  {
    name: 'page-fault',
    kind: 'bug',
    start: '^BUG: unable to handle ',
    title: 'BUG: unable to handle page fault',
    place: 'instruction',
    stage: 1,
  },
  {
    name: 'guard-page',
    kind: 'bug',
    start: '^BUG: ([#A-Z_]+ |)stack guard page was hit',
    title: 'BUG: $1stack guard page was hit',
    place: 'instruction',
    stage: 1,
  },
  {
    name: 'double-fault',
    kind: 'bug',
    start: '^(traps: )?PANIC: double fault',
    title: 'PANIC: double fault',
    place: 'instruction',
    stage: 1,
  },
  {
    name: 'bug-on',
    kind: 'bug',
    start: '^kernel BUG at ([^ ]+)!',
    title: 'kernel BUG at $1',
    place: 'caller',
    stage: 1,
  },
  { name: 'bug-nowhere', kind: 'bug', start: '^kernel BUG at ', title: 'kernel BUG', place: 'instruction', stage: 1 },
  {
    name: 'unable-to-handle',
    kind: 'bug',
    start: '^Unable to handle kernel ([a-zA-Z ]+[a-z])',
    title: 'Unable to handle kernel $1',
    place: 'instruction',
    stage: 1,
  },
  {
    name: 'protection',
    kind: 'bug',
    start: '^(Oops: )?(segment-related )?general protection fault',
    title: 'general protection fault',
    place: 'instruction',
    stage: 2,
  },
  {
    name: 'oops',
    kind: 'bug',
    start: '^Oops: ([^:]+): [0-9a-f]+ \\[#[0-9]+\\]',
    title: 'Oops: $1',
    place: 'instruction',
    stage: 2,
  },
  {
    name: 'oops-old',
    kind: 'bug',
    start: '^(Oops|divide error|invalid opcode|stack segment|double fault|int3|bounds|Internal error)( in .*)?: ',
    title: '$1',
    place: 'instruction',
    stage: 2,
  },
  { name: 'panic', kind: 'bug', start: '^Kernel panic - not syncing: ', stage: 3 },

  // what explains the BUG or WARN that comes next: lib/list_debug.c, mm/usercopy.c, lib/string_helpers.c, fs/super.c,
  // lib/refcount.c
  { name: 'list', kind: 'bug', start: '^list_(add|del) (corruption|double add)', explains: 'before' },
  {
    name: 'usercopy',
    kind: 'bug',
    start: '^(usercopy: )?Kernel memory (exposure|overwrite) attempt detected',
    explains: 'before',
  },
  {
    name: 'fortify',
    kind: 'bug',
    start: '^(detected buffer overflow in |[a-z_]+: detected buffer overflow)',
    explains: 'before',
  },
  { name: 'busy-inodes', kind: 'bug', start: '^VFS: Busy inodes after unmount of ', explains: 'before' },
  { name: 'refcount', kind: 'bug', start: '^refcount_t: ', explains: 'inside' },

  // mm/page_alloc.c, mm/memory.c, mm/filemap.c, kernel/fork.c, mm/slub.c
  {
    name: 'pages-suppressed',
    kind: 'notice',
    start: '^BUG: Bad page [a-z]+: [0-9]+ messages suppressed',
    title: 'BUG: Bad page messages suppressed',
    end: '',
  },
  {
    name: 'bad-page',
    kind: 'bug',
    start: '^BUG: Bad page (state|map|cache) in process ',
    title: 'BUG: Bad page $1',
    detail: '^page dumped because: (.*)$',
    end: END_OF_STACK,
  },
  {
    name: 'rss-counter',
    kind: 'bug',
    start: '^BUG: Bad rss-counter state mm:[^ ]+ (type|idx):([^ ]+)',
    title: 'BUG: Bad rss-counter state $1:$2',
    end: '',
  },
  // arch/x86/include/asm/pgtable_64.h, mm/swapfile.c, kernel/softirq.c
  {
    name: 'bad-table',
    kind: 'bug',
    start: '^[^ ]+:[0-9]+: bad (pgd|p4d|pud|pmd|pte) [^ ]+\\(',
    title: 'bad $1',
    end: '',
  },
  {
    name: 'bad-swap',
    kind: 'bug',
    start: '^([a-z_0-9]+: )?(Bad|Unused) swap (file|offset) entry ',
    title: '$2 swap $3 entry',
    end: '',
  },
  {
    name: 'softirq-count',
    kind: 'bug',
    start: '^huh, entered softirq [0-9]+ ([A-Z_]+) .* with preempt_count ',
    title: 'softirq $1 changed preempt_count',
    end: '',
  },
  {
    name: 'slub',
    kind: 'bug',
    start: '^BUG ([^ ]+) \\([^)]*\\): (.*)$',
    title: 'BUG $1: $2',
    belongs: '^WARNING: (CPU: [0-9]+ PID: [0-9]+ at )?mm/slub\\.c:',
  },
  { name: 'maple-tree', kind: 'bug', start: '^BUG at ([^ ]+)', title: 'BUG at $1', place: 'caller', end: END_OF_STACK },
  { name: 'bug', kind: 'bug', start: '^BUG: ', place: 'caller', explains: 'inside' },

  // no faults of the kernel, but worth a line: mm/oom_kill.c, mm/page_alloc.c, mm/kmemleak.c
  {
    name: 'oom',
    kind: 'notice',
    start: '^.+ invoked oom-killer: ',
    title: 'out of memory',
    end: '^(Out of memory|Memory cgroup out of memory)',
    belongs: '^Out of memory',
  },
  { name: 'oom-none', kind: 'notice', start: '^Out of memory', title: 'out of memory', end: '' },
  {
    name: 'allocation',
    kind: 'notice',
    start: '^.+: page allocation (failure|stalls)',
    title: 'page allocation $1',
    place: 'caller',
  },
  {
    name: 'kmemleak',
    kind: 'notice',
    start: '^kmemleak: [0-9]+ new suspected memory leaks',
    title: 'kmemleak: new suspected memory leaks',
    end: '',
  },
  // the unwinder's and the mitigations' remarks about themselves
  {
    name: 'remark',
    kind: 'notice',
    end: '',
    start:
      '^WARNING: (kernel stack |stack recursion|bad lookup|[Bb]ad or missing|[Cc]orrupt |can.t |unknown |See https|polling idle|BIOS bug|[A-Z][A-Za-z0-9 -]*mitigation)',
  },

  { name: 'warn', kind: 'warning', start: WARN_LINE, end: END_TRACE },
  // words of a driver
  { name: 'warning', kind: 'warning', start: '^WARNING: ', end: END_OF_STACK, explains: 'inside', alone: 'notice' },
];
