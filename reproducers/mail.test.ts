import { expect, test } from '@playwright/test';
import type { Deviation } from '../model/verdict.ts';
import { emitMail } from './mail.ts';
import { sampleCases } from './testing/samples.ts';

const clauses = new Map([['map/length-nonzero', { clause: 'length is 0', errno: 'EUCLEAN (117)' }]]);
const deviations: Deviation[] = [
  { rule: 'map/length-nonzero', aspect: 'errno', expected: 'EUCLEAN', seen: 'success, 4096', step: 1 },
];
const kernel = {
  release: '7.3.0',
  version: 'Linux version 7.3.0 #1',
  config: ['CONFIG_FUSE_IOMAP=y'],
  machine: 'QEMU 7.2, microvm, tcg',
};
const value = sampleCases['length 0 in the read half']!;
const timeline = ['pread(fd 0, 4096 bytes at 0)', '    = 4096', `    ${'a long line of words '.repeat(10)}`];

test('should say what was seen, by which clause, where, how often, and how to see it again', () => {
  const mail = emitMail({
    case: value,
    evidence: { deviations, clauses, kernel, reliability: { shown: 9, of: 10 } },
    timeline,
  });
  expect(mail).toMatch(/^Subject: fuse-iomap: pread\(\) deviates from map\/length-nonzero\n/);
  expect(mail.replace(/\s+/g, ' ')).toContain(
    'On Linux 7.3.0 pread() does not end as the rules of fuse-iomap say, 9 times out of 10: errno expected EUCLEAN seen success, 4096',
  );
  expect(mail).toContain('map/length-nonzero: violated when length is 0. A violation gives');
  expect(mail).toContain('CONFIG_FUSE_IOMAP=y');
  expect(mail).toContain('./repro');
});

test('should not speak of a deviation where none was seen', () => {
  const mail = emitMail({
    case: value,
    evidence: { deviations: [], clauses, kernel, reliability: { shown: 1, of: 1 } },
    timeline,
  });
  expect(mail).toMatch(/^Subject: fuse-iomap: a case for map\/length-nonzero\n/);
  expect(mail).toContain('does what the rules say (tried once).');
  expect(mail).not.toContain('deviates from');
});

test('should say what was not judged, and of a case that conforms that it was judged in part', () => {
  const unjudged = [{ aspect: 'trace-event' as const, reason: '3 records of the trace were lost' }];
  const words = (mail: string): string => mail.replace(/\s+/g, ' ');
  const conforms = words(emitMail({ case: value, evidence: { deviations: [], clauses, unjudged }, timeline }));
  expect(conforms).toContain('does what the rules say, as far as it was judged.');
  expect(conforms).toContain('Not judged: trace event fuse_iomap_bad_data (3 records of the trace were lost).');
  expect(words(emitMail({ case: value, evidence: { deviations, clauses, unjudged }, timeline }))).toContain(
    'Not judged: trace event fuse_iomap_bad_data (3 records of the trace were lost).',
  );
  expect(words(emitMail({ case: value, evidence: { deviations, clauses }, timeline }))).not.toContain('Not judged');
});

test('should stay within 72 columns and keep paragraphs apart', () => {
  for (const testCase of Object.values(sampleCases)) {
    const mail = emitMail({ case: testCase, evidence: { deviations, clauses, kernel }, timeline });
    // A word that is longer than the line, such as the hash of the case, can't be broken.
    expect(
      mail.split('\n').filter((line) => line.length > 72 && line.trim().includes(' ') && !line.startsWith('Case:')),
    ).toEqual([]);
    expect(mail).not.toMatch(/\n\n\n/);
  }
});
