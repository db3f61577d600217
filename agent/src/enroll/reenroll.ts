import { rmSync } from "node:fs";
import { join } from "node:path";
import type { HostReport, Reenroll } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";
import { makePrivateFolder, readIfThere, removeIfThere, writeDurably } from "../platform/durable-file.ts";
import { parseServerAddress } from "../session/server-address.ts";
import { nextIdentityFolder } from "./become-own.ts";
import { enrollHost } from "./enroll.ts";
import type { Identity } from "./identity.ts";

/** Beside the keys for as long as the answer to the enrolment is not stored. */
const TOKEN_FILE = "token";

/**
 * Enrols this machine, which has the identity of another one, as a host of its own: new keys and a new identity in a folder beside the
 * old one, which goes on being used until `becomeOwn`. Safe to repeat: an answer that was lost is got again with the token and the keys
 * that are on disk.
 * @throws AgentError as enrollHost
 */
export async function reenroll(parts: {
  readonly stateDir: string;
  readonly identity: Identity;
  readonly asked: Reenroll;
  readonly host: HostReport;
  readonly now: () => number;
}): Promise<void> {
  const { stateDir, identity, asked } = parts;
  const folder = nextIdentityFolder(stateDir);
  const earlier = readIfThere(join(folder, TOKEN_FILE))?.toString();
  if (earlier !== undefined && earlier !== asked.token) {
    // The control plane may have made a host of it whose name never came back.
    if (await succeeds(() => enrol(folder, earlier, parts))) return;
    rmSync(folder, { recursive: true, force: true });
  }
  makePrivateFolder(folder);
  writeDurably(join(folder, TOKEN_FILE), asked.token);
  await enrol(folder, asked.token, { ...parts, identity });
}

async function enrol(
  folder: string,
  token: string,
  { identity, host, now }: { readonly identity: Identity; readonly host: HostReport; readonly now: () => number },
): Promise<void> {
  const server = parseServerAddress(identity.server);
  await enrollHost({ stateDir: folder, server, token, roots: identity.trustedRoots, host, labels: {}, now });
  removeIfThere(join(folder, TOKEN_FILE));
}

/** False only when the token was refused; what may be the link's fault is thrown on. */
async function succeeds(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof AgentError && error.code === "WF_ENROLL_REFUSED") return false;
    throw error;
  }
}
