/** What the specification says: Requests the kernel sends. Which clauses judge each sentence, and where. */
import type { Section } from './section.ts';

export const requests: Section = {
  title: 'Requests the kernel sends',
  source: 'docs/spec/behaviour.md#requests',

  sentences: [
    {
      says: 'reserved and padding fields are zero',
      judgedBy: [{ rules: ['request/reserved'] }],
      everyCase: true,
      remark: 'every case, `request/reserved`',
    },
    {
      says: "attr_ino is the inode's",
      judgedBy: [{ rules: ['request/begin', 'request/end', 'request/ioend'] }],
      everyCase: true,
      remark: 'every case: part of each expected BEGIN, END and IOEND',
    },
    {
      says: 'pos and count lie inside the operation',
      judgedBy: [{ rules: ['request/begin', 'request/writeback'], on: ['writeback'] }],
      everyCase: true,
      remark: 'every case: `request/begin`, `request/writeback`',
    },
    {
      says: 'opflags are those of the table',
      judgedBy: [{ rules: ['request/begin'] }],
      everyCase: true,
      remark: 'every case: each BEGIN is expected with its flags',
    },
    {
      says: 'a BEGIN that was accepted for a write-type operation is followed by END or IOEND exactly as above',
      judgedBy: [{ rules: ['request/end', 'request/ioend', 'request/writeback-ioend', 'request/none'] }],
      everyCase: true,
      remark:
        'every case: a request more or less than the model has deviates (`request/end`, `request/ioend`, `request/writeback-ioend`, `request/none`)',
    },
    {
      says: 'after INIT the kernel sends IOMAP_CONFIG (uAPI, negotiation)',
      judgedBy: [{ rules: ['request/config'] }],
      everyCase: true,
      remark:
        'every case that has its mount for itself, `request/config`: its fields, that it comes once, and before all requests that wait for its answer',
    },
    {
      says: 'no request after DESTROY',
      judgedBy: [{ rules: ['request/after-destroy'] }],
      everyCase: true,
      remark:
        'every case that has its mount for itself, `request/after-destroy`; FORGET may come behind it, because the kernel keeps it in a queue of its own',
    },
    {
      says: 'a server that is gone',
      judgedBy: [{ rules: ['die/*', 'kill/*', 'abort/*'] }],
      remark:
        '`die/*`, `kill/*` (SIGKILL to the process that holds /dev/fuse), `abort/*` (control file system) for every request on every path that leads to it, but for dirty pages, of which the rules do not say what becomes of them: errno of who waits, of who comes later, health, and that the mount can be removed',
    },
  ],
};
