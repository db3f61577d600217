import { readFile } from "node:fs/promises";

const SHT_GNU_VERNEED = 0x6f_ff_ff_fe;
const SECTION_HEADER_BYTES = 64;

/**
 * The symbol versions that a 64-bit little-endian ELF file asks of its libraries: "libc.so.6" → ["GLIBC_2.17", …].
 * Throws when it is no such file.
 */
export async function neededVersions(path: string): Promise<Map<string, string[]>> {
  const elf = await readFile(path);
  if (elf.readUInt32BE(0) !== 0x7f_45_4c_46 || elf[4] !== 2 || elf[5] !== 1)
    throw new Error(`${path} is no 64-bit little-endian ELF file.`);
  const needed = new Map<string, string[]>();
  const sections = sectionsOf(elf);
  for (const section of sections.filter(({ type }) => type === SHT_GNU_VERNEED))
    readNeeds(elf, section, sections[section.link]?.offset ?? 0, needed);
  return needed;
}

/** The oldest glibc that the file runs on, as "2.28"; undefined when it asks for none. */
export async function oldestGlibc(path: string): Promise<string | undefined> {
  const versions = [...(await neededVersions(path)).values()].flat().flatMap((name) => {
    const found = /^GLIBC_(\d+)\.(\d+)/.exec(name);
    return found === null ? [] : [{ major: Number(found[1]), minor: Number(found[2]) }];
  });
  const [newest] = versions.toSorted((a, b) => b.major - a.major || b.minor - a.minor);
  return newest === undefined ? undefined : `${newest.major}.${newest.minor}`;
}

interface Section {
  type: number;
  offset: number;
  /** Number of the section with the strings. */
  link: number;
  /** How many entries a section of needs has. */
  count: number;
}

function sectionsOf(elf: Buffer): Section[] {
  const start = Number(elf.readBigUInt64LE(40));
  return Array.from({ length: elf.readUInt16LE(60) }, (_, index) => {
    const at = start + index * SECTION_HEADER_BYTES;
    return {
      type: elf.readUInt32LE(at + 4),
      offset: Number(elf.readBigUInt64LE(at + 24)),
      link: elf.readUInt32LE(at + 40),
      count: elf.readUInt32LE(at + 44),
    };
  });
}

// Elf64_Verneed: version, count, file, aux, next. Elf64_Vernaux: hash (4), flags, other, name (4), next (4).
function readNeeds(elf: Buffer, { offset, count }: Section, strings: number, into: Map<string, string[]>): void {
  const text = (at: number): string => elf.toString("latin1", strings + at, elf.indexOf(0, strings + at));
  for (let library = 0, at = offset; library < count; library += 1) {
    const versions: string[] = [];
    let aux = at + elf.readUInt32LE(at + 8);
    for (let entry = elf.readUInt16LE(at + 2); entry > 0; entry -= 1) {
      versions.push(text(elf.readUInt32LE(aux + 8)));
      aux += elf.readUInt32LE(aux + 12);
    }
    into.set(text(elf.readUInt32LE(at + 4)), versions);
    at += elf.readUInt32LE(at + 12);
  }
}
