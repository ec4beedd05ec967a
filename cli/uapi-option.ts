/** --uapi: the revision of the rules to judge by. */
import { Option } from 'commander';
import { defaultRevision, revisionIds } from '../uapi/revision.ts';

export const uapiOption = (): Option =>
  new Option('--uapi <revision>', 'judge by this revision of the rules').choices(revisionIds).default(defaultRevision);

/** For what may be of several revisions. */
export const optionalUapiOption = (): Option =>
  new Option('--uapi <revision>', "judge by this revision of the rules (default: each case's own)").choices(
    revisionIds,
  );
