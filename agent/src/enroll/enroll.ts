import { type ServiceError, status } from "@grpc/grpc-js";
import { PROTOCOL_VERSION } from "@windflow/proto";
import type { HostReport } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";
import { makePrivateFolder } from "../platform/durable-file.ts";
import { createTlsCredentials, enroll, openChannel } from "../session/channel.ts";
import type { ServerAddress } from "../session/server-address.ts";
import { AGENT_VERSION, BUILT_AT_MS } from "../version.ts";
import { certificateRequest } from "./certificate-request.ts";
import { loadOrCreateHostKeys } from "./host-keys.ts";
import { type Identity, loadIdentity, saveIdentity } from "./identity.ts";
import { requireCertificates } from "./pinned-roots.ts";

export interface EnrollRequestOptions {
  readonly stateDir: string;
  readonly server: ServerAddress;
  readonly token: string;
  /** PEM of the roots that the server's certificate must lead to. */
  readonly roots: string;
  /** What the host shall be called; the control plane may choose another name. */
  readonly host: HostReport;
  /** What root on this machine would like it to be labelled with; the control plane decides. */
  readonly labels: Readonly<Record<string, string>>;
  readonly now: () => number;
}

export interface Enrolled {
  readonly identity: Identity;
  /** An operator has to approve the host before it gets anything. */
  readonly awaitingApproval: boolean;
}

/**
 * Token and key → certificate, one round trip. The keys are on disk before the request leaves, so that an answer that got lost
 * is got again with the same token and the same key.
 * @throws AgentError WF_ENROLL_REFUSED, WF_SERVER_UNREACHABLE, WF_ALREADY_ENROLLED, WF_STATE_UNREADABLE
 */
export async function enrollHost(options: EnrollRequestOptions): Promise<Enrolled> {
  const { server, stateDir } = options;
  makePrivateFolder(stateDir);
  requireFree(loadIdentity(stateDir), server);
  const keys = loadOrCreateHostKeys(stateDir);
  const credentials = createTlsCredentials({
    host: server.host,
    roots: options.roots,
    now: options.now,
    timeFloor: () => BUILT_AT_MS,
  });
  const channel = openChannel(server, credentials);
  try {
    const reply = await enroll(channel.client, {
      token: options.token,
      certificateRequest: certificateRequest(keys.hostKey, options.host.hostname),
      sealingKey: keys.sealingPublicKey,
      agentVersion: AGENT_VERSION,
      protocolVersion: PROTOCOL_VERSION,
      host: options.host,
      requestedLabels: { ...options.labels },
    });
    const identity: Identity = {
      hostId: reply.hostId,
      organizationId: reply.organizationId,
      hostName: reply.hostName,
      server: server.url,
      certificateChain: requireChain(reply.certificateChain),
      trustedRoots: requireCertificates(reply.trustedRoots === "" ? options.roots : reply.trustedRoots, server.url),
    };
    saveIdentity(stateDir, identity);
    return { identity, awaitingApproval: reply.awaitingApproval };
  } catch (error) {
    throw explain(error, server);
  } finally {
    channel.close();
  }
}

function requireFree(existing: Identity | undefined, server: ServerAddress): void {
  if (existing === undefined || existing.server === server.url) return;
  throw new AgentError(
    "WF_ALREADY_ENROLLED",
    `This host is enrolled with ${existing.server} as ${existing.hostName}. Remove its state folder first if it shall move to ${server.url}.`,
  );
}

function requireChain(chain: string): string {
  if (chain.includes("BEGIN CERTIFICATE")) return chain;
  throw new AgentError("WF_ENROLL_REFUSED", "The control plane answered without a certificate. Its log says why.");
}

function explain(error: unknown, server: ServerAddress): Error {
  if (error instanceof AgentError) return error;
  const failure: Partial<ServiceError> = error instanceof Error ? error : {};
  const text = failure.details ?? failure.message ?? String(error);
  if (failure.code === status.UNAVAILABLE || failure.code === status.DEADLINE_EXCEEDED) {
    return new AgentError(
      "WF_SERVER_UNREACHABLE",
      `${server.url} cannot be reached: ${text}. Check address, port, firewall and proxy.`,
      { cause: error },
    );
  }
  return new AgentError(
    "WF_ENROLL_REFUSED",
    `${server.url} refused the enrolment: ${text}. A token is good for a limited time and number of hosts; make a new one if it is spent.`,
    { cause: error },
  );
}
