/** What the specification says: What CONFIG sets. Which clauses judge each sentence, and where. */
import type { Section } from './section.ts';

export const config: Section = {
  title: 'What CONFIG sets',
  source: 'docs/spec/uapi.md#structures',

  sentences: [
    {
      says: 'flags, uuid length, padding, granularity, maxbytes, block size: what is refused',
      judgedBy: [{ rules: ['config/*'], on: ['config', 'mount'] }],
      remark: '`config/*` on mount, for ordinary mounts and after SYNC_INIT',
    },
    {
      says: 's_time_gran, s_time_min, s_time_max',
      judgedBy: [{ rules: ['config/time'], on: ['config'] }],
      remark:
        '`config/time`: times that are set are cut to the range and the granularity (fs/inode.c, timestamp_truncate), unless TIME does not announce them',
    },
    {
      says: 's_uuid, s_uuid_len',
      judgedBy: [{ rules: ['config/uuid'], on: ['config'] }],
      remark: '`config/uuid`, by FS_IOC_GETFSUUID',
    },
    {
      says: 's_max_links',
      judgedBy: [{ rules: ['config/max-links'], on: ['config'] }],
      remark: '`config/max-links`: EMLINK, and no LINK',
    },
    {
      says: 's_blocksize',
      judgedBy: [{ rules: ['config/block-size'], on: ['config'] }],
      remark: '`config/block-size`; many other cases have other blocks than pages',
    },
    {
      says: 's_maxbytes',
      judgedBy: [
        { rules: ['config/maxbytes'], on: ['config'] },
        { rules: ['map/offset-below-maxbytes', 'write/past-maxbytes', 'write/cut-by-maxbytes'] },
      ],
      remark:
        '`config/maxbytes` by ftruncate and fallocate; `map/offset-below-maxbytes`, `write/past-maxbytes`, `write/cut-by-maxbytes`',
    },
    { says: 'cache_maxbytes', judgedBy: [{ rules: ['cache/maxbytes'] }] },
    { says: 's_id', judgedBy: [], unreached: 'kernel messages only' },
  ],
};
