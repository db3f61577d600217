import { type ChannelOptions, type ClientReadableStream, type ServiceError, Metadata } from "@grpc/grpc-js";
import {
  type AgentServiceClient,
  type BodyChunk,
  type EnrollRequest,
  type EnrollResponse,
  type FetchImageRequest,
  type FetchImageResponse,
  type FetchRegistryAuthRequest,
  type FetchRegistryAuthResponse,
  type FetchSecretsRequest,
  type FetchSecretsResponse,
  type RenewRequest,
  type RenewResponse,
} from "@windflow/proto/agent";
import { openShapedClient } from "../link/shaped-client.ts";
import { type Shaper, createShaper } from "../link/shaper.ts";
import { systemClock } from "../platform/clock.ts";
import { type ServerAddress, channelTarget } from "./server-address.ts";
import { TlsCredentials, type TlsOptions } from "./tls-credentials.ts";

/** Frames are small; bodies and layers come in chunks. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Every unary call ends: long enough for a slow link, short enough to be tried again. */
const CALL_DEADLINE_MS = 30_000;
/** A file of which nothing came for this long does not come over this link any more. */
const FILE_SILENCE_MS = 60_000;
/** A pull waits for it, and goes on with what was heard last. */
const REGISTRY_AUTH_DEADLINE_MS = 5_000;

// No pings of HTTP/2: a session says something each 15 s at most, or each 4 minutes where the link is metered, and ends itself when
// nothing is heard; pings beside it were a megabyte a day. Every other call has a deadline, or gives up after a silence.
const CHANNEL_OPTIONS: ChannelOptions = {
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  "grpc.enable_channelz": 0,
  "grpc.enable_retries": 0,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.service_config_disable_resolution": 1,
};

/** Of each client, so that a transfer knows whether it is the limit that is silent. */
const shapers = new WeakMap<AgentServiceClient, Shaper>();

/** One connection to the control plane: the session and all that rides on it. Made anew for each attempt, so that the agent's own backoff rules. */
export interface Channel {
  readonly client: AgentServiceClient;
  close(): void;
}

/** How a connection treats what it carries. */
export interface ChannelLink {
  readonly shaper: Shaper;
}

/** @param link absent: nothing is limited, and nobody asks what was used (enrolment). */
export function openChannel(address: ServerAddress, credentials: TlsCredentials, link?: ChannelLink): Channel {
  const shaper = link?.shaper ?? createShaper(systemClock);
  const client = openShapedClient(channelTarget(address), credentials, { shaper, options: CHANNEL_OPTIONS });
  shapers.set(client, shaper);
  return {
    client,
    close: () => {
      client.close();
      credentials.release();
    },
  };
}

export function createTlsCredentials(options: TlsOptions): TlsCredentials {
  return new TlsCredentials(options);
}

export const enroll = (client: AgentServiceClient, request: EnrollRequest): Promise<EnrollResponse> =>
  unary((callback) => client.enroll(request, new Metadata(), deadline(), callback));

export const renew = (client: AgentServiceClient, request: RenewRequest): Promise<RenewResponse> =>
  unary((callback) => client.renew(request, new Metadata(), deadline(), callback));

export const fetchSecrets = (client: AgentServiceClient, request: FetchSecretsRequest): Promise<FetchSecretsResponse> =>
  unary((callback) => client.fetchSecrets(request, new Metadata(), deadline(), callback));

export const fetchRegistryAuth = (
  client: AgentServiceClient,
  request: FetchRegistryAuthRequest,
): Promise<FetchRegistryAuthResponse> =>
  unary((callback) => client.fetchRegistryAuth(request, new Metadata(), registryDeadline(), callback));

export const fetchImage = (client: AgentServiceClient, request: FetchImageRequest): Promise<FetchImageResponse> =>
  unary((callback) => client.fetchImage(request, new Metadata(), deadline(), callback));

/** The bytes of a body of the desired state from an offset on, as {@link fetchFile}. */
export function fetchBody(
  client: AgentServiceClient,
  wanted: { readonly digest: string; readonly offset: number },
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { digest, offset } = wanted;
  return chunks(client, () => client.fetchBody({ digest, offset: BigInt(offset) }, new Metadata()), signal);
}

/**
 * The bytes of a stored file from an offset on, in pieces, as fast as they are taken. What came before a failure was right.
 * @param signal aborts the call.
 */
export function fetchFile(
  client: AgentServiceClient,
  wanted: { readonly digest: string; readonly offset: number; readonly buildId?: string },
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { digest, offset, buildId = "" } = wanted;
  return chunks(client, () => client.fetchFile({ digest, offset: BigInt(offset), buildId }, new Metadata()), signal);
}

/** The bytes of a file of the release that the agent is to become, from an offset on, as {@link fetchFile}. */
export function fetchRelease(
  client: AgentServiceClient,
  wanted: { readonly name: string; readonly offset: number; readonly releaseId: string },
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { name, offset, releaseId } = wanted;
  return chunks(client, () => client.fetchRelease({ name, offset: BigInt(offset), releaseId }, new Metadata()), signal);
}

/** No deadline over all of it: a large file on a slow link takes hours, and is to arrive nevertheless. */
async function* chunks(
  client: AgentServiceClient,
  start: () => ClientReadableStream<BodyChunk>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const shaper = shapers.get(client);
  // Before anything is asked for: a class that is stopped holds no stream open.
  await shaper?.wait("layers", "received", signal);
  const call = start();
  const cancel = (): void => call.cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  if (signal?.aborted === true) cancel();
  const silent = (): void => {
    // It is our own limit that is silent.
    if (shaper?.isReady("layers", "received") === false) silence = setTimeout(silent, FILE_SILENCE_MS);
    else cancel();
  };
  let silence = setTimeout(silent, FILE_SILENCE_MS);
  try {
    for await (const chunk of call) {
      clearTimeout(silence);
      yield (chunk as BodyChunk).content;
      silence = setTimeout(silent, FILE_SILENCE_MS);
    }
  } finally {
    clearTimeout(silence);
    signal?.removeEventListener("abort", cancel);
    cancel();
  }
}

const registryDeadline = (): { deadline: number } => ({ deadline: Date.now() + REGISTRY_AUTH_DEADLINE_MS });
const deadline = (): { deadline: number } => ({ deadline: Date.now() + CALL_DEADLINE_MS });

function unary<Reply>(
  start: (callback: (error: ServiceError | null, reply: Reply) => void) => unknown,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    start((error, reply) => (error === null ? resolve(reply) : reject(error)));
  });
}
