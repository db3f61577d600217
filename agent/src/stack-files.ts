import { join } from "node:path";
import type { DesiredStack, DesiredWorld, ObservedContainer } from "@windflow/core";
import type { AgentConfig } from "./config.ts";
import { AgentError } from "./errors.ts";
import { type FilesEvent, createStackFolders, openContentStore } from "./files/index.ts";
import type { Clock } from "./platform/clock.ts";
import { type Log, reasonOf } from "./platform/log.ts";
import { createSingleFlight } from "./reconcile/single-flight.ts";
import { createDesiredFiles } from "./state/desired-files.ts";
import { type DesiredStore, openDesiredStore } from "./state/desired-store.ts";
import { imagePlatform } from "./state/desired-world.ts";

export interface StackFilesParts {
  readonly config: AgentConfig;
  readonly organizationId: string;
  readonly sealingPrivateKey: Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
  /** Never throws. */
  desired(): DesiredWorld | undefined;
  /** undefined while the engine cannot be asked. */
  observed(): readonly ObservedContainer[] | undefined;
  tell(event: FilesEvent): void;
  restart(containerId: string): Promise<void>;
}

/** What the host must run, and its files where containers and people find them. */
export interface StackFiles {
  readonly store: DesiredStore;
  /** As of {@link StackFolders}; files that turn out to be damaged are fetched again with the next connection. */
  binds(stack: DesiredStack, service: string): Promise<Readonly<Record<string, string>>>;
  /** Puts the files on disk in order: at once for another desired state, otherwise now and then. */
  settleFiles(): void;
  /** Resolves when nothing is written to disk any more. */
  stop(): Promise<void>;
}

// Removed by hand, files are back about as soon as anything else that the loop's own net catches.
const SETTLE_MS = 30_000;
// Of containers that come and go all the time, not each one is worth a look at all files.
const SETTLE_SOON_MS = 3_000;

export function openStackFiles(parts: StackFilesParts): StackFiles {
  const { config, clock, log } = parts;
  const contentFolder = join(config.stateDir, "files");
  const folders = createStackFolders({
    path: config.stacksDir,
    owner: config.stateDir,
    clock,
    log,
    tell: (event) => parts.tell(event),
    filesOf: (stack) => store.filesOf(stack),
    isReady: (stack) => refusalOf(store, stack) === undefined,
    desired: () => parts.desired(),
    onMended: (containerIds) => {
      for (const id of containerIds)
        parts.restart(id).catch((error: unknown) =>
          log("warn", "A container could not be restarted for its files.", {
            containerId: id,
            reason: reasonOf(error),
          }),
        );
    },
  });
  const store: DesiredStore = openDesiredStore({
    folder: join(config.stateDir, "desired"),
    organizationId: parts.organizationId,
    sealingPrivateKey: parts.sealingPrivateKey,
    policyFile: config.policyFile,
    reader: { platform: imagePlatform(process.arch), stacksDir: config.stacksDir },
    files: createDesiredFiles({
      contents: openContentStore(contentFolder),
      folder: contentFolder,
      maxBytes: config.filesMaxBytes,
      folders,
    }),
    filesProblem: (stack) => folders.problem(stack),
  });

  let settled = "";
  let settledAt = -Infinity;
  let seen = "";
  const settling = createSingleFlight(async () => {
    const world = parts.desired();
    if (world === undefined) return;
    try {
      await folders.settle(world, parts.observed());
    } catch (error) {
      log("warn", "The files of stacks could not be put in order.", { reason: reasonOf(error) });
    }
  }, clock);
  return {
    store,
    binds: async (stack, service) => {
      try {
        return await folders.binds(stack, service);
      } catch (error) {
        if (error instanceof AgentError && error.code === "WF_FILES_UNAVAILABLE") await store.recheckFiles(stack);
        throw error;
      }
    },
    stop: () => settling.stop(),
    settleFiles: () => {
      const generation = parts.desired()?.generation ?? "";
      const containers = (parts.observed() ?? [])
        .map(({ id }) => id)
        .toSorted()
        .join();
      const isDue = generation !== settled || clock.now() - settledAt >= SETTLE_MS;
      if (isDue) {
        settled = generation;
        settledAt = clock.now();
        settling.request();
      } else if (containers !== seen) settling.request(SETTLE_SOON_MS);
      seen = containers;
    },
  };
}

/** Why the stack is not run on this host now; undefined when it is. A policy that cannot be read allows nothing. */
export function refusalOf(store: DesiredStore, stack: DesiredStack): string | undefined {
  try {
    return store.refusal(stack);
  } catch (error) {
    return reasonOf(error);
  }
}
