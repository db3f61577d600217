import type { FileStore, OpenedFile } from "../files/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import { revisionFiles } from "../stacks/index.ts";
import { readDesired } from "./store-desired.ts";

/** True when the build is under way on that host and needs the file. */
export type BuildFiles = (tx: UnitOfWork, hostId: string, buildId: string, digest: string) => Promise<boolean>;

/** A file that a body of the host's own desired state names, or a build on it; undefined for every other. */
export async function fileFor(
  tx: UnitOfWork,
  parts: {
    readonly files: FileStore;
    readonly buildFiles: BuildFiles | undefined;
    /** Holders of the layers of images that the host's desired state names. */
    readonly imageHolders: (tx: UnitOfWork, hostId: string) => Promise<readonly string[]>;
  },
  wanted: { readonly hostId: string; readonly digest: string; readonly buildId: string },
): Promise<OpenedFile | undefined> {
  const { hostId, digest, buildId } = wanted;
  const may =
    buildId === ""
      ? (await isDesired(tx, parts.files, hostId, digest)) ||
        (await parts.files.isHeld(tx, await parts.imageHolders(tx, hostId), digest))
      : await parts.buildFiles?.(tx, hostId, buildId, digest);
  return may === true ? parts.files.open(tx, digest) : undefined;
}

async function isDesired(tx: UnitOfWork, files: FileStore, hostId: string, digest: string): Promise<boolean> {
  const desired = await readDesired(tx, hostId);
  if (desired === undefined) return false;
  const holders = desired.stacks.map(({ stackId, revision }) => revisionFiles(stackId, revision).id);
  return files.isHeld(tx, holders, digest);
}
