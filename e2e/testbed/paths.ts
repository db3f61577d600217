import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's root folder. */
export const repositoryRoot: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The ignored cache that holds unpacked engines, servers and images. */
export const cacheFolder: string = join(repositoryRoot, ".cache");
