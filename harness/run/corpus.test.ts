import { expect, test } from '@playwright/test';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../files/repository-root.ts';
import { Corpus } from './corpus.ts';
import { showsOf } from './corpus-shows.ts';
import { sampleCases } from '../../reproducers/testing/samples.ts';
import { formatCase } from './case-file.ts';

let directory: string;
test.beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-corpus-'));
});
test.afterEach(() => {
  rmSync(directory, { recursive: true });
});

const entry = { why: 'because', origin: 'hand', shows: ['map/length-nonzero@read direct-read violating'], kernels: {} };
const value = sampleCases['length 0 in the read half']!;

test('should give back what was added, under the address of its content', () => {
  const corpus = Corpus.open(directory);
  const hash = corpus.add(value, entry);
  corpus.save();
  const again = Corpus.open(directory);
  expect(again.entries()).toEqual([[hash, entry]]);
  expect(again.read(hash)).toEqual(value);
  expect(again.has({ ...value, provenance: { origin: 'elsewhere' } })).toBe(true);
  expect(again.has({ ...value, debugIomap: false })).toBe(false);
});

test('should notice a case that was edited in place, and one that is missing', () => {
  const corpus = Corpus.open(directory);
  const hash = corpus.add(value, entry);
  corpus.save();
  writeFileSync(corpus.path(hash), formatCase({ ...value, debugIomap: false }));
  expect(() => corpus.read(hash)).toThrow(/was changed/);
  rmSync(corpus.path(hash));
  expect(() => corpus.read(hash)).toThrow(/cannot be read/);
});

test('should remove the file of a case that was removed, when it is saved', () => {
  const corpus = Corpus.open(directory);
  const hash = corpus.add(value, entry);
  corpus.save();
  corpus.remove(hash);
  expect(existsSync(corpus.path(hash))).toBe(true);
  corpus.save();
  expect(existsSync(corpus.path(hash))).toBe(false);
});

test('should tell a corpus that does not exist from an empty one', () => {
  expect(() => Corpus.openExisting(join(directory, 'nowhere'))).toThrow(
    /there is no corpus .*nowhere: no such directory; check --corpus, or begin one with `corpus add`/,
  );
  writeFileSync(join(directory, 'file'), '');
  expect(() => Corpus.openExisting(join(directory, 'file'))).toThrow(
    /file is no directory, and a corpus is one; check --corpus/,
  );
  expect(Corpus.openExisting(directory).entries()).toEqual([]);
  // One is begun by adding to it.
  expect(Corpus.open(join(directory, 'nowhere')).entries()).toEqual([]);
});

test('should write through no link inside a corpus and remove nothing behind one, and work in a corpus that is itself named by a link', () => {
  const [corpus, elsewhere] = [join(directory, 'corpus'), join(directory, 'elsewhere')];
  const addTo = (path: string): void => {
    const opened = Corpus.open(path);
    opened.add(value, entry);
    opened.save();
  };
  const spoilt = (spoil: (hash: string) => void): void => {
    for (const path of [corpus, elsewhere]) rmSync(path, { recursive: true, force: true });
    for (const path of [corpus, elsewhere]) mkdirSync(path);
    addTo(corpus);
    spoil(Corpus.open(corpus).entries()[0]![0]);
  };
  const refuses = (path: RegExp): void => {
    expect(() => {
      addTo(corpus);
    }).toThrow(
      new RegExp(`${path.source}: it is a symbolic link, and is not followed; .*; or name another corpus by --corpus`),
    );
  };
  const victim = join(elsewhere, 'victim.json');
  const moved = (path: string): string => {
    renameSync(path, victim);
    symlinkSync(victim, path);
    return readFileSync(victim, 'utf8');
  };

  let before = '';
  spoilt(() => {
    before = moved(join(corpus, 'index.json'));
    rmSync(join(corpus, 'cases'), { recursive: true });
  });
  refuses(/index\.json/);
  expect(readFileSync(victim, 'utf8')).toBe(before);
  expect(existsSync(join(corpus, 'cases'))).toBe(false);

  spoilt((hash) => {
    before = moved(join(corpus, 'cases', `${hash}.json`));
  });
  refuses(/cases\/[0-9a-f]{12}\.json/);
  expect(readFileSync(victim, 'utf8')).toBe(before);

  // One that leads to nothing would make a file there.
  spoilt((hash) => {
    rmSync(join(corpus, 'cases', `${hash}.json`));
    symlinkSync(victim, join(corpus, 'cases', `${hash}.json`));
  });
  refuses(/cases\/[0-9a-f]{12}\.json/);
  expect(existsSync(victim)).toBe(false);

  spoilt(() => {
    rmSync(join(corpus, 'cases'), { recursive: true });
    symlinkSync(elsewhere, join(corpus, 'cases'));
    writeFileSync(victim, 'precious');
  });
  refuses(/cases/);
  expect(readdirSync(elsewhere)).toEqual(['victim.json']);

  spoilt(() => {
    /* as it is */
  });
  symlinkSync(corpus, join(elsewhere, 'mine'));
  addTo(join(elsewhere, 'mine'));
  expect(Corpus.open(corpus).entries()).toHaveLength(1);
});

test('should refuse an index that it cannot read, and say what to do', () => {
  for (const [text, message] of [
    ['{', /restore it/],
    ['{"schema": 9, "cases": {}}', /update iomapfuzz/],
    ['{"schema": 1, "cases": {"x": {}}}', /no corpus index: cases/],
  ] as const) {
    writeFileSync(join(directory, 'index.json'), text);
    expect(() => Corpus.open(directory)).toThrow(message);
  }
});

test('should say which rules refuse in a case, and on which path', () => {
  expect(showsOf(value)).toEqual(['map/length-nonzero@read direct-read violating']);
  expect(showsOf(sampleCases['FIEMAP']!)).toEqual(['fiemap/extents fiemap']);
  expect(showsOf({ ...value, provenance: { origin: 'conformance map/x@read fiemap legal' } })).toContain(
    'map/x@read fiemap legal',
  );
});

test('should ship a corpus whose every case can be read, and whose index is as it would be written', () => {
  const shipped = Corpus.open(join(repositoryRoot(), 'corpora'));
  expect(shipped.entries().length).toBeGreaterThanOrEqual(30);
  for (const [hash] of shipped.entries()) expect(() => shipped.read(hash)).not.toThrow();
  expect(shipped.strays()).toEqual([]);
  expect(readFileSync(join(shipped.directory, 'index.json'), 'utf8').endsWith('}\n')).toBe(true);
});
