import { registryOf } from "@windflow/core";
import type { FileStore } from "../files/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import { ANY_IMAGE, buildHolder, type Build } from "./model.ts";
import { readBuild } from "./store.ts";

/** What a host may have for a build that runs on it. */
export interface BuildsOnHosts {
  /** Whether the build runs on the host and takes the file. */
  mayFetch(tx: UnitOfWork, hostId: string, buildId: string, digest: string): Promise<boolean>;
  /** Registries that its images come from; "any" when its Dockerfile does not say, none unless it runs on the host. */
  registriesFor(tx: UnitOfWork, hostId: string, buildId: string): Promise<ReadonlySet<string> | "any">;
}

export function createBuildsOnHosts({ files }: { readonly files: FileStore }): BuildsOnHosts {
  async function running(tx: UnitOfWork, hostId: string, buildId: string): Promise<Build | undefined> {
    const build = buildId === "" ? undefined : await readBuild(tx, buildId, "look");
    return build?.hostId === hostId && build.state === "running" ? build : undefined;
  }
  return {
    mayFetch: async (tx, hostId, buildId, digest) => {
      if ((await running(tx, hostId, buildId)) === undefined) return false;
      return files.isHeld(tx, [buildHolder(buildId)], digest);
    },
    registriesFor: async (tx, hostId, buildId) => {
      const build = await running(tx, hostId, buildId);
      if (build === undefined) return new Set();
      return build.baseImages.includes(ANY_IMAGE) ? "any" : new Set(build.baseImages.map(registryOf));
    },
  };
}
