import { registryAuthContext, seal, sealRandomness, SEAL_RANDOMNESS_BYTES, secretsContext } from "@windflow/core";
import { AgentServiceService, RegistryAuths, SecretValues, type BodyChunk } from "@windflow/proto/agent";
import type { AgentHandlers } from "../api/index.ts";
import { factsFromWire, type Enrollment, type HostIdentities, type HostIdentity } from "../hosts/index.ts";
import { createGathering, ProblemError, type Database } from "../platform/index.ts";
import type { Connect } from "./connect.ts";
import { agentsErrors } from "./errors.ts";
import type { AgentReleases, DesiredStatePort, WantedBody } from "./ports.ts";
import type { Streams } from "./streams.ts";
import { decodeFrame, type ReceivedFrame } from "./wire.ts";

/**
 * The service as the doors serve it: frames of a session that cannot be read are handed on instead of ending the call, and those
 * that are sent are encoded where they are made. A session ends by itself with its call.
 */
export const agentService: AgentServiceDefinition = {
  ...AgentServiceService,
  connect: {
    ...AgentServiceService.connect,
    requestDeserialize: decodeFrame,
    responseSerialize: (frame) => frame,
    endsWithItsSignal: true,
  },
};

type Generated = typeof AgentServiceService;
export type AgentServiceDefinition = Omit<Generated, "connect"> & {
  connect: Omit<Generated["connect"], "requestDeserialize" | "responseSerialize"> & {
    requestDeserialize: (bytes: Buffer) => ReceivedFrame;
    responseSerialize: (frame: Buffer) => Buffer;
    endsWithItsSignal: true;
  };
};

interface Parts {
  database: Database;
  enrollment: Enrollment;
  identities: HostIdentities;
  connect: Connect;
  streams: Streams;
  desired: DesiredStatePort;
  releases: AgentReleases;
  random: (bytes: number) => Uint8Array;
  /** Bytes came from the host, on whichever of its streams: its lease is renewed. */
  heard: (hostId: string) => void;
}

// Small enough that a heartbeat on a slow link waits for one of them only.
const CHUNK_BYTES = 64 * 1024;
const BODIES_AT_ONCE = 100;

export function agentHandlers(parts: Parts): AgentHandlers<AgentServiceDefinition> {
  const { database, enrollment, identities, desired, releases } = parts;

  // A whole fleet asks for the same body at once: one connection and one read of it are enough.
  const readBody = createGathering<WantedBody & { organizationId: string }, Uint8Array | undefined>({
    lineOf: ({ organizationId }) => organizationId,
    keyOf: ({ hostId, digest }) => `${hostId} ${digest}`,
    limit: BODIES_AT_ONCE,
    work: (organizationId, wanted) =>
      database.inOrganization(organizationId, (tx) => desired.bodiesFor(tx, wanted), { readOnly: true }),
  });

  /** The host of a call that hands out what it is to run. */
  async function admitted(peerCertificate: Uint8Array | undefined): Promise<HostIdentity> {
    const host = await identities.identify(peerCertificate);
    if (host.awaitingApproval) throw new ProblemError({ code: agentsErrors.WF_HOST_AWAITING_APPROVAL });
    if (host.quarantined !== undefined) throw new ProblemError({ code: agentsErrors.WF_HOST_QUARANTINED });
    return host;
  }

  // On a slow link the heartbeats wait behind an upload, which proves just as well that the host is there.
  async function* hearing<Message>(messages: AsyncIterable<Message>, hostId: string): AsyncGenerator<Message> {
    for await (const message of messages) {
      parts.heard(hostId);
      yield message;
    }
  }

  return {
    enroll: async (request, context) => {
      const { token, certificateRequest, sealingKey, agentVersion, requestedLabels } = request;
      const facts = factsFromWire(request.host);
      const capabilities = request.host?.capabilities ?? [];
      const { remoteAddress, requestId } = context;
      const enrolled = await enrollment.enroll({
        token,
        certificateRequest,
        sealingKey,
        agentVersion,
        facts,
        capabilities,
        requestedLabels,
        remoteAddress,
        requestId,
      });
      return {
        hostId: enrolled.hostId,
        organizationId: enrolled.organizationId,
        certificateChain: enrolled.certificateChainPem,
        trustedRoots: enrolled.rootsPem,
        awaitingApproval: enrolled.awaitingApproval,
        hostName: enrolled.hostName,
      };
    },
    renew: async (request, context) => {
      const host = await identities.identify(context.peerCertificate, { allowExpired: true });
      const renewed = await enrollment.renew(host.spkiSha256, request.certificateRequest);
      return { certificateChain: renewed.certificateChainPem, trustedRoots: renewed.rootsPem };
    },
    connect: (frames, context) => parts.connect(frames, context),
    fetchBody: async function* (request, context): AsyncGenerator<BodyChunk> {
      const host = await admitted(context.peerCertificate);
      const { organizationId, hostId } = host;
      const body = await readBody({ organizationId, hostId, digest: request.digest });
      if (body === undefined) throw new ProblemError({ code: agentsErrors.WF_BODY_NOT_DESIRED });
      for (let start = Number(request.offset); start < body.length; start += CHUNK_BYTES) {
        yield { content: body.subarray(start, start + CHUNK_BYTES) };
        // The transport asks for the next chunk when the host has made room for it.
        parts.heard(hostId);
      }
    },
    fetchSecrets: async (request, context) => {
      const { organizationId, hostId, sealingKey } = await admitted(context.peerCertificate);
      const { stackId, revision } = request;
      const values = await database.inOrganization(
        organizationId,
        (tx) => desired.secretsFor(tx, hostId, stackId, revision),
        {
          readOnly: true,
        },
      );
      if (values === undefined) throw new ProblemError({ code: agentsErrors.WF_REVISION_NOT_DESIRED });
      if (values.length === 0) return { sealed: undefined };
      const plaintext = SecretValues.encode({ values }).finish();
      const randomness = sealRandomness(parts.random(SEAL_RANDOMNESS_BYTES));
      return { sealed: seal(sealingKey, plaintext, secretsContext(stackId, revision), randomness) };
    },
    fetchFile: async function* (request, context): AsyncGenerator<BodyChunk> {
      const { organizationId, hostId } = await admitted(context.peerCertificate);
      const { digest, buildId, offset } = request;
      const file = await database.inOrganization(
        organizationId,
        (tx) => desired.fileFor(tx, hostId, { digest, buildId }),
        { readOnly: true },
      );
      if (file === undefined) throw new ProblemError({ code: agentsErrors.WF_FILE_NOT_DESIRED });
      for await (const content of file.readFrom(Number(offset))) {
        yield { content };
        parts.heard(hostId);
      }
    },
    fetchImage: async (request, context) => {
      const { organizationId, hostId, spkiSha256 } = await admitted(context.peerCertificate);
      return desired.imageFor({ organizationId, hostId, keySha256: spkiSha256 }, request);
    },
    fetchRelease: async function* (request, context): AsyncGenerator<BodyChunk> {
      const { organizationId, hostId } = await admitted(context.peerCertificate);
      const { releaseId, name, offset } = request;
      const reader = { organizationId, hostId, signal: context.signal };
      const wanted = { releaseId, name, offset: Number(offset) };
      const read = await database.inOrganization(organizationId, (tx) => releases.open(tx, reader, wanted), {
        readOnly: true,
      });
      if (read === undefined) throw new ProblemError({ code: agentsErrors.WF_RELEASE_NOT_DESIRED });
      for await (const content of read) {
        yield { content };
        parts.heard(hostId);
      }
    },
    fetchRegistryAuth: async (request, context) => {
      const { organizationId, hostId, sealingKey } = await admitted(context.peerCertificate);
      const registries = await database.inOrganization(
        organizationId,
        (tx) => desired.registryAuthFor(tx, hostId, request),
        { readOnly: true },
      );
      if (registries.length === 0) return { sealed: undefined };
      const plaintext = RegistryAuths.encode({ registries }).finish();
      const randomness = sealRandomness(parts.random(SEAL_RANDOMNESS_BYTES));
      return { sealed: seal(sealingKey, plaintext, registryAuthContext(hostId), randomness) };
    },
    openStream: async function* (up, context) {
      const host = await admitted(context.peerCertificate);
      yield* parts.streams.serve(host, hearing(up, host.hostId), context.signal);
    },
  };
}
