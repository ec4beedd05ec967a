import { expect, test } from '@playwright/test';
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { noCounts, type RunSummary } from '../../model/run-summary.ts';
import { ResultsWriter } from './results-writer.ts';

const summary: RunSummary = {
  format: 1,
  kind: 'fuzz',
  toolVersion: '0',
  argv: ['fuzz'],
  revision: 'r3',
  seed: 1,
  startedAt: '2026-11-21T09:30:00.000Z',
  elapsedMs: 0,
  complete: false,
  cells: [],
  counts: noCounts(),
  notices: [],
  vms: { booted: 0, lost: 0, bootMs: [] },
};

test.beforeEach(({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
});

test('should not follow a symbolic link in place of the results directory', ({}, info) => {
  mkdirSync(info.outputPath('elsewhere'));
  symlinkSync(info.outputPath('elsewhere'), info.outputPath('out'));
  expect(() => new ResultsWriter(info.outputPath('out'))).toThrow(
    /results directory .*out is a symbolic link, and is not followed: .* give another by --out/,
  );
  expect(() => new ResultsWriter(`${info.outputPath('out')}/`)).toThrow(/is a symbolic link/);
});

test('should refuse a results directory of somebody else', ({}, info) => {
  test.skip(process.getuid?.() !== 0, 'only root can give a directory away');
  mkdirSync(info.outputPath('out'));
  chownSync(info.outputPath('out'), 65534, 65534);
  expect(() => new ResultsWriter(info.outputPath('out'))).toThrow(
    /belongs to another user \(uid 65534\): give another by --out/,
  );
});

test('should not write through a link that somebody put into the directory', ({}, info) => {
  const out = info.outputPath('out');
  mkdirSync(out);
  writeFileSync(info.outputPath('victim'), 'precious');
  symlinkSync(info.outputPath('victim'), `${out}/console.log`);
  expect(() => new ResultsWriter(out)).toThrow(/console\.log: it is a symbolic link, and is not followed; remove it/);
  expect(readFileSync(info.outputPath('victim'), 'utf8')).toBe('precious');
  expect(existsSync(`${out}/summary.json`)).toBe(false);
});

test('should name a link or a pipe where something would be written later, and take files of somebody who looks on', ({}, info) => {
  for (const name of ['findings', 'coverage', 'findings.jsonl', 'coverage.json', 'summary.json.new']) {
    const out = info.outputPath(name);
    mkdirSync(out);
    symlinkSync(info.outputPath('elsewhere'), `${out}/${name}`);
    expect(() => new ResultsWriter(out), name).toThrow(
      new RegExp(`${name}: it is a symbolic link, and is not followed`),
    );
  }
  const piped = info.outputPath('piped');
  mkdirSync(piped);
  execFileSync('mkfifo', [`${piped}/findings.jsonl`]);
  expect(() => new ResultsWriter(piped)).toThrow(/findings\.jsonl: it is no regular file but a pipe/);
  const sound = info.outputPath('sound');
  mkdirSync(`${sound}/findings`, { recursive: true });
  writeFileSync(`${sound}/notes.txt`, '');
  new ResultsWriter(sound).finish(summary);
  expect(readdirSync(sound).sort()).toEqual(['cases.jsonl', 'console.log', 'findings', 'notes.txt', 'summary.json']);
});

test('should say in the summary that a full disk ended the run, and leave no part of another file', ({}, info) => {
  const disk = info.outputPath('disk');
  mkdirSync(disk);
  test.skip(
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', disk]).status !== 0,
    'only root can make a small disk',
  );
  try {
    const out = `${disk}/out`;
    const writer = new ResultsWriter(out);
    writer.update(summary);
    let endedBy = '';
    for (let n = 0; endedBy === ''; n += 1) {
      try {
        writer.append({ n, hash: 'a', note: 'x'.repeat(1000), seed: 1, verdict: { kind: 'conforms' } });
      } catch (error) {
        endedBy = (error as Error).message;
      }
    }
    expect(endedBy).toMatch(/cannot be written .*ENOSPC.*what finished before is there; free some space/);
    writer.finish({ ...summary, endedBy });
    expect(JSON.parse(readFileSync(`${out}/summary.json`, 'utf8'))).toMatchObject({ complete: false, endedBy });
    expect(readdirSync(out).sort()).toEqual(['cases.jsonl', 'console.log', 'summary.json']);
  } finally {
    spawnSync('umount', [disk]);
  }
});
