import type { HostLinks } from "../hosts/index.ts";
import { linksOfHosts } from "./of-hosts.ts";

/** The profiles that hosts follow, for lists of hosts. */
export const hostLinks: HostLinks = { linksOf: linksOfHosts };
