/** HTML with everything escaped that is not markup already. */
import { plainText } from '../../model/plain-text.ts';

/** Text that is markup. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

export type Content = Markup | string | number | undefined | false | Content[];

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escapeHtml = (text: string): string => plainText(text).replace(/[&<>"']/g, (sign) => escapes[sign]!);

function render(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (Array.isArray(content)) return content.map(render).join('');
  return content === undefined || content === false ? '' : escapeHtml(String(content));
}

export const html = (strings: TemplateStringsArray, ...contents: Content[]): Markup =>
  new Markup(strings.reduce((text, part, index) => text + render(contents[index - 1]) + part));

/** A table that may be wider than the screen: it scrolls by itself, for the keyboard too. */
export const wide = (label: string, table: Markup): Markup =>
  html`<section class="scroll" tabindex="0" aria-label="${label}">${table}</section>`;
