import { readdirSync } from "node:fs";
import { join } from "node:path";
import { open, secretsContext, sha256Hex } from "@windflow/core";
import { SealedBox, SecretValues } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";
import { makePrivateFolder, readIfThere, removeIfThere, writeDurably } from "../platform/durable-file.ts";

export interface RevisionKey {
  readonly stackId: string;
  readonly revision: number;
}

/** Secrets of revisions, on disk as they came: sealed. They are opened for the moment in which a container is made. */
export interface SecretFiles {
  has(key: RevisionKey): boolean;
  /** @throws AgentError WF_SECRETS_UNAVAILABLE when the box is not for this host and revision. */
  store(key: RevisionKey, box: SealedBox): void;
  /** @param reference `NAME@VERSION`. @returns undefined when the revision has no such secret. @throws AgentError WF_SECRETS_UNAVAILABLE */
  text(key: RevisionKey, reference: string): string | undefined;
  keepOnly(keys: readonly RevisionKey[]): void;
}

export function openSecretFiles(folder: string, sealingPrivateKey: Uint8Array): SecretFiles {
  makePrivateFolder(folder);
  // Ids come from outside; a digest is a safe file name whatever they hold.
  const nameOf = (key: RevisionKey): string => sha256Hex(secretsContext(key.stackId, key.revision));
  const unseal = (key: RevisionKey, box: SealedBox): SecretValues => {
    try {
      return SecretValues.decode(open(sealingPrivateKey, box, secretsContext(key.stackId, key.revision)));
    } catch (cause) {
      throw new AgentError(
        "WF_SECRETS_UNAVAILABLE",
        `The secrets of ${key.stackId} revision ${key.revision} cannot be opened on this host. They are fetched again with the next connection.`,
        { cause },
      );
    }
  };
  return {
    has: (key) => readIfThere(join(folder, nameOf(key))) !== undefined,
    store: (key, box) => {
      unseal(key, box);
      writeDurably(join(folder, nameOf(key)), SealedBox.encode(box).finish());
    },
    text: (key, reference) => {
      const bytes = readIfThere(join(folder, nameOf(key)));
      if (bytes === undefined) return undefined;
      return unseal(key, SealedBox.decode(bytes)).values.find((secret) => secret.reference === reference)?.value;
    },
    keepOnly: (keys) => {
      const names = new Set(keys.map(nameOf));
      for (const name of readdirSync(folder)) if (!names.has(name)) removeIfThere(join(folder, name));
    },
  };
}
