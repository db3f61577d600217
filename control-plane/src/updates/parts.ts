import type { Audit } from "../audit/index.ts";
import type { Database } from "../platform/index.ts";
import type { AdvanceParts } from "./advance.ts";
import type { ReleaseCatalog } from "./releases.ts";

export interface UpdatesParts extends AdvanceParts {
  readonly database: Database;
  readonly audit: Audit;
  readonly catalog: ReleaseCatalog;
}
