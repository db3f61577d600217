import { secretReferences } from "@windflow/core";
import type { BuildDrafts } from "../builds/index.ts";
import { invalidSource, sourceOf, type Drafts } from "../stacks/index.ts";

/** Sources as stacks render them, for builds. */
export function createBuildDrafts(drafts: Drafts): BuildDrafts {
  return {
    draft: async (caller, { stackId, source }) => {
      const draft = await drafts.draft(caller, { stackId, source: sourceOf(source) });
      const { stack, model, files } = draft;
      if (model === undefined) throw invalidSource(draft.problems);
      return { stack, model, files, hasSecrets: secretReferences(model).length > 0 };
    },
  };
}
