/** What the specification says: The mapping cache. Which clauses judge each sentence, and where. */
import type { Section } from './section.ts';

export const mappingCache: Section = {
  title: 'The mapping cache',
  source: 'docs/spec/behaviour.md#mapping-cache',

  sentences: [
    {
      says: 'the write fork starts absent: every write is a pure overwrite',
      judgedBy: [{ rules: ['cache/hit'], on: ['direct-write', 'buffered-write'] }, { rules: ['cache/write-fork'] }],
    },
    {
      says: 'PURE_OVERWRITE upserts are dropped while it is absent',
      judgedBy: [{ rules: ['cache/write-fork', 'cache/sequence'] }],
    },
    {
      says: 'a hit is a record that covers pos; the whole record is used',
      judgedBy: [{ rules: ['cache/hit', 'cache/miss'] }],
      remark: '`cache/hit` on every path, `cache/miss`: what lies beyond it is asked for, and only that',
    },
    {
      says: 'write-type lookups need both forks; absent and PURE_OVERWRITE count',
      judgedBy: [{ rules: ['cache/write-fork'] }, { rules: ['begin/retry'] }],
      remark: '`cache/write-fork`; `begin/retry` on write paths, "nothing to write to there"',
    },
    {
      says: 'a cached HOLE under a write asks the server',
      judgedBy: [{ rules: ['cache/hole-asks'] }, { rules: ['begin/retry'] }],
      remark: '`cache/hole-asks`; `begin/retry`, "a cached hole under a write"',
    },
    {
      says: 'except for ZERO and UNSHARE',
      judgedBy: [{ rules: ['begin/retry'], on: ['truncate', 'fallocate', 'zeroing'] }],
      remark:
        '`begin/retry` on truncate, fallocate and zeroing with HOLE pushed. UNSHARE: fallocate refuses that mode without asking',
    },
    {
      says: 'a cached DELALLOC serves writes, but not DIRECT and WRITEBACK',
      judgedBy: [{ rules: ['cache/delalloc'], on: ['buffered-write', 'direct-write'] }],
      remark: '`cache/delalloc` buffered-write (served, then asked for its place), direct-write',
    },
    {
      says: 'ATOMIC and SWAPFILE never use the cache',
      judgedBy: [
        { rules: ['cache/atomic', 'cache/swapfile', 'begin/read-no-retry-uncached', 'begin/write-no-retry-uncached'] },
      ],
    },
    {
      says: 'neighbours of equal type, flags and device with consecutive addresses merge',
      judgedBy: [{ rules: ['cache/merge'] }],
      remark: '`cache/merge`, in both orders, with gaps on the device, with other types',
    },
    {
      says: 'past cache_maxbytes the next upsert drops the whole fork first',
      judgedBy: [{ rules: ['cache/maxbytes'] }],
      remark: '`cache/maxbytes`, far from the limit, where it is certain what a record takes',
    },
    {
      says: 'every change bumps the sequence number; a buffered write that sees it starts over',
      judgedBy: [
        { rules: ['cache/starts-over'], on: ['buffered-write'] },
        { rules: ['cache/goes-on'], on: ['buffered-write'] },
      ],
      remark:
        "`cache/starts-over` buffered-write: pushed for these blocks, for others, pushed and taken back, all while BEGIN waits; `cache/goes-on` buffered-write: another file's mappings, refused upserts, DEV_INVAL, INVAL_INODE change nothing",
    },
    {
      says: 'and so does writeback',
      judgedBy: [
        { rules: ['cache/starts-over'], on: ['writeback'] },
        { rules: ['cache/goes-on'], on: ['writeback'] },
      ],
      remark:
        '`cache/starts-over` writeback: the next range is asked for again, or served by what was pushed, or by the answer as it came; `cache/goes-on` writeback',
    },
    {
      says: 'nobody else does',
      judgedBy: [{ rules: ['cache/goes-on'] }],
      remark: '`cache/goes-on` on reads, direct I/O and reports: the answer is used as it came',
    },
    {
      says: 'invalidated: the range of a completed write',
      judgedBy: [{ rules: ['cache/written', 'cache/written-fork'] }],
    },
    {
      says: 'an inline write',
      judgedBy: [{ rules: ['cache/inline-written'], on: ['direct-write', 'buffered-write', 'zeroing'] }],
      remark:
        '`cache/inline-written` on direct-write, buffered-write and zeroing; on direct-read the twin: a read drops nothing',
    },
    {
      says: 'truncate, from the new size on',
      judgedBy: [{ rules: ['cache/truncated'], on: ['direct-write'] }],
      remark: '`cache/truncated`: on direct-write, that the write half is gone',
    },
    {
      says: 'open with O_TRUNC',
      judgedBy: [{ rules: ['cache/emptied'] }],
      remark: '`cache/emptied`, half of which open without it',
    },
    {
      says: 'fallocate: its range',
      judgedBy: [{ rules: ['cache/allocated'], on: ['direct-write'] }],
      remark:
        '`cache/allocated`, on direct-write for the write half; collapse and insert are refused without asking, so that "to EOF" cannot be seen',
    },
    { says: 'copy_file_range: its range', judgedBy: [{ rules: ['cache/copied'] }] },
    {
      says: 'reports are served from it where it hits',
      judgedBy: [{ rules: ['cache/hit'], on: ['fiemap', 'seek-data', 'seek-hole'] }],
    },
    {
      says: 'in debug mode every record is checked by map/* again when used',
      judgedBy: [],
      unreached:
        'what passed the rules when it was pushed passes them again, cut or merged. A check that refuses too much deviates in every cell of the cache, half of which have the debug switch on',
    },
    {
      says: 'RETRY_CACHE: cache lookup, and BEGIN again on a miss',
      judgedBy: [{ rules: ['begin/retry'] }],
      remark:
        '`begin/retry` on every path: read half, write half, both; pushed, pushed elsewhere, pushed and taken back',
    },
    {
      says: 'EINTR when a signal is pending',
      judgedBy: [{ rules: ['begin/interrupted'] }],
      remark:
        '`begin/interrupted` on direct I/O and reports; without a signal, with a hit, and with an ordinary answer as twins',
    },
    {
      says: 'notifications may come at any time',
      judgedBy: [
        { rules: ['cache/while-asked'] },
        { rules: ['upsert/*', 'inval/*', 'devinval/*', 'map/*'], on: ['while-asked'] },
        { rules: ['devinval/dropped'], on: ['direct-write'] },
      ],
      remark:
        '`cache/while-asked`; every cell of `upsert/*`, `inval/*`, `devinval/*` and of map/* in an upsert has a twin on the path while-asked, where BEGIN waits while the notification is judged; `devinval/dropped` direct-write',
    },
  ],
};
