import { Readable } from "node:stream";
import type Docker from "dockerode";
import type { ContainerFile } from "../../reconcile/engine.ts";
import { tarOf } from "./tar.ts";

/** Puts files into a container without holding the archive in memory. */
export async function putFiles(container: Docker.Container, files: readonly ContainerFile[]): Promise<void> {
  const aborter = new AbortController();
  const archive = Readable.from(tarOf(files), { objectMode: false });
  let failure: Error | undefined;
  // Its own end says nothing to the request, which would wait for the rest.
  archive.once("error", (error) => {
    failure = error;
    aborter.abort();
  });
  try {
    await container.putArchive(archive, { path: "/", abortSignal: aborter.signal });
  } catch (error) {
    throw failure ?? error;
  } finally {
    archive.destroy();
  }
}
