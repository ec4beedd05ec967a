/** The report formats. A new one is a file and a line here. */
import { htmlReporter } from './html/html.ts';
import { jsonReporter } from './json.ts';
import { junitReporter } from './junit.ts';
import { ktapReporter } from './ktap.ts';
import { mailReporter } from './mail.ts';
import { markdownReporter } from './markdown.ts';
import type { Reporter } from './reporter.ts';

export const reporters: readonly Reporter[] = [
  htmlReporter,
  jsonReporter,
  junitReporter,
  ktapReporter,
  markdownReporter,
  mailReporter,
];
