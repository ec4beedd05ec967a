/**
 * Whether `text` is what `pattern` says, where * stands for anything. In time that grows with the product of both
 * lengths at most: a pattern with many stars, as a list of expectations may have, would keep a regular expression busy
 * for ever.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const [first, ...rest] = pattern.split('*') as [string, ...string[]];
  if (rest.length === 0) return pattern === text;
  const last = rest.pop()!;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  // Each part at its first place: what stands between two stars leaves the most for the parts after it.
  let at = first.length;
  const end = text.length - last.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
