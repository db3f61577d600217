import type { Caller, Database, UnitOfWork } from "../platform/index.ts";
import type { AdvanceParts } from "./advance.ts";

export interface RolloutsParts extends AdvanceParts {
  readonly database: Database;
  readonly audit: {
    record(
      tx: UnitOfWork,
      caller: Caller,
      act: { action: string; targetKind: string; targetId: string; detail: Record<string, unknown> },
    ): Promise<void>;
  };
}
