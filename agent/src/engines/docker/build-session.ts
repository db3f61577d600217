import type { Duplex } from "node:stream";
import { Server, ServerCredentials, type ServiceDefinition } from "@grpc/grpc-js";
import type Docker from "dockerode";
import type { RegistryCredentials } from "../../reconcile/engine.ts";
import { dialStream } from "./build-dial.ts";

// Names by which the Docker Hub asks for its own credentials.
const HUB_NAMES: ReadonlySet<string> = new Set([
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
  "https://index.docker.io/v1/",
]);

/** What BuildKit may ask of whoever started a build: credentials, while the session is open. */
export interface BuildSession {
  readonly id: string;
  close(): void;
}

/**
 * Opens the session that a build with BuildKit belongs to. dockerode has one, for a single credential and with a .proto file that it reads
 * from its own folder, which the released agent does not have.
 */
export async function openBuildSession(
  docker: Docker,
  id: string,
  credentials: readonly RegistryCredentials[],
): Promise<BuildSession> {
  const socket = await dialStream<Duplex>(docker, {
    method: "POST",
    path: "/session",
    hijack: true,
    headers: {
      Upgrade: "h2c",
      "X-Docker-Expose-Session-Uuid": id,
      "X-Docker-Expose-Session-Name": "windflow",
      "X-Docker-Expose-Session-Grpc-Method": authService["credentials"]?.path ?? "",
    },
  });
  const server = new Server();
  server.addService(authService, {
    credentials: (call: { request: string }, callback: (error: null, answer: Answer) => void) =>
      callback(null, answerFor(call.request, credentials)),
  });
  server.addService(healthService, {
    check: (_call: unknown, callback: (error: null, answer: null) => void) => callback(null, null),
  });
  // The engine is the client, on the connection that we opened.
  server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(socket);
  return {
    id,
    close: () => {
      server.forceShutdown();
      socket.destroy();
    },
  };
}

interface Answer {
  readonly username: string;
  readonly password: string;
}

function answerFor(host: string, credentials: readonly RegistryCredentials[]): Answer {
  const found = credentials.find(
    ({ serverAddress }) => serverAddress === host || (HUB_NAMES.has(serverAddress) && HUB_NAMES.has(host)),
  );
  return { username: found?.username ?? "", password: found?.password ?? "" };
}

// CredentialsRequest { string Host = 1; } and CredentialsResponse { string Username = 1; string Secret = 2; }
const authService: ServiceDefinition = {
  credentials: {
    path: "/moby.filesync.v1.Auth/Credentials",
    requestStream: false,
    responseStream: false,
    requestDeserialize: (bytes: Buffer): string => firstText(bytes),
    requestSerialize: (host: string) => text(1, host),
    responseSerialize: ({ username, password }: Answer) => Buffer.concat([text(1, username), text(2, password)]),
    responseDeserialize: () => ({ username: "", password: "" }),
  },
};
// BuildKit drops a session that does not say that it lives. HealthCheckResponse { status = SERVING }
const SERVING = Buffer.from([0x08, 0x01]);
const healthService: ServiceDefinition = {
  check: {
    path: "/grpc.health.v1.Health/Check",
    requestStream: false,
    responseStream: false,
    requestDeserialize: () => null,
    requestSerialize: () => Buffer.alloc(0),
    responseSerialize: () => SERVING,
    responseDeserialize: () => null,
  },
};

const LENGTH_DELIMITED = 2;

function text(field: number, value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  if (bytes.length === 0) return Buffer.alloc(0);
  const length: number[] = [];
  for (let rest = bytes.length; ; rest = Math.floor(rest / 128)) {
    length.push((rest % 128) + (rest >= 128 ? 128 : 0));
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from([field * 8 + LENGTH_DELIMITED, ...length]), bytes]);
}

// A registry's address is short: its length is one byte.
function firstText(bytes: Buffer): string {
  return bytes.length < 2 ? "" : bytes.subarray(2, 2 + (bytes[1] ?? 0)).toString("utf8");
}
