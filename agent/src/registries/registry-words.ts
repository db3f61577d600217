import { DOCKER_HUB, repositoryOf } from "@windflow/core";
import type { EngineError } from "../reconcile/engine.ts";
import { RegistryError } from "./engine.ts";

/** What an engine was doing when a registry stood in its way. */
export interface RegistryAct {
  /** Absent for a mere sign-in. */
  readonly reference?: string;
  readonly address: string;
  readonly signedIn: boolean;
}

const WHERE = "under Registries in WindFlow";

interface Reading {
  readonly words: RegExp;
  readonly code: RegistryError["code"];
  readonly sentence: (act: RegistryAct, engineWords: string) => string;
}

/** In this order: an answer that says two things means the first. */
const READINGS: readonly Reading[] = [
  {
    words: /server gave HTTP response to HTTPS client/i,
    code: "WF_REGISTRY_UNREACHABLE",
    sentence: ({ address }) =>
      `registry ${address} speaks HTTP without TLS, which the engine does not allow: give it a certificate, or name it in "insecure-registries" of the host's engine`,
  },
  {
    words: /certificate signed by unknown authority|failed to verify certificate: x509: certificate is not trusted/i,
    code: "WF_REGISTRY_UNREACHABLE",
    sentence: ({ address }) =>
      `this host's engine does not trust the certificate of registry ${address} (unknown authority): put its CA into /etc/docker/certs.d/${address}/ca.crt on the host`,
  },
  {
    words: /x509:|tls: |certificate/i,
    code: "WF_REGISTRY_UNREACHABLE",
    sentence: ({ address }, said) =>
      `the TLS of registry ${address} is not in order (${said}): correct its certificate`,
  },
  {
    words: /no matching manifest|does not match the specified platform|image operating system .* cannot be used/i,
    code: "WF_IMAGE_NOT_FOUND",
    sentence: ({ address, reference }, said) =>
      `registry ${address} has ${reference ?? "the image"}, but not for this host's platform (${said}): push it for this platform, or place the stack elsewhere`,
  },
  {
    words:
      /dial tcp|lookup |no such host|i\/o timeout|connection re(?:fused|set)|network is unreachable|no route to host|Client\.Timeout|deadline exceeded|context canceled|handshake timeout|\bEOF\b/i,
    code: "WF_REGISTRY_UNREACHABLE",
    sentence: ({ address }, said) =>
      `registry ${address} cannot be reached from this host (${said}): check its address, and the host's network and DNS`,
  },
  {
    words: /toomanyrequests|rate limit|\b429\b/i,
    code: "WF_REGISTRY_UNAUTHORIZED",
    sentence: ({ address, signedIn }) =>
      signedIn
        ? `registry ${address} has reached the limit of pulls of the stored account: wait, or store another ${WHERE}`
        : `registry ${address} limits pulls without credentials, and this host has reached the limit: add some ${WHERE}, or wait`,
  },
  {
    words: /repository does not exist or may require|requested access to the resource is denied|pull access denied/i,
    code: "WF_REGISTRY_UNAUTHORIZED",
    sentence: denied,
  },
  {
    words:
      /unauthorized|authentication required|no basic auth credentials|incorrect username or password|\b40[13]\b|denied|forbidden/i,
    code: "WF_REGISTRY_UNAUTHORIZED",
    sentence: ({ address, reference, signedIn }) => {
      const what = reference === undefined ? "" : ` for ${reference}`;
      return signedIn
        ? `registry ${address} answers "unauthorized" to the stored username and password${what}: correct them ${WHERE}`
        : `registry ${address} answers "unauthorized"${what}: it wants credentials and there are none; add them ${WHERE}`;
    },
  },
  {
    words: /manifest unknown|not found|name unknown|repository name not known|\b404\b/i,
    code: "WF_IMAGE_NOT_FOUND",
    sentence: ({ address, reference }) => {
      if (reference === undefined) return `there is no registry at ${address}: correct the address ${WHERE}`;
      return reference.includes("@")
        ? `registry ${address} has ${reference} no longer, which this revision is pinned to: create a new revision, or push the image again`
        : `registry ${address} has no image ${reference}: correct its name or tag, or push it`;
    },
  },
];

/** What an engine said of a registry as one sentence with what to do; what is about something else stays as it is. */
export function registryError(error: EngineError, act: RegistryAct): EngineError {
  if (error.unreachable || error instanceof RegistryError) return error;
  const said = withoutNames(error.message, act);
  const reading = READINGS.find(({ words }) => words.test(said));
  if (reading === undefined) return error;
  return new RegistryError(reading.code, reading.sentence(act, shortened(error.message)), error.status);
}

/** A registry that did not answer in time. */
export function registryTimeout(address: string, seconds: number): RegistryError {
  const sentence = `registry ${address} did not answer within ${seconds} s: check its address, and the host's network and DNS`;
  return new RegistryError("WF_REGISTRY_UNREACHABLE", sentence, 504);
}

// An image may be called "certificates", and a registry listen on port 401.
function withoutNames(message: string, { address, reference }: RegistryAct): string {
  const names = reference === undefined ? [address] : [reference, repositoryOf(reference), address];
  return names.reduce((text, name) => text.replaceAll(name, ""), message.replaceAll(/https?:\/\/[^\s"]+/g, ""));
}

// A registry that must not say whether a private repository exists says this of both.
function denied({ address, reference = "the image", signedIn }: RegistryAct): string {
  const shown = address === DOCKER_HUB ? "Docker Hub (docker.io)" : `registry ${address}`;
  return signedIn
    ? `${shown} denies access to ${reference} with the stored username and password: correct its name, or store credentials that may read it ${WHERE}`
    : `${shown} denies access to ${reference} without credentials: correct its name, or, if it is private, add credentials ${WHERE}`;
}

// The engine wraps the cause into what it was doing, from the outside in.
function shortened(message: string): string {
  return (
    message
      .replace(/^.*?(?:Get|Head|Post) "[^"]*": /s, "")
      .replace(/read udp \S+: /, "")
      .trim() || message
  );
}
