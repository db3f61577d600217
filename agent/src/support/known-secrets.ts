import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type DesiredStack, secretReferences } from "@windflow/core";
import { SealedBox } from "@windflow/proto/agent";
import type { AgentConfig } from "../config.ts";
import type { HostKeys } from "../enroll/host-keys.ts";
import { readIfThere } from "../platform/durable-file.ts";
import { openCredentials } from "../registries/credential-files.ts";
import { openSecretFiles } from "../state/secret-files.ts";

/** Every text of this host that must not leave it: found where it is kept, so that it is known wherever it turns up. */
export function knownSecrets(
  { stateDir }: Pick<AgentConfig, "stateDir">,
  parts: {
    readonly hostId: string;
    readonly keys: Pick<HostKeys, "hostKeyPem" | "sealingPrivateKey">;
    readonly stacks: readonly DesiredStack[];
    readonly environment: NodeJS.ProcessEnv;
  },
): Set<string> {
  const { sealingPrivateKey } = parts.keys;
  const secrets = openSecretFiles(join(stateDir, "desired/secrets"), sealingPrivateKey);
  const ofStacks = parts.stacks.flatMap((stack) => [
    ...valuesOf(stack),
    ...secretReferences(stack.model).flatMap(({ name, version }) =>
      quietly(() => [secrets.text(stack, `${name}@${version}`) ?? ""]),
    ),
  ]);
  const registries = quietly(() => readdirSync(join(stateDir, "registries"))).flatMap((name) =>
    quietly(() => {
      const bytes = readIfThere(join(stateDir, "registries", name));
      if (bytes === undefined) return [];
      return openCredentials({ hostId: parts.hostId, sealingPrivateKey }, SealedBox.decode(bytes));
    }).flatMap(({ username, password }) => [password, Buffer.from(`${username}:${password}`).toString("base64")]),
  );
  const proxies = Object.entries(parts.environment)
    .filter(([name]) => name.toLowerCase().endsWith("_proxy"))
    .flatMap(([, value = ""]) => (URL.canParse(value) ? [decodeURIComponent(new URL(value).password)] : []));
  return new Set([parts.keys.hostKeyPem, ...ofStacks, ...registries, ...proxies]);
}

/** Values of environments and labels, and what commands are given: people put passwords there. */
function valuesOf({ model }: DesiredStack): string[] {
  return Object.values(model.services).flatMap((service) => {
    const { environment, labels, command, entrypoint, healthcheck } = service;
    return [environment, labels, command, entrypoint, healthcheck].flatMap(textsBelow);
  });
}

function textsBelow(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsBelow);
}

// What cannot be opened cannot have been repeated either.
function quietly<T>(read: () => T[]): T[] {
  try {
    return read();
  } catch {
    return [];
  }
}
