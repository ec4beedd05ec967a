import { expect, test } from '@playwright/test';
import { plainLine, plainText, withoutLogCommands } from './plain-text.ts';

const table: [what: string, text: string, plain: string][] = [
  ['colours', 'a\u001b[31mred\u001b[0m', 'ared'],
  ['the 8-bit form of a colour', 'a\u009b31mred', 'ared'],
  ['a window title', 'a\u001b]0;title\u0007b', 'ab'],
  ['a hyperlink', '\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'link'],
  ['a sequence that breaks off', 'a\u001b[', 'a'],
  ['a reset of the terminal', 'a\u001bcb', 'ab'],
  ['a carriage return', 'good\rbad', 'good\ufffdbad'],
  ['backspaces', 'no\b\bok', 'no\ufffd\ufffdok'],
  ['a NUL', 'a\u0000b', 'a\ufffdb'],
  ['text direction', 'a\u202Eb\u2066c\u200F', 'a\ufffdb\ufffdc\ufffd'],
  ['zero width', 'a\u200Bb\uFEFFc', 'a\ufffdb\ufffdc'],
  ['invisible tags', 'a\u{E0041}b', 'a\ufffdb'],
  ['line separators of Unicode', 'a\u2028b\u2029c', 'a\ufffdb\ufffdc'],
  ['half of a pair', 'a\ud800b', 'a\ufffdb'],
  ['the end of an 8-bit string', 'a\u009db\u009cc', 'ac'],
];
for (const [what, text, plain] of table)
  test(`should make plain: ${what}`, () => {
    expect(plainText(text)).toBe(plain);
  });

test('should leave lines, tabs and printable text of any script alone', () => {
  const text = 'a\n\tb: \u00e4\u00f6\u00fc \u65e5\u672c \u{1F600} \u2212 ok';
  expect(plainText(text)).toBe(text);
  expect(plainLine('a\r\n\tb\n\nc')).toBe('a b c');
});

test('should break the commands of CI systems and nothing else', () => {
  expect(withoutLogCommands('::error::x\n  ::set-output name=a::b\nmap::x, a ::b')).toBe(
    ': :error::x\n  : :set-output name=a::b\nmap::x, a ::b',
  );
  expect(withoutLogCommands('x ##[error]y ##vso[task.x] ##teamcity[a] ## [ok] ## heading')).toBe(
    'x ## [error]y ## vso[task.x] ## teamcity[a] ## [ok] ## heading',
  );
});
