/** Texts of a hostile kernel in the programs and mails that are made of a finding. */
import { expect, test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { actingCharacters, evilStrings } from '../model/testing/evil-strings.ts';
import { string } from './c/text.ts';
import { emitC } from './emit-c.ts';
import type { Evidence } from './evidence.ts';
import { emitMail } from './mail.ts';
import { sampleCases } from './testing/samples.ts';

const value = sampleCases['length 0 in the read half']!;
const evidenceWith = (evil: string): Evidence => ({
  clauses: new Map([['map/length-nonzero', { clause: 'length is 0', errno: 'EUCLEAN (117)' }]]),
  deviations: [
    { rule: 'map/length-nonzero', aspect: 'errno', expected: `EUCLEAN${evil}`, seen: `success${evil}`, step: 1 },
  ],
  kernel: { release: `7.3.0${evil}`, version: `#1${evil}`, config: [`CONFIG_X=${evil}`], machine: `QEMU${evil}` },
});

let directory: string;
test.beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-evil-c-'));
});
test.afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** The program as its compiler reads it: without comments, lines joined. */
function code(program: string, flags: readonly string[]): string {
  const path = join(directory, 'program.c');
  writeFileSync(path, program);
  return execFileSync('gcc', ['-fpreprocessed', '-dD', '-E', '-P', ...flags, path], { encoding: 'utf8' });
}

for (const flags of [['-std=gnu17'], ['-std=c99', '-trigraphs']]) {
  test(`should have the same code whatever the kernel calls itself: ${flags.join(' ')}`, () => {
    const right = code(emitC(value, evidenceWith('')), flags);
    for (const [name, evil] of Object.entries(evilStrings))
      expect(code(emitC(value, evidenceWith(evil)), flags), name).toBe(right);
  });

  test(`should write any text as a literal that means that text: ${flags.join(' ')}`, () => {
    const source = join(directory, 'literals.c');
    const program = join(directory, 'literals');
    // A lone half of a surrogate pair has no bytes of its own in UTF-8.
    const texts = Object.values(evilStrings).map((text) => Buffer.from(text, 'utf8').toString('utf8'));
    const lines = texts.map((text) => `\tfwrite(${string(text)}, 1, sizeof(${string(text)}), stdout);`);
    writeFileSync(source, `#include <stdio.h>\nint main(void)\n{\n${lines.join('\n')}\n\treturn 0;\n}\n`);
    execFileSync('gcc', ['-Wall', '-Werror', ...flags, '-o', program, source]);
    expect(execFileSync(program)).toEqual(Buffer.concat(texts.map((text) => Buffer.from(`${text}\0`, 'utf8'))));
  });
}

for (const [name, evil] of Object.entries(evilStrings)) {
  test(`should write a mail with one header and nothing that acts: ${name}`, () => {
    const mail = emitMail({
      case: value,
      evidence: evidenceWith(evil),
      timeline: [`pread${evil}`],
      consoleTail: [`log${evil}`],
    });
    expect(mail).not.toMatch(actingCharacters);
    expect(mail.split('\n\n')[0]!.split('\n')).toHaveLength(1);
    expect(mail).not.toMatch(/^From |^\.$/m);
    expect(emitC(value, evidenceWith(evil))).toMatch(/^[\n\t\x20-\x7e]*$/);
  });
}
