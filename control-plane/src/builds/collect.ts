import type { ComposeModel } from "@windflow/core";
import type { FileStore, TravellingFile } from "../files/index.ts";
import { ProblemError, type Database } from "../platform/index.ts";
import { buildsErrors } from "./errors.ts";
import { buildInputs, textsWanted, type PlannedBuild } from "./inputs.ts";

// A Dockerfile or a .dockerignore; more is another kind of file.
const TEXT_BYTES = 1024 * 1024;

/** What goes into the images of a model's services. Outside of a unit of work. Throws WF_BUILD_UNSUPPORTED with what cannot be honoured. */
export async function collectBuilds(
  parts: { readonly database: Database; readonly files: FileStore },
  source: { readonly organizationId: string; readonly model: ComposeModel; readonly files: readonly TravellingFile[] },
): Promise<readonly PlannedBuild[]> {
  const { model, files } = source;
  const texts = new Map<string, string>();
  const wanted = new Set(textsWanted(model));
  const named = files.filter((file) => file.kind === "file" && wanted.has(file.path));
  await parts.database.inOrganization(
    source.organizationId,
    async (tx) => {
      for (const { path, digest, content } of named) {
        const bytes = content ?? (await parts.files.bytesOf(tx, digest, TEXT_BYTES));
        if (bytes !== undefined) texts.set(path, Buffer.from(bytes).toString("utf8"));
      }
    },
    { readOnly: true },
  );
  const { builds, violations } = buildInputs(model, files, (path) => texts.get(path));
  if (violations.length > 0) throw new ProblemError({ code: buildsErrors.WF_BUILD_UNSUPPORTED, violations });
  return builds;
}
