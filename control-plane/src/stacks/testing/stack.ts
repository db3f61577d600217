import { emptyPlacement } from "../../placement/index.ts";
import type { Stack } from "../model.ts";
import { defaultPolicy } from "../policy.ts";

const at = new Date(0);

/** A stack without a revision, that is in no database. */
export const testStack: Stack = {
  id: "stk_1",
  organizationId: "org_1",
  name: "shop",
  project: "shop",
  workingDirectory: "",
  placement: emptyPlacement,
  policy: defaultPolicy,
  version: 1,
  latestRevision: 0,
  currentRevision: 0,
  deleting: false,
  createdAt: at,
  updatedAt: at,
};
