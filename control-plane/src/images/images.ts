import { ticketSigner, type TicketSigner } from "@windflow/core";
import type { FileStore } from "../files/index.ts";
import type { Platform, UnitOfWork } from "../platform/index.ts";
import type { Vault } from "../secrets/index.ts";
import { createFetching } from "./fetching.ts";
import type { RegistryTrust } from "./registry-http.ts";
import { createImagesService, type ImagesService } from "./service.ts";

/** How the control plane fetches images for hosts whose engines cannot pull them. */
export interface ImageSettings extends RegistryTrust {
  /** Room for the images of one organization. */
  readonly cacheBytes: number;
  /** Where the database has its files, if it is on this machine: its disk is looked at before something large is fetched. */
  readonly databaseFolder?: string;
}

export const DEFAULT_IMAGES: ImageSettings = { insecure: [], cacheBytes: 10 * 1024 * 1024 * 1024 };

export interface Images extends ImagesService {
  /** Signs what a host of the organization shows to others of its site. */
  signerOf(organizationId: string): TicketSigner;
}

export function createImages(parts: {
  readonly platform: Pick<Platform, "database" | "clock" | "jobs" | "log">;
  readonly vault: Vault;
  readonly files: FileStore;
  readonly settings: ImageSettings;
  /** Of the installation; what tickets for layers are signed with follows from it. */
  readonly secret: Uint8Array;
  /** Digests that some desired state of the organization names. */
  readonly namedDigests: (tx: UnitOfWork) => Promise<ReadonlySet<string>>;
}): Images {
  const { platform, vault, files, settings } = parts;
  const { database, clock, jobs, log } = platform;
  const limitBytes = settings.cacheBytes;
  const signers = new Map<string, TicketSigner>();
  const signerOf = (organizationId: string): TicketSigner => {
    const signer = signers.get(organizationId) ?? ticketSigner(parts.secret, organizationId);
    signers.set(organizationId, signer);
    return signer;
  };
  const { namedDigests } = parts;
  const fetching = createFetching({
    database,
    clock,
    jobs,
    log,
    vault,
    files,
    trust: settings,
    limitBytes,
    databaseFolder: settings.databaseFolder,
    namedDigests,
  });
  return { ...createImagesService({ database, clock, fetching, limitBytes, signerOf }), signerOf };
}
