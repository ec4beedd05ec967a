/** The patterns of an emitted program must mean in C what they mean here. */
import { expect, test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consoleLines, parseRecords } from '../../model/kernel-log/line.ts';
import { ASSERTION, logPatterns } from '../../model/kernel-log/patterns.ts';
import { emitC } from '../emit-c.ts';
import { sampleCases } from '../testing/samples.ts';

const folder = join(import.meta.dirname, '../../model/kernel-log/testdata');

/**
 * Lines that name a report, by themselves: what only explains another line is not looked for, nor what may be a remark.
 */
function isWrong(line: string): boolean {
  if (new RegExp(ASSERTION).test(line)) return true;
  const rows = logPatterns.filter(({ explains, name }) => explains === undefined || name === 'bug');
  const row = rows.find(({ start }) => new RegExp(start).test(line));
  return row?.kind === 'bug' || row?.kind === 'warning';
}

test('should find in C the lines that are found here, in every sample log', () => {
  const directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-kernel-log-'));
  try {
    const program = emitC(sampleCases['length 0 in the read half']!, { deviations: [], clauses: new Map() });
    const patterns = /static const char wrong\[\] =[^;]*?";\nstatic const char harmless\[\] =[^;]*?";/.exec(
      program,
    )![0];
    writeFileSync(
      join(directory, 'match.c'),
      `#include <regex.h>
#include <stdio.h>
#include <string.h>
${patterns}
int main(void)
{
	static char line[65536];
	regex_t bad, good;

	if (regcomp(&bad, wrong, REG_EXTENDED | REG_NOSUB) || regcomp(&good, harmless, REG_EXTENDED | REG_NOSUB))
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\\n")] = 0;
		puts(!regexec(&bad, line, 0, NULL, 0) && regexec(&good, line, 0, NULL, 0) ? "wrong" : "-");
	}
	return 0;
}
`,
    );
    execFileSync('gcc', ['-Wall', '-o', join(directory, 'match'), join(directory, 'match.c')]);
    const lines = readdirSync(folder)
      .filter((name) => /\.(log|kmsg)$/.test(name))
      .flatMap((name) => {
        const text = readFileSync(join(folder, name), 'latin1');
        return (name.endsWith('.kmsg') ? parseRecords(text) : consoleLines(text.split('\n'))).map((line) => line.text);
      });
    const found = execFileSync(join(directory, 'match'), {
      input: lines.map((line) => `${line}\n`).join(''),
      encoding: 'latin1',
    })
      .split('\n')
      .slice(0, -1);
    expect(lines.filter((_, index) => found[index] === 'wrong')).toEqual(lines.filter(isWrong));
    expect(found.filter((one) => one === 'wrong').length).toBeGreaterThan(100);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
