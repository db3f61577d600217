import type { ImageCache } from "@windflow/proto/api";
import type { HostLinks } from "../hosts/index.ts";
import { linksOfHosts } from "./of-hosts.ts";

/** The profiles that hosts follow, for lists of hosts. */
export const hostLinks: HostLinks = { linksOf: linksOfHosts };

/** Of a control plane that fetches no images. */
export const nothingCached = (): Promise<ImageCache> => Promise.resolve({ bytesUsed: 0n, bytesLimit: 0n, images: [] });
