/** Elements from names, attributes and children; text is always text. */
export type Child = Node | string | undefined | false;

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter((child): child is Node | string => child !== undefined && child !== false));
  return node;
}

export const byId = <T extends HTMLElement = HTMLElement>(id: string): T | null =>
  document.getElementById(id) as T | null;

/** The word that is announced and shown for each kind of verdict. */
export const kindWords = { c: 'conforms', d: 'deviates', u: 'unspecified', n: 'not run', l: 'lost' } as const;
/** `2 deviate`. */
export const kindVerbs = {
  c: ['conforms', 'conform'],
  d: ['deviates', 'deviate'],
  u: ['unspecified', 'unspecified'],
  n: ['not run', 'not run'],
  l: ['lost', 'lost'],
} as const;
export const kindClasses = {
  c: 's-conforms',
  d: 's-deviates',
  u: 's-unspecified',
  n: 's-not-run',
  l: 's-lost',
} as const;
