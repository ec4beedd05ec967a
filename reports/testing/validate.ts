/** What a validator that is not ours says of a page. */
import { HtmlValidate } from 'html-validate';

/** Complaints, one a line; none: the page is valid. */
export async function complaintsOf(page: string): Promise<string[]> {
  const { results } = await new HtmlValidate({
    extends: ['html-validate:recommended'],
    // Style, not validity: case of the doctype, trailing blanks in logs, titles of more than 70 characters.
    rules: { 'doctype-style': 'off', 'no-trailing-whitespace': 'off', 'long-title': 'off', 'no-inline-style': 'error' },
  }).validateString(page);
  return results.flatMap(({ messages }) =>
    messages.map(({ ruleId, message, line }) => `${line}: ${ruleId}: ${message}`),
  );
}
