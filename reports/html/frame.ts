/**
 * The frame of every page: one self-contained file with its policy, style, sections and the links to them. Readable
 * without a script.
 */
import { pageStyle } from './assets.ts';
import { html, Markup, type Content } from './markup.ts';

export interface PageSection {
  id: string;
  name: string;
  content: Markup;
}

export interface PageParts {
  title: string;
  /** What the page is, beside the name of the tool. */
  about: string;
  /** Colour of the verdict: a class of style.css, after `verdict-`. */
  tone: string;
  /** The first thing on the page, with the heading `verdict-title`. */
  verdict: Content;
  /** Where the first link leads, which is there for the keyboard. */
  skipTo: string;
  sections: readonly PageSection[];
  footer: Content;
  /** Beyond style.css. */
  style?: string;
  /** What stands behind the footer, when the page has a script. */
  script?: { dialog: Markup; data: string; code: string };
}

// Nothing is fetched, whatever a kernel log or a case note may contain.
const policy = (script: boolean): string =>
  `default-src 'none'; style-src 'unsafe-inline'; ${script ? "script-src 'unsafe-inline'; " : ''}img-src data:; base-uri 'none'; form-action 'none'`;

export function framed({
  title,
  about,
  tone,
  verdict,
  skipTo,
  sections,
  footer,
  style = '',
  script,
}: PageParts): string {
  return `${
    html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(script !== undefined)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} - iomapfuzz</title>
<style>${new Markup(pageStyle() + style)}</style>
</head>
<body class="verdict-${tone}">
<a class="skip" href="#main">Skip to ${skipTo}</a>
<header class="top">
<p class="brand">iomapfuzz <span>${about}</span></p>
<nav aria-label="Sections"><ul>${sections.map(({ id, name }) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
</header>
<main id="main">
${verdict}
${sections.map(
  ({ id, name, content }) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${name}</h2>
${content}
</section>
`,
)}
</main>
<footer><p>${footer}</p></footer>
${
  script &&
  html`${script.dialog}
<script type="application/octet-stream" id="data">${new Markup(script.data)}</script>
<script>${new Markup(script.code)}</script>
`
}</body>
</html>`.text
  }\n`;
}

/** Sections in this order, without those that have nothing to say. */
export const sectionsOf = (
  all: readonly (readonly [id: string, name: string, content: Markup | undefined | false])[],
): PageSection[] => all.flatMap(([id, name, content]) => (content ? [{ id, name, content }] : []));

/**
 * The verdict's box: a sign, a sentence that begins with the verdict's word, reasons, and numbers with what they mean.
 */
export function verdictBox({
  mark,
  word,
  says,
  reasons,
  facts,
}: {
  mark: string;
  word: string;
  says: string;
  reasons: readonly Content[];
  facts: readonly (readonly [name: string, value: string, note?: string | undefined])[];
}): Markup {
  return html`<section class="verdict" aria-labelledby="verdict-title">
<h1 id="verdict-title"><span class="mark" aria-hidden="true">${mark}</span> <span><strong>${word}</strong> <span class="rest">${says}</span></span></h1>
${reasons.length > 0 && html`<ul class="reasons">${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`}
<dl class="facts">${facts.map(([name, value, note]) => html`<div><dt>${name}</dt><dd>${value}${note !== undefined && note !== '' && html` <small>${note}</small>`}</dd></div>`)}</dl>
</section>`;
}

const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
/** `NO VM` as the beginning of a sentence. */
export const asSentence = (word: string): string => upperFirst(word.toLowerCase()).replace(/\bvm\b/, 'VM');
export { upperFirst };
