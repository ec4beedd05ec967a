/** JSON for people and for diffs: what fits a line stands on a line. */

const WIDTH = 132;

/** Members stand in the order they have; undefined members are left out. Ends with a newline. */
export function prettyJson(value: unknown): string {
  return `${render(value, '', 0)}\n`;
}

/** `taken`: columns of the line that stand before and behind the value. */
function render(value: unknown, indent: string, taken: number): string {
  const short = oneLine(value);
  if (typeof value !== 'object' || value === null || indent.length + taken + short.length <= WIDTH) return short;
  const inner = `${indent}  `;
  if (Array.isArray(value))
    return `[\n${value.map((item) => `${inner}${render(item, inner, 1)}`).join(',\n')}\n${indent}]`;
  const members = membersOf(value).map(([key, item]) => {
    const name = `${JSON.stringify(key)}: `;
    return `${inner}${name}${render(item, inner, name.length + 1)}`;
  });
  return `{\n${members.join(',\n')}\n${indent}}`;
}

function oneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = membersOf(value).map(([key, item]) => `${JSON.stringify(key)}: ${oneLine(item)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

const membersOf = (value: object): [string, unknown][] =>
  Object.entries(value).filter(([, item]) => item !== undefined);
