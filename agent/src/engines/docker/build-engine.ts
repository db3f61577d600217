import type { BuildsEngine } from "../builds-engine.ts";
import { build } from "./build.ts";
import { engineError, statusOf, type Connection } from "./connection.ts";
import { load } from "./load.ts";
import { save } from "./save.ts";

const NOT_FOUND = 404;

/** Builds and layers on the engine that `call` reaches. */
export function buildsEngine(call: <T>(act: (connection: Connection) => Promise<T>) => Promise<T>): BuildsEngine {
  const imageLayers: BuildsEngine["imageLayers"] = (reference) =>
    call(async ({ docker }) => {
      const image = await docker.getImage(reference).inspect();
      return { id: image.Id, digests: image.RepoDigests ?? [], layers: image.RootFS.Layers ?? [] };
    }).catch((error: unknown) => {
      const failure = engineError(error);
      if (statusOf(failure) !== NOT_FOUND) throw failure;
      return undefined;
    });
  return {
    buildImage: (request, onLine) => call(({ docker }) => build(docker, request, onLine)),
    saveImage: (reference, signal) => call(({ docker }) => save(docker, reference, signal)),
    loadImage: (archive, signal) => call(({ docker }) => load(docker, archive, signal)),
    imageLayers,
    allLayers: async () => {
      const images = await call(({ docker }) => docker.listImages());
      const chains: (readonly string[])[] = [];
      for (const { Id } of images) chains.push((await imageLayers(Id))?.layers ?? []);
      return chains;
    },
    imageFolder: () =>
      call(async ({ docker }) => {
        const { DockerRootDir } = (await docker.info()) as { DockerRootDir?: string };
        return DockerRootDir ?? "/var/lib/docker";
      }),
  };
}
