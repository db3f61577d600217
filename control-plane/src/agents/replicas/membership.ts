import { KeyObject, webcrypto } from "node:crypto";
import {
  forgetReplica,
  hostsErrors,
  isReplicaKey,
  keepReplica,
  readSessionOwner,
  type Certificates,
} from "../../hosts/index.ts";
import { ProblemError, sha256, type Clock, type Database } from "../../platform/index.ts";
import { createRemoteReplica, type RemoteReplica, type ReplicaCredentials } from "./remote.ts";

/** This control plane among those on one database. */
export interface Membership {
  /** Says that it is there. */
  keep(): Promise<void>;
  leave(): Promise<void>;
  /** Since when a control plane must have been seen to count as alive. */
  aliveSince(): Date;
  /** The other control plane that has the host's session. */
  ownerOf(hostId: string): Promise<RemoteReplica | undefined>;
  requireReplica(peerCertificate: Uint8Array | undefined): Promise<void>;
}

interface Parts {
  database: Database;
  clock: Clock;
  certificates: Certificates;
  replicaId: string;
  /** `host:port` at which others reach this one; empty when they cannot. */
  address: () => string;
}

// A control plane that says nothing for three rounds (of 10 s) is dead; its hosts' leases are judged by another.
const ALIVE_MS = 30_000;
// Far below the certificate's 30 days.
const REISSUE_MS = 86_400_000;
const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;

export async function openMembership(parts: Parts): Promise<Membership> {
  const { database, clock, certificates, replicaId } = parts;
  const keys = (await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const privateKeyPem = KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }) as string;
  const spki = KeyObject.from(keys.publicKey).export({ type: "spki", format: "der" });
  const spkiSha256 = sha256(spki);
  let shown: { certificateChainPem: string; issuedAtMs: number } | undefined;

  async function ownCredentials(): Promise<ReplicaCredentials> {
    if (shown === undefined || clock.monotonicMs() - shown.issuedAtMs > REISSUE_MS) {
      const { chainPem } = await certificates.issueReplica({ replicaId, spki });
      shown = { certificateChainPem: chainPem, issuedAtMs: clock.monotonicMs() };
    }
    return { rootsPem: certificates.rootsPem(), privateKeyPem, certificateChainPem: shown.certificateChainPem };
  }
  const aliveSince = (): Date => new Date(clock.now().getTime() - ALIVE_MS);

  return {
    aliveSince,
    keep: () =>
      database.asSystem((tx) => keepReplica(tx, { replicaId, address: parts.address(), spkiSha256, now: clock.now() })),
    leave: () => database.asSystem((tx) => forgetReplica(tx, replicaId)),
    ownerOf: async (hostId) => {
      const owner = await database.asSystem((tx) => readSessionOwner(tx, hostId, aliveSince()), { readOnly: true });
      if (owner === undefined || owner.replicaId === replicaId || owner.address === "") return undefined;
      return createRemoteReplica(owner.address, await ownCredentials());
    },
    requireReplica: async (peerCertificate) => {
      const verdict = peerCertificate && certificates.verifyAgent(peerCertificate);
      const known =
        verdict?.valid === true &&
        !verdict.expired &&
        (await database.asSystem((tx) => isReplicaKey(tx, verdict.spkiSha256, aliveSince()), { readOnly: true }));
      if (known) return;
      const detail = "Only another control plane on this database may call this.";
      throw new ProblemError({ code: hostsErrors.WF_HOST_CERTIFICATE_INVALID, detail });
    },
  };
}
