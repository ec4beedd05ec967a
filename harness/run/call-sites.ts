/** Where a kernel image calls a function: with KCOV, all the places that coverage could reach. */
import { readFileSync } from 'node:fs';

const CALL_REL32 = 0xe8;
const SHT_SYMTAB = 2;
const SHF_EXECINSTR = 4n;

/**
 * Return addresses of the direct calls (x86-64 `call rel32`) of `symbol` in the executable sections of an ELF file;
 * empty when it has no such symbol. A byte sequence that merely looks like such a call, with exactly this target, is as
 * good as impossible.
 */
export function callSites(path: string, symbol: string): bigint[] {
  const elf = readFileSync(path);
  if (elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2) return [];
  const sections = sectionsOf(elf);
  const target = addressOf(elf, sections, symbol);
  if (target === undefined) return [];
  const sites: bigint[] = [];
  for (const { flags, address, offset, size } of sections) {
    if ((flags & SHF_EXECINSTR) === 0n) continue;
    // Distances within a kernel fit into a number.
    const distance = Number(target - address);
    for (
      let at = elf.indexOf(CALL_REL32, offset);
      at >= 0 && at + 5 <= offset + size;
      at = elf.indexOf(CALL_REL32, at + 1)
    ) {
      const next = at - offset + 5;
      if (next + elf.readInt32LE(at + 1) === distance) sites.push(address + BigInt(next));
    }
  }
  return sites;
}

interface Section {
  type: number;
  flags: bigint;
  address: bigint;
  offset: number;
  size: number;
  link: number;
}

/** Elf64_Shdr, elf(5). */
function sectionsOf(elf: Buffer): Section[] {
  const [start, entry, count] = [Number(elf.readBigUInt64LE(0x28)), elf.readUInt16LE(0x3a), elf.readUInt16LE(0x3c)];
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * entry;
    const size = Number(elf.readBigUInt64LE(at + 32));
    return {
      type: elf.readUInt32LE(at + 4),
      flags: elf.readBigUInt64LE(at + 8),
      address: elf.readBigUInt64LE(at + 16),
      offset: Number(elf.readBigUInt64LE(at + 24)),
      size,
      link: elf.readUInt32LE(at + 40),
    };
  });
}

/** Elf64_Sym, elf(5). */
function addressOf(elf: Buffer, sections: readonly Section[], name: string): bigint | undefined {
  const table = sections.find(({ type }) => type === SHT_SYMTAB);
  const names = table && sections[table.link];
  if (!table || !names) return undefined;
  for (let at = table.offset; at < table.offset + table.size; at += 24) {
    const from = names.offset + elf.readUInt32LE(at);
    if (elf[from + name.length] === 0 && elf.toString('latin1', from, from + name.length) === name)
      return elf.readBigUInt64LE(at + 8);
  }
  return undefined;
}
