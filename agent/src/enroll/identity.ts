import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { AgentError } from "../errors.ts";
import { readIfThere, writeDurably } from "../platform/durable-file.ts";

export const IDENTITY_FILE = "identity.json";

/** Who this host is to its control plane. One file, so that a certificate and the roots that go with it change together. */
export interface Identity {
  readonly hostId: string;
  readonly organizationId: string;
  readonly hostName: string;
  /** `https://host:port` of the control plane. */
  readonly server: string;
  /** Leaf first, PEM. */
  readonly certificateChain: string;
  /** PEM. */
  readonly trustedRoots: string;
}

const FIELDS = ["hostId", "organizationId", "hostName", "server", "certificateChain", "trustedRoots"] as const;

/** undefined while the host is not enrolled. @throws AgentError WF_STATE_UNREADABLE */
export function loadIdentity(folder: string): Identity | undefined {
  const content = readIfThere(join(folder, IDENTITY_FILE));
  if (content === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(content.toString());
    if (!isIdentity(value)) throw new Error("a field is missing");
    return value;
  } catch (cause) {
    throw new AgentError(
      "WF_STATE_UNREADABLE",
      `The identity of this host in ${folder} cannot be read. Restore the file, or enrol the host again.`,
      { cause },
    );
  }
}

export function saveIdentity(folder: string, identity: Identity): void {
  writeDurably(join(folder, IDENTITY_FILE), `${JSON.stringify(identity, null, 2)}\n`);
}

/** Validity of the leaf, milliseconds since the epoch. */
export function certificateValidity(chain: string): { notBefore: number; notAfter: number } {
  const leaf = new X509Certificate(chain);
  return { notBefore: leaf.validFromDate.getTime(), notAfter: leaf.validToDate.getTime() };
}

function isIdentity(value: unknown): value is Identity {
  if (typeof value !== "object" || value === null) return false;
  const fields: Partial<Record<string, unknown>> = { ...value };
  return FIELDS.every((name) => typeof fields[name] === "string");
}
