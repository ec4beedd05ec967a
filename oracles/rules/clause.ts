/** Where the clause of a rule stands: the repository's own specification, with an anchor for each rule. */

/** Groups of rules about ioctls, which stand with the numbers. */
const IOCTLS: ReadonlySet<string> = new Set([
  'backing-open',
  'backing-close',
  'set-nofs',
  'add-iomap',
  'set-blocksize',
]);
/** Rules of other groups that stand there, too. */
const IN_UAPI: ReadonlySet<string> = new Set(['begin/reply-size']);

/** `map/length-nonzero` to `docs/spec/rules.md#map-length-nonzero`. A test finds that each rule's anchor is there. */
export function clauseOf(id: string): string {
  const [group = ''] = id.split('/');
  return `docs/spec/${IOCTLS.has(group) || IN_UAPI.has(id) ? 'uapi' : 'rules'}.md#${id.replace('/', '-')}`;
}
