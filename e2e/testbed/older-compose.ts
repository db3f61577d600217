import { join } from "node:path";
import { openPrivateApt } from "@windflow/installer";
import { cacheFolder } from "./paths.ts";
import { serverTree } from "./server-tree.ts";

/** Debian's docker compose of an older release, unpacked into the cache; runs as `docker-compose`. */
export async function olderCompose(): Promise<{ readonly program: string }> {
  const { folder } = await serverTree("compose-trixie", async () => {
    const onProgress = (sentence: string): void => console.log(`testbed: ${sentence}`);
    const apt = await openPrivateApt({ folder: join(cacheFolder, "apt-trixie"), suites: ["trixie"], onProgress });
    return apt.download(["docker-compose"], "trixie");
  });
  return { program: join(folder, "usr/libexec/docker/cli-plugins/docker-compose") };
}
