import { randomBytes } from "node:crypto";
import { registryAuthContext, seal, sealRandomness, SEAL_RANDOMNESS_BYTES } from "@windflow/core";
import { RegistryAuths, SealedBox } from "@windflow/proto/agent";
import type { RegistryCredential } from "../registries/index.ts";

/** Credentials as a frame carries them to a host: readable by that host alone. Empty when there are none. */
export function sealedCredentials(
  host: { readonly hostId: string; readonly sealingKey: Uint8Array },
  credentials: readonly RegistryCredential[],
): Uint8Array {
  if (credentials.length === 0) return new Uint8Array();
  const plaintext = RegistryAuths.encode({ registries: [...credentials] }).finish();
  const randomness = sealRandomness(randomBytes(SEAL_RANDOMNESS_BYTES));
  return SealedBox.encode(seal(host.sealingKey, plaintext, registryAuthContext(host.hostId), randomness)).finish();
}
