import type { KeyObject } from "node:crypto";
import { createGathering, ProblemError, type Database } from "../platform/index.ts";
import type { Certificates } from "./certificates/certificates.ts";
import { requireUnrevoked } from "./enrollment.ts";
import { hostsErrors } from "./errors.ts";
import { readHostsByKeys, type KeyedHost } from "./store-enrollment.ts";

/** A host that has proven its key, with what it may do. */
export interface HostIdentity {
  organizationId: string;
  hostId: string;
  name: string;
  /** SubjectPublicKeyInfo, DER. */
  spki: Uint8Array;
  spkiSha256: Uint8Array;
  /** X25519, 32 bytes: what secrets are sealed to. */
  sealingKey: Uint8Array;
  awaitingApproval: boolean;
  quarantined: { reason: string } | undefined;
}
/** The key as OpenSSL has it, where it had to be read of the certificate just now: large, and of use for a moment only. */
export type FreshIdentity = HostIdentity & { publicKey: KeyObject | undefined };

export interface HostIdentities {
  /**
   * The host behind a peer certificate: the chain must hold and the key must be enrolled and not revoked, asked afresh at
   * every call. The names in the certificate are not looked at.
   * @param options.allowExpired for renewal only
   */
  identify(peerCertificate: Uint8Array | undefined, options?: { allowExpired?: boolean }): Promise<FreshIdentity>;
}

// One question for the hosts of a rack that come back together.
const KEYS_AT_ONCE = 200;
// While hosts come one upon the other a few are asked for together: a question of its own costs each more than the answer.
const STORM = { ms: 20, enough: 20, least: 2 };

export function createHostIdentities(parts: { database: Database; certificates: Certificates }): HostIdentities {
  const { database, certificates } = parts;
  const hostByKey = createGathering<Uint8Array, KeyedHost | undefined>({
    lineOf: () => "all",
    keyOf: (key) => Buffer.from(key).toString("hex"),
    limit: KEYS_AT_ONCE,
    linger: STORM,
    work: (_line, keys) => database.asSystem((tx) => readHostsByKeys(tx, keys), { readOnly: true }),
  });
  return {
    identify: async (peerCertificate, options = {}) => {
      if (peerCertificate === undefined) {
        throw new ProblemError({
          code: hostsErrors.WF_HOST_CERTIFICATE_INVALID,
          detail: "The connection came without a certificate.",
        });
      }
      const verdict = certificates.verifyAgent(peerCertificate);
      if (!verdict.valid) {
        throw new ProblemError({
          code: hostsErrors.WF_HOST_CERTIFICATE_INVALID,
          detail: `Refused: ${verdict.reason}.`,
        });
      }
      const host = await hostByKey(verdict.spkiSha256);
      if (host === undefined) throw new ProblemError({ code: hostsErrors.WF_HOST_KEY_UNKNOWN });
      requireUnrevoked(host);
      if (verdict.expired && options.allowExpired !== true) {
        const detail = `The certificate was valid until ${verdict.notAfter.toISOString()}.`;
        throw new ProblemError({ code: hostsErrors.WF_HOST_CERTIFICATE_EXPIRED, detail });
      }
      return { ...identityOf(host, verdict.spkiSha256), publicKey: verdict.publicKey };
    },
  };
}

// Copies of keys: what the driver gives lies in 64 kB that it shares with other answers, and a session keeps it for as long as it lasts.
function identityOf(host: KeyedHost, spkiSha256: Uint8Array): HostIdentity {
  return {
    organizationId: host.organization_id,
    hostId: host.id,
    name: host.name,
    spki: new Uint8Array(host.spki),
    spkiSha256,
    sealingKey: new Uint8Array(host.sealing_key),
    awaitingApproval: host.awaiting_approval,
    quarantined: host.quarantined_at === null ? undefined : { reason: host.quarantine_reason ?? "" },
  };
}
