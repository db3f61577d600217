import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { open, seal, sealRandomness, SEAL_RANDOMNESS_BYTES, secretsContext, sha256Hex } from "@windflow/core";
import { SealedBox } from "@windflow/proto/agent";
import { makePrivateFolder, readIfThere, syncFolder, writeDurably } from "../platform/durable-file.ts";
import { loadDesired, saveDesired } from "../state/desired-file.ts";
import { loadKept } from "../state/kept-file.ts";
import { HOST_KEY_FILE, loadOrCreateHostKeys, SEALING_KEY_FILE } from "./host-keys.ts";
import { IDENTITY_FILE, loadIdentity } from "./identity.ts";

/** Where the next identity is made, whole, before anything of the one before is touched. */
const NEXT = "next-identity";
/** What was replaced, until the new one has had a session. */
const FORMER = "former-identity";
/** In it: the id of the host that took its place. */
const REPLACED_BY = "replaced-by";
// What goes with an identity and is worth nothing to the next: a queue that was numbered under it, credentials sealed to it.
const FOLDERS = ["spool", "registries"];
// The identity last: with it the change is made.
const FILES = [SEALING_KEY_FILE, HOST_KEY_FILE, IDENTITY_FILE];

/** A moment between two acts, at which a test may end the process. */
export type ReenrollPoint = (name: string) => void;

export const nextIdentityFolder = (stateDir: string): string => join(stateDir, NEXT);

/**
 * Becomes the host whose identity is ready beside the old one; nothing when none is. Each act can be repeated, and the change is rolled
 * forward only: whenever the process ends, the next start finds the old identity whole, or ends what was begun. What the host runs is
 * not touched: the desired state stays, its secrets are sealed to the new key, and its generation counts as none, so that the first one
 * that was made for the new host is taken.
 */
export function becomeOwn(stateDir: string, at: ReenrollPoint = () => undefined): void {
  const next = nextIdentityFolder(stateDir);
  const identity = loadIdentity(next);
  if (identity === undefined) return dropRest(stateDir, next);
  keepFormer(stateDir, identity.hostId, at);
  forgetGeneration(join(stateDir, "desired"), at);
  resealSecrets(stateDir, next, at);
  for (const name of FOLDERS) {
    const from = join(stateDir, name);
    const to = join(stateDir, FORMER, name);
    if (!existsSync(from) || existsSync(to)) continue;
    renameSync(from, to);
    syncFolder(stateDir);
    at(`${name} put aside`);
  }
  for (const name of FILES) {
    if (existsSync(join(next, name))) {
      renameSync(join(next, name), join(stateDir, name));
      syncFolder(stateDir);
      at(`${name} in place`);
    }
  }
  dropRest(stateDir, next);
  at("ended");
}

/** What a change leaves behind that has its identity in place; an enrolment that is under way has keys there. */
function dropRest(stateDir: string, next: string): void {
  if (!existsSync(next) || existsSync(join(next, HOST_KEY_FILE))) return;
  rmSync(next, { recursive: true, force: true });
  syncFolder(stateDir);
}

/** The new identity has had a session: the old one is not needed any more. */
export function forgetFormer(stateDir: string): void {
  if (!existsSync(join(stateDir, FORMER))) return;
  rmSync(join(stateDir, FORMER), { recursive: true, force: true });
  syncFolder(stateDir);
}

/** Copies of the old keys and the old identity, whole before the first of them is replaced. */
function keepFormer(stateDir: string, hostId: string, at: ReenrollPoint): void {
  const former = join(stateDir, FORMER);
  if (readIfThere(join(former, REPLACED_BY))?.toString() === hostId) return;
  const draft = `${former}.new`;
  rmSync(draft, { recursive: true, force: true });
  makePrivateFolder(draft);
  for (const name of FILES) {
    const content = readIfThere(join(stateDir, name));
    if (content !== undefined) writeDurably(join(draft, name), content);
    at(`${name} copied`);
  }
  writeDurably(join(draft, REPLACED_BY), hostId);
  // One of a change before this one that was never proven: it is older than what stands now.
  rmSync(former, { recursive: true, force: true });
  renameSync(draft, former);
  syncFolder(stateDir);
  at("the former identity is kept");
}

/** Under the old identity this is as harmless: the control plane tells the host again what it has to run. */
function forgetGeneration(folder: string, at: ReenrollPoint): void {
  const desired = loadDesired(folder);
  if (desired === undefined || (desired.generation.term === 0n && desired.generation.n === 0n)) return;
  saveDesired(folder, { ...desired, generation: { term: 0n, n: 0n } });
  at("the generation is forgotten");
}

/** Secrets on disk are sealed to the key that goes. What cannot be opened is left as it is: it comes again with the next desired state. */
function resealSecrets(stateDir: string, next: string, at: ReenrollPoint): void {
  const former = loadOrCreateHostKeys(join(stateDir, FORMER));
  // Where the new key is already in place the folder beside it holds none any more.
  const keysAt = existsSync(join(next, SEALING_KEY_FILE)) ? next : stateDir;
  const { sealingPublicKey } = loadOrCreateHostKeys(keysAt);
  const folder = join(stateDir, "desired", "secrets");
  const known = new Set(existsSync(folder) ? readdirSync(folder) : []);
  const stacks = loadDesired(join(stateDir, "desired"))?.stacks ?? [];
  for (const { stackId, revision } of [...stacks, ...loadKept(join(stateDir, "desired")).revisions]) {
    const context = secretsContext(stackId, revision);
    const name = sha256Hex(context);
    if (!known.delete(name)) continue;
    const box = SealedBox.decode(readIfThere(join(folder, name)) ?? new Uint8Array());
    const plain = opened(former.sealingPrivateKey, box, context);
    if (plain === undefined) continue;
    const randomness = sealRandomness(randomBytes(SEAL_RANDOMNESS_BYTES));
    writeDurably(join(folder, name), SealedBox.encode(seal(sealingPublicKey, plain, context, randomness)).finish());
    at("a secret is sealed anew");
  }
}

function opened(key: Uint8Array, box: SealedBox, context: string): Uint8Array | undefined {
  try {
    return open(key, box, context);
  } catch {
    // Sealed anew before the process ended, or never ours.
    return undefined;
  }
}
