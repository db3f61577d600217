import { announce, recordEvent } from "../events/index.ts";
import {
  field,
  ProblemError,
  sha256,
  type Caller,
  type Clock,
  type Database,
  type Log,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { announceHost, hostChanged } from "./changes.ts";
import type { Certificates } from "./certificates/certificates.ts";
import { keyOfRequest, type HostKey } from "./certificates/request.ts";
import { hostsErrors, type HostsCode } from "./errors.ts";
import {
  baseName,
  boundedCapabilities,
  boundedFacts,
  cleanText,
  freeName,
  type HostFacts,
  type Labels,
} from "./model.ts";
import type { AuditTrail, HostHistory } from "./ports.ts";
import { createRefusals } from "./refusals.ts";
import { divideRequested, requestProblem } from "./requested-labels.ts";
import { requireLabels } from "./service.ts";
import { insertHost, lockNames, readHostByKey, saveCertificate, type KeyedHost } from "./store-enrollment.ts";
import { saveCloneEnrolled } from "./store-machines.ts";
import { countTokenUse, lockTokenBySecret } from "./store-tokens.ts";
import { looksLikeToken, tokenRefusal } from "./token.ts";

export interface EnrollRequest {
  token: string;
  /** PKCS#10, DER. */
  certificateRequest: Uint8Array;
  /** X25519, 32 bytes. */
  sealingKey: Uint8Array;
  agentVersion: string;
  facts: HostFacts;
  capabilities: string[];
  /** What root on the machine asked to be labelled with. */
  requestedLabels: Labels;
  remoteAddress: string;
  requestId: string;
}

export interface Enrolled {
  hostId: string;
  organizationId: string;
  hostName: string;
  certificateChainPem: string;
  rootsPem: string;
  awaitingApproval: boolean;
}

export interface Enrollment {
  /** Lets a new host in. Repeating it with the same token and key gives the same host and counts no second use. */
  enroll(request: EnrollRequest): Promise<Enrolled>;
  /** A new certificate for the key that the caller has proven to hold, also when its certificate has expired. */
  renew(
    spkiSha256: Uint8Array,
    certificateRequest: Uint8Array,
  ): Promise<{ certificateChainPem: string; rootsPem: string }>;
}

interface Parts {
  database: Database;
  clock: Clock;
  log: Log;
  newId: NewId;
  certificates: Certificates;
  audit: AuditTrail;
  history?: Pick<HostHistory, "inherit"> | undefined;
}

type Token = NonNullable<Awaited<ReturnType<typeof lockTokenBySecret>>>;

const SEALING_KEY_BYTES = 32;
const MAX_VERSION_CHARACTERS = 64;
const refusalCodes = {
  revoked: "WF_ENROLLMENT_TOKEN_REVOKED",
  expired: "WF_ENROLLMENT_TOKEN_EXPIRED",
  "used-up": "WF_ENROLLMENT_TOKEN_USED_UP",
} as const satisfies Record<string, HostsCode>;

export function createEnrollment(parts: Parts): Enrollment {
  const { database, clock, log, newId, certificates, audit } = parts;
  const refusals = createRefusals(clock);

  async function admit(request: EnrollRequest): Promise<Enrolled> {
    // The token comes first: a stranger must not make us do the costly work of reading a certificate request.
    if (!looksLikeToken(request.token)) throw refused("WF_ENROLLMENT_TOKEN_UNKNOWN");
    const secretSha256 = sha256(request.token);
    await database.asSystem(async (tx) => {
      if ((await lockTokenBySecret(tx, secretSha256)) === undefined) throw refused("WF_ENROLLMENT_TOKEN_UNKNOWN");
    });
    const key = await keyOfRequest(request.certificateRequest);
    if (request.sealingKey.length !== SEALING_KEY_BYTES) {
      const detail = `The sealing key has ${request.sealingKey.length} bytes; an X25519 key has ${SEALING_KEY_BYTES}.`;
      throw refused("WF_CERTIFICATE_REQUEST_INVALID", detail);
    }
    requireRequest(request.requestedLabels);
    return database.asSystem(async (tx) => {
      const token = await lockTokenBySecret(tx, secretSha256);
      if (token === undefined) throw refused("WF_ENROLLMENT_TOKEN_UNKNOWN");
      const existing = await readHostByKey(tx, key.spkiSha256);
      return existing === undefined ? addHost(tx, token, key, request) : repeat(tx, token, existing, request);
    });
  }

  async function addHost(tx: UnitOfWork, token: Token, key: HostKey, request: EnrollRequest): Promise<Enrolled> {
    const now = clock.now();
    const refusal = tokenRefusal(
      {
        expiresAt: token.expires_at,
        revokedAt: token.revoked_at ?? undefined,
        uses: token.uses,
        maxUses: token.max_uses,
      },
      now,
    );
    if (refusal !== undefined)
      throw refused(refusalCodes[refusal], `The token ${token.shown_prefix}… lets nobody in: ${refusal}.`);
    const organizationId = token.organization_id;
    const hostId = newId("hst");
    const hostname = request.facts.hostname;
    const name = freeName(hostname, await lockNames(tx, organizationId, baseName(hostname)));
    const allowed = { labels: token.labels, hostLabelKeys: token.host_label_keys };
    const { labels, waiting } = divideRequested(allowed, request.requestedLabels);
    requireRequest(labels);
    const issued = await certificates.issueAgent({ organizationId, hostId, spki: key.spki });
    await insertHost(tx, {
      id: hostId,
      organizationId,
      environmentId: token.environment_id,
      name,
      labels,
      requestedLabels: waiting,
      facts: boundedFacts(request.facts),
      capabilities: boundedCapabilities(request.capabilities),
      agentVersion: cleanText(request.agentVersion).slice(0, MAX_VERSION_CHARACTERS),
      sealingKey: request.sealingKey,
      tokenId: token.id,
      enrolledAt: now,
      certificateExpiresAt: issued.notAfter,
      awaitingApproval: token.needs_approval,
      presenceCause: "The host has enrolled; its agent has not connected yet.",
      spki: key.spki,
      spkiSha256: key.spkiSha256,
    });
    await countTokenUse(tx, organizationId, token.id);
    if (token.clone_host_id !== null && token.clone_boot_id !== null) {
      const fromHostId = token.clone_host_id;
      await saveCloneEnrolled(tx, { hostId: fromHostId, bootId: token.clone_boot_id }, hostId);
      await parts.history?.inherit(tx, { organizationId, fromHostId, hostId, now });
    }
    await tell(tx, { organizationId, hostId, name, token, request, now, waiting });
    return answer({ hostId, organizationId, name, awaitingApproval: token.needs_approval }, issued.chainPem);
  }

  // The answer to the first try may have been lost on its way: the same host, a fresh certificate, no second use.
  async function repeat(tx: UnitOfWork, token: Token, host: KeyedHost, request: EnrollRequest): Promise<Enrolled> {
    requireUnrevoked(host);
    const same = host.organization_id === token.organization_id && host.enrollment_token_id === token.id;
    if (!same) throw refused("WF_HOST_KEY_ENROLLED", "The key of this host was enrolled before, with another token.");
    const reference = { organizationId: host.organization_id, hostId: host.id };
    const issued = await certificates.issueAgent({ ...reference, spki: host.spki });
    await saveCertificate(tx, reference, { expiresAt: issued.notAfter, sealingKey: request.sealingKey });
    return answer({ ...reference, name: host.name, awaitingApproval: host.awaiting_approval }, issued.chainPem);
  }

  function answer(
    host: { hostId: string; organizationId: string; name: string; awaitingApproval: boolean },
    certificateChainPem: string,
  ): Enrolled {
    const { hostId, organizationId, awaitingApproval } = host;
    return {
      hostId,
      organizationId,
      hostName: host.name,
      certificateChainPem,
      rootsPem: certificates.rootsPem(),
      awaitingApproval,
    };
  }

  async function tell(
    tx: UnitOfWork,
    what: {
      organizationId: string;
      hostId: string;
      name: string;
      token: Token;
      request: EnrollRequest;
      now: Date;
      waiting: Labels;
    },
  ): Promise<void> {
    const { organizationId, hostId, name, token, request, now } = what;
    const waiting = token.needs_approval ? " It waits for approval." : "";
    await recordEvent(tx, {
      id: newId("evt"),
      organizationId,
      at: now,
      type: "host.enrolled",
      message: `Host ${name} enrolled with the token ${token.name}.${waiting}`,
      severity: "info",
      actor: "host",
      hostId,
    });
    await audit.record(tx, hostCaller({ organizationId, hostId, name }, request), {
      action: "hosts.enroll",
      targetKind: "host",
      targetId: hostId,
      detail: {
        name,
        tokenId: token.id,
        tokenName: token.name,
        awaitingApproval: token.needs_approval,
        requestedLabels: what.waiting,
      },
    });
    tx.emit(hostChanged, { organizationId, hostId });
    announceHost(tx, { organizationId, hostId }, "created", now);
    announce(tx, { organizationId, kind: "enrollment_token", id: token.id, change: "updated", at: now });
  }

  return {
    enroll: async (request) => {
      if (refusals.tooMany(request.remoteAddress)) throw refused("WF_ENROLLMENT_RATE_LIMITED");
      try {
        const enrolled = await admit(request);
        log.info({ [field.hostId]: enrolled.hostId, [field.name]: enrolled.hostName }, "A host was enrolled.");
        return enrolled;
      } catch (error) {
        if (error instanceof ProblemError && error.code.kind !== "unavailable") {
          refusals.count(request.remoteAddress);
          const where = { [field.remoteAddress]: request.remoteAddress, [field.requestId]: request.requestId };
          log.warn({ ...where, [field.code]: error.code.code }, "An enrolment was refused.");
        }
        throw error;
      }
    },
    renew: async (spkiSha256, certificateRequest) => {
      const key = await keyOfRequest(certificateRequest);
      if (!Buffer.from(key.spkiSha256).equals(spkiSha256)) throw refused("WF_HOST_KEY_CHANGED");
      return database.asSystem(async (tx) => {
        const host = await readHostByKey(tx, spkiSha256);
        if (host === undefined) throw refused("WF_HOST_KEY_UNKNOWN");
        requireUnrevoked(host);
        const reference = { organizationId: host.organization_id, hostId: host.id };
        const issued = await certificates.issueAgent({ ...reference, spki: key.spki });
        await saveCertificate(tx, reference, { expiresAt: issued.notAfter });
        log.info({ [field.hostId]: host.id }, "A host's certificate was renewed.");
        return { certificateChainPem: issued.chainPem, rootsPem: certificates.rootsPem() };
      });
    },
  };
}

/** Throws WF_LABEL_INVALID for labels that no machine may ask for. */
function requireRequest(labels: Labels): void {
  requireLabels(labels);
  const problem = requestProblem(labels);
  if (problem === undefined) return;
  const detail = `${problem.path}: ${problem.message}.`;
  throw new ProblemError({ code: hostsErrors.WF_LABEL_INVALID, detail, violations: [problem] });
}

/** Throws WF_HOST_REVOKED when the host, or the key it came with, was revoked. */
export function requireUnrevoked(host: KeyedHost): void {
  if (host.revoked_at === null && host.key_revoked_at === null) return;
  const reason = host.revocation_reason ? `: ${host.revocation_reason}` : "";
  throw refused("WF_HOST_REVOKED", `The host ${host.name} was revoked${reason}.`);
}

function refused(code: HostsCode, detail?: string): ProblemError {
  return new ProblemError({ code: hostsErrors[code], ...(detail === undefined ? {} : { detail }) });
}

function hostCaller(
  host: { organizationId: string; hostId: string; name: string },
  call: { remoteAddress: string; requestId: string },
): Caller {
  return {
    kind: "host",
    id: host.hostId,
    name: host.name,
    organizationId: host.organizationId,
    permissions: new Set(),
    remoteAddress: call.remoteAddress,
    requestId: call.requestId,
  };
}
