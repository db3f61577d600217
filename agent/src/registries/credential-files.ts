import { readdirSync } from "node:fs";
import { join } from "node:path";
import { open, registryAuthContext, sha256Hex } from "@windflow/core";
import { RegistryAuths, type RegistryAuth, SealedBox } from "@windflow/proto/agent";
import { makePrivateFolder, readIfThere, removeIfThere, writeDurably } from "../platform/durable-file.ts";

/** Opens what the control plane sealed to this host. @throws SealError when it is for another host or purpose. */
export function openCredentials(
  host: { readonly hostId: string; readonly sealingPrivateKey: Uint8Array },
  box: SealedBox,
): RegistryAuth[] {
  return RegistryAuths.decode(open(host.sealingPrivateKey, box, registryAuthContext(host.hostId))).registries;
}

/** Credentials of registries on disk, as they came: sealed. One file a registry, so that pulls work without the control plane. */
export interface CredentialFiles {
  read(address: string): SealedBox | undefined;
  store(address: string, box: SealedBox): void;
  remove(address: string): void;
  keepOnly(addresses: ReadonlySet<string>): void;
}

export function openCredentialFiles(folder: string): CredentialFiles {
  makePrivateFolder(folder);
  // An address may hold characters that no file name has.
  const pathOf = (address: string): string => join(folder, sha256Hex(address));
  return {
    read: (address) => {
      const bytes = readIfThere(pathOf(address));
      return bytes === undefined ? undefined : SealedBox.decode(bytes);
    },
    store: (address, box) => writeDurably(pathOf(address), SealedBox.encode(box).finish()),
    remove: (address) => removeIfThere(pathOf(address)),
    keepOnly: (addresses) => {
      const names = new Set([...addresses].map((address) => sha256Hex(address)));
      for (const name of readdirSync(folder)) if (!names.has(name)) removeIfThere(join(folder, name));
    },
  };
}
