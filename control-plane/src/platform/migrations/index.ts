import type { Migration } from "../db/migrate.ts";
import { migration as platform } from "./202611221500-platform.ts";
import { migration as identity } from "./202611221505-identity.ts";
import { migration as audit } from "./202611221510-audit.ts";

/** Every migration, oldest first. A list and not a folder scan: the released program is one file. */
export const migrations: readonly Migration[] = [platform, identity, audit];
