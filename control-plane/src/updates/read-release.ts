import { isSignedBy, parseChecksums, sha256Hex } from "@windflow/core";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ReleaseFacts, ReleaseFile } from "./model.ts";

/** A release folder as it was read. */
export interface FoundRelease {
  readonly folder: string;
  readonly facts: ReleaseFacts;
  readonly sums: Uint8Array;
  readonly signature: Uint8Array;
  /** Why it cannot be given; empty when it can. */
  readonly problem: string;
}

/** `windflow-agent-linux-x64`, also compressed. */
const AGENT_FILE = /^windflow-agent-linux-(?<arch>x64|arm64)(?:\.(?:gz|zst))?$/;
export const RELEASE_NOTE = "release.json";
const BILL = /^windflow-agent-linux-(?:x64|arm64)\.cdx\.json$/;
// A list of twenty files has 2 kB; anything much larger is no list of checksums.
const SUMS_MAX_BYTES = 64 * 1024;
const SIGNATURE_BYTES = 64;
// What is read of a release to know its version; a bill of materials has some 100 kB.
const NOTE_MAX_BYTES = 4 * 1024 * 1024;

/**
 * Reads a release folder; undefined when there is none. Every agent in it is compared with its checksum, which reads all of it.
 * @param keys public halves of release keys (base64 of DER, SPKI); empty: the signature is left to the agents, which all check it
 */
export async function readRelease(folder: string, keys: readonly string[]): Promise<FoundRelease | undefined> {
  const sums = await readSmall(join(folder, "SHA256SUMS"), SUMS_MAX_BYTES);
  if (sums === undefined) return undefined;
  const signature = (await readSmall(join(folder, "SHA256SUMS.sig"), SUMS_MAX_BYTES)) ?? new Uint8Array();
  const listed = parseChecksums(Buffer.from(sums).toString("utf8"));
  const { files, problem } = await readFiles(folder, listed);
  const note = await readNote(folder, listed);
  const facts = { ...note, id: sha256Hex(sums), files };
  return {
    folder,
    facts,
    sums,
    signature,
    problem: signatureProblem(sums, signature, keys) || problem || noteProblem(note),
  };
}

function signatureProblem(sums: Uint8Array, signature: Uint8Array, keys: readonly string[]): string {
  if (signature.length === 0) return "SHA256SUMS.sig is missing: agents take nothing that is not signed";
  if (signature.length !== SIGNATURE_BYTES)
    return `SHA256SUMS.sig is no Ed25519 signature: it has ${signature.length} bytes`;
  if (keys.length === 0 || keys.some((key) => isSignedBy(key, sums, signature))) return "";
  return "SHA256SUMS is not signed by a release key that this control plane knows";
}

async function readFiles(
  folder: string,
  listed: ReadonlyMap<string, string>,
): Promise<{ files: ReleaseFile[]; problem: string }> {
  const files: ReleaseFile[] = [];
  let problem = "";
  for (const [name, sha256] of listed) {
    const arch = AGENT_FILE.exec(name)?.groups?.["arch"] ?? (name === RELEASE_NOTE ? "" : undefined);
    if (arch === undefined) continue;
    const found = await stat(join(folder, name)).catch(() => undefined);
    // A folder may hold fewer files than were released: what is there is given.
    if (found?.isFile() !== true) continue;
    if ((await sha256OfFile(join(folder, name))) === sha256) files.push({ name, arch, sizeBytes: found.size, sha256 });
    else problem ||= `${name} is not what was released: its checksum differs`;
  }
  if (!files.some((file) => file.arch !== "")) problem ||= "there is no agent in the folder";
  return { files: files.toSorted((a, b) => a.sizeBytes - b.sizeBytes), problem };
}

type Note = Omit<ReleaseFacts, "id" | "files">;
const UNKNOWN: Note = { version: "", commit: "", development: false, protocolMin: 0, protocolMax: 0, releasedAt: "" };

async function readNote(folder: string, listed: ReadonlyMap<string, string>): Promise<Note> {
  const names = [RELEASE_NOTE, ...[...listed.keys()].filter((name) => BILL.test(name))];
  for (const name of names) {
    const content = listed.has(name) ? await readSmall(join(folder, name), NOTE_MAX_BYTES) : undefined;
    // What is not as it was signed says nothing.
    if (content === undefined || sha256Hex(content) !== listed.get(name)) continue;
    const value: unknown = parsed(content);
    const note = name === RELEASE_NOTE ? noteOf(value) : noteOfBill(value);
    if (note.version !== "") return note;
  }
  return UNKNOWN;
}

const noteProblem = ({ version }: Note): string =>
  version === "" ? `neither ${RELEASE_NOTE} nor a bill of materials says its version` : "";

function noteOf(value: unknown): Note {
  const { version, commit, channel, protocolMin, protocolMax, releasedAt } = record(value);
  return {
    version: text(version),
    commit: text(commit),
    development: channel !== "release",
    protocolMin: typeof protocolMin === "number" ? protocolMin : 0,
    protocolMax: typeof protocolMax === "number" ? protocolMax : 0,
    releasedAt: text(releasedAt),
  };
}

function noteOfBill(value: unknown): Note {
  const component = record(record(record(value)["metadata"])["component"]);
  const properties = Array.isArray(component["properties"]) ? component["properties"].map(record) : [];
  const property = (name: string): string => text(properties.find((one) => one["name"] === name)?.["value"]);
  return {
    ...UNKNOWN,
    version: text(component["version"]),
    commit: property("windflow:commit"),
    development: property("windflow:channel") !== "release",
  };
}

const record = (value: unknown): Partial<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {};
const MAX_TEXT = 100;
const text = (value: unknown): string => (typeof value === "string" ? value.slice(0, MAX_TEXT) : "");

function parsed(content: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(content).toString("utf8"));
  } catch {
    return undefined;
  }
}

async function readSmall(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true && found.size <= maxBytes ? readFile(path) : undefined;
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
