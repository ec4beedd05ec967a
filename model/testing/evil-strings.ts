/**
 * What a hostile kernel could put into a text that people or programs read: its release, its log, a warning's title.
 */
export const evilStrings: Readonly<Record<string, string>> = {
  'terminal: colour and reset': 'x\u001b[31;5mRED\u001bc\u001b[2J\u001b[1;1H',
  'terminal: 8-bit control sequences': 'x\u009b2J\u009d0;title\u009c\u0090q\u009c',
  'terminal: title, clipboard and link':
    '\u001b]0;title\u0007\u001b]52;c;ZXZpbA==\u0007\u001b]8;;http://evil.test\u001b\\link',
  'terminal: an answer as input': '\u0005\u001b[6n\u001b[0c',
  'terminal: overwriting the line': 'FAIL\rok  \b\b\u007f',
  'terminal: text direction': 'safe\u202Egnp.exe\u2066\u200F',
  'terminal: invisible': 'a\u200Bb\uFEFF\u{E0041}\u{E0042}\u2060',
  'lines: separators of Unicode': 'a\u2028b\u2029c\u0085d\u000be\u000cf',
  'a half of a pair and what XML forbids': '\ud800 \udfff \ufffe \uffff \u0000',
  'lines: CR LF and more': 'a\r\nb\n\nc',
  'C: the end of a comment': '*/ int evil(void) { return 1; } /*',
  'C: the end of a comment behind a joined line': '*\\\n/ int evil(void) { return 1; } /*',
  'C: the end of a comment behind a trigraph': '*??/\n/ int evil(void) { return 1; } /*',
  'C: a line comment that goes on': '// \\\nint evil;',
  'C: the end of a literal': '"; system("evil"); "',
  'C: escapes and trigraphs in a literal': '\\" ??/" \\x41 \\',
  'C: a directive': '\n#include </etc/passwd>\n#pragma GCC poison main\n%:define main evil',
  'mail: another header': 'ok\r\nBcc: everybody@evil.test\r\n\r\nbody',
  'mail: another mail': '\nFrom evil@evil.test Mon Sep 17 00:00:00 2001\nSubject: evil\n\nevil',
  'mail: its end': '\n.\nQUIT\n',
  'mail: a patch': '\n---\n diff --git a/x b/x\n-- \n2.39',
  'Markdown: the end of a fence': '\n```\n# evil\n```\n',
  'Markdown: the end of an indented fence': '\n   ````````````\n# evil\n',
  'Markdown: HTML, image, link':
    '<img src=x onerror=alert(1)> ![i](http://evil.test/i) [l](javascript:alert(1)) <!-- evil',
  'Markdown: the end of the fold': '</details><script>alert(1)</script>',
  'Markdown: table and code': 'a | b ` c `` d | e',
  'Markdown: people and places': '@everybody https://evil.test www.evil.test #1 evil/evil#2',
  'HTML: elements and attributes': '"><script>alert(1)</script><img src=x onerror="alert(1)">\' onmouseover=\'alert(1)',
  'HTML: the end of a script': '</script></style></textarea><script>alert(1)</script>',
  'HTML: a template': '${alert(1)} {{7*7}} &lt;script&gt;',
  'XML: the end of a section': ']]> --> <?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>&e;',
  'TAP: another result': '\nok 1 - evil\nBail out!\n1..0 # SKIP evil',
  'TAP: a directive': 'evil # SKIP really # TODO',
  'GitHub: a command': '\n::error file=x::evil\n::add-mask::e\n  ::set-output name=x::y\n::stop-commands::t',
  'GitHub and others: old commands':
    "##[error]evil ##vso[task.setvariable variable=x]y ##teamcity[buildStatus status='SUCCESS']",
  'shell: substitution': '$(evil) `evil` ; evil | evil & \' " \n evil',
  'shell: an option': '--kernel=/evil -rf',
  'JSON and prototypes': '__proto__","x":{"constructor":1}',
  'format strings': '%s%n%1$s%99999d',
  'a long word': `evil-${'x'.repeat(5000)}`,
};

/** What must not stand in a text that people read: all that acts on a terminal or hides. Line feeds and tabs may. */
export const actingCharacters = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Lines that a CI system would take for a command of the job. */
export const logCommand = /^\s*::|##[a-z]*\[/im;
