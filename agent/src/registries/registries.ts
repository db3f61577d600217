import { DOCKER_HUB, registryOf } from "@windflow/core";
import type { RegistryAuth, SealedBox } from "@windflow/proto/agent";
import { type Log, reasonOf } from "../platform/log.ts";
import type { RegistryCredentials } from "../reconcile/engine.ts";
import { openCredentialFiles, openCredentials } from "./credential-files.ts";

/** How engines name Docker Hub when they sign in. */
const HUB_SERVER_ADDRESS = "https://index.docker.io/v1/";

/** Where credentials come from while there is a session. */
export interface CredentialSource {
  /** undefined when there are none for any of them. */
  fetch(request: { readonly registries: string[]; readonly buildId: string }): Promise<SealedBox | undefined>;
}

/** The credentials that this host pulls with. Every pull goes through here. */
export interface Registries {
  /**
   * For the registry of the image: asked afresh where there is a control plane, else as last heard. undefined when there are none.
   * Never rejects: a pull without credentials has a better answer than one that was not tried.
   */
  authFor(imageReference: string, build?: { readonly buildId: string }): Promise<RegistryCredentials | undefined>;
  /** For all the registries of the images of a build, each once. */
  authForAll(
    imageReferences: readonly string[],
    build: { readonly buildId: string },
  ): Promise<readonly RegistryCredentials[]>;
  /** What came with a request, for this host: registry address → credentials. @throws SealError */
  open(box: SealedBox): ReadonlyMap<string, RegistryCredentials>;
  /** The session to ask from now on; undefined while there is none. */
  attach(source: CredentialSource | undefined): void;
  /** Forgets those that no image of these comes from. */
  keepFor(imageReferences: readonly string[]): void;
}

export function createRegistries(parts: {
  readonly folder: string;
  readonly hostId: string;
  readonly sealingPrivateKey: Uint8Array;
  readonly log: Log;
}): Registries {
  const { log } = parts;
  const files = openCredentialFiles(parts.folder);
  const asking = new Map<string, Promise<RegistryCredentials | undefined>>();
  let source: CredentialSource | undefined;

  const opened = (address: string, box: SealedBox): RegistryCredentials | undefined => {
    const found = openCredentials(parts, box).find((auth) => auth.address === address);
    return found && credentialsOf(found);
  };
  const lastHeard = (address: string): RegistryCredentials | undefined => {
    try {
      const box = files.read(address);
      return box && opened(address, box);
    } catch (error) {
      log("warn", "Stored credentials of a registry cannot be opened.", { address, reason: reasonOf(error) });
      files.remove(address);
      return undefined;
    }
  };
  const ask = async (address: string): Promise<RegistryCredentials | undefined> => {
    if (source === undefined) return lastHeard(address);
    try {
      const box = await source.fetch({ registries: [address], buildId: "" });
      const credentials = box && opened(address, box);
      if (box === undefined || credentials === undefined) files.remove(address);
      else files.store(address, box);
      return credentials;
    } catch (error) {
      const reason = reasonOf(error);
      log("warn", "Credentials of a registry could not be asked for; those last heard are used.", { address, reason });
      return lastHeard(address);
    }
  };
  // What a build needs is of that moment, and there is no build without a control plane.
  const askForBuild = async (addresses: readonly string[], buildId: string): Promise<RegistryCredentials[]> => {
    try {
      const box = await source?.fetch({ registries: [...addresses], buildId });
      return box === undefined ? [] : openCredentials(parts, box).map(credentialsOf);
    } catch (error) {
      log("warn", "Credentials of a build could not be asked for.", { buildId, reason: reasonOf(error) });
      return [];
    }
  };
  const once = (address: string): Promise<RegistryCredentials | undefined> => {
    const running = asking.get(address) ?? ask(address).finally(() => asking.delete(address));
    asking.set(address, running);
    return running;
  };

  return {
    authFor: async (reference, build) => {
      const address = registryOf(reference);
      if (build === undefined) return once(address);
      return (await askForBuild([address], build.buildId))[0];
    },
    authForAll: (references, { buildId }) => askForBuild([...new Set(references.map(registryOf))], buildId),
    open: (box) => new Map(openCredentials(parts, box).map((auth) => [auth.address, credentialsOf(auth)])),
    attach: (next) => {
      source = next;
    },
    keepFor: (references) => files.keepOnly(new Set(references.map(registryOf))),
  };
}

function credentialsOf({ address, username, password }: RegistryAuth): RegistryCredentials {
  return { username, password, serverAddress: address === DOCKER_HUB ? HUB_SERVER_ADDRESS : address };
}
