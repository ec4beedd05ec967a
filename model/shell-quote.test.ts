import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { shellQuote } from './shell-quote.ts';

test('should give a shell the word that it was given, whatever is in it', () => {
  const words = [
    'plain',
    'a b',
    '',
    "it's",
    '$HOME',
    '*',
    '`id`',
    '"',
    '\\',
    "'",
    'a\nb',
    '--kernel=/x y',
    '#',
    '~',
    'ä',
  ];
  const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' ${words.map(shellQuote).join(' ')}`], { encoding: 'utf8' });
  expect(stdout.split('\0').slice(0, -1)).toEqual(words);
});

test('should leave alone what needs no quotes', () => {
  for (const word of ['--rule', 'map/type-known', '3:1:2', './iomapfuzz-results/a.json', 'x=y'])
    expect(shellQuote(word)).toBe(word);
});
