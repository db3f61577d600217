import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type ContentSource, createStackFolders, openContentStore, type StackFolders } from "../files/index.ts";
import { systemClock } from "../platform/clock.ts";
import { createDesiredFiles } from "../state/desired-files.ts";
import { type DesiredStore, openDesiredStore } from "../state/desired-store.ts";

/** A store of desired states in a folder, with its files, as the agent has it. */
export function openTestStore(
  folder: string,
  over: { readonly sealingPrivateKey?: Uint8Array; readonly policyFile?: string; readonly maxBytes?: number } = {},
): { readonly store: DesiredStore; readonly folders: StackFolders } {
  mkdirSync(folder, { recursive: true });
  const stacksDir = join(folder, "stacks");
  const folders = createStackFolders({
    path: stacksDir,
    owner: folder,
    clock: systemClock,
    log: () => undefined,
    tell: () => undefined,
    filesOf: (stack) => store.filesOf(stack),
    isReady: () => true,
    desired: () => store.world(),
    onMended: () => undefined,
  });
  const contents = join(folder, "files");
  const store: DesiredStore = openDesiredStore({
    folder: join(folder, "desired"),
    organizationId: "org_1",
    sealingPrivateKey: over.sealingPrivateKey ?? new Uint8Array(32).fill(1),
    policyFile: over.policyFile ?? "/nonexistent",
    reader: { platform: "linux/amd64", stacksDir },
    files: createDesiredFiles({
      contents: openContentStore(contents),
      folder: contents,
      maxBytes: over.maxBytes ?? 1024 ** 3,
      folders,
    }),
    filesProblem: (stack) => folders.problem(stack),
  });
  return { store, folders };
}

/** Gives no file. */
export const noFiles: ContentSource = async function* (digest) {
  yield* [];
  throw Object.assign(new Error(`there is no file ${digest}`), { code: 5 });
};
