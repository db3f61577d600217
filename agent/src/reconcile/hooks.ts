import {
  hooksOf,
  secretReferences,
  serviceOf,
  type ComposeHook,
  type ComposeService,
  type DesiredStack,
  type RunHook,
} from "@windflow/core";
import { reasonOf } from "../platform/log.ts";
import type { HookRequest, ReconcileEngine } from "./engine.ts";
import type { Keeper } from "./keeper.ts";
import type { Place } from "./operator.ts";
import type { ReconcilerOptions } from "./options.ts";
import { fetchSecrets, redacting, withSecrets } from "./secret-text.ts";

// A hook migrates data or drains connections; after this it hangs, and nothing else of its service would ever go on.
const HOOK_DEADLINE_MS = 600_000;

export interface HookParts {
  readonly engine: Pick<ReconcileEngine, "runHook">;
  readonly signal: AbortSignal;
  /** undefined when the stack is no longer desired. */
  readonly stack: DesiredStack | undefined;
  readonly secrets: (stack: DesiredStack, reference: string) => Promise<string | undefined>;
}

/** Runs one hook to its end. @throws Error when it cannot be run or ends with another exit code than 0; secrets are not in its text. */
export async function runHook(
  step: Pick<RunHook, "phase" | "index" | "hook">,
  containerId: string,
  parts: HookParts,
): Promise<void> {
  const name = `${step.phase} hook ${step.index + 1}`;
  const { stack } = parts;
  if (stack === undefined && secretReferences(step.hook as never).length > 0)
    throw new Error(`the ${name} needs secrets of a stack that is gone, and was not run`);
  if (stack === undefined) return execute(name, step.hook, containerId, parts);
  const secrets = await fetchSecrets(stack, step.hook, parts.secrets);
  await redacting(secrets, () => execute(name, withSecrets(step.hook, secrets.textOf), containerId, parts));
}

export interface OperatorHooks {
  /** Runs what the container has to do before it is stopped; a hook that fails is told of, and the stop goes on. */
  beforeStop(place: Place | undefined): Promise<void>;
  /** Notes that the hooks after a start are due: the loop runs them. */
  beforeStart(place: Place | undefined): void;
}

/** The hooks of containers that people stop and start, as those of plans. */
export function createOperatorHooks(
  parts: Pick<ReconcilerOptions, "engine" | "secrets" | "log"> & {
    readonly keeper: Pick<Keeper, "noteHooks">;
    readonly signal: AbortSignal;
  },
): OperatorHooks {
  const serviceOfPlace = ({ stack, container }: Place): ComposeService | undefined =>
    stack.model.services[serviceOf(container)];
  return {
    async beforeStop(place) {
      if (place?.container.state !== "running") return;
      const hooks = hooksOf("pre_stop", place.container, serviceOfPlace(place));
      for (const [index, hook] of hooks.entries())
        await runHook({ phase: "pre_stop", index, hook }, place.container.id, { ...parts, stack: place.stack }).catch(
          (error: unknown) =>
            parts.log("warn", "step went on", {
              area: "reconcile",
              stackId: place.stack.stackId,
              reason: reasonOf(error),
            }),
        );
    },
    beforeStart(place) {
      const count = place ? hooksOf("post_start", place.container, serviceOfPlace(place)).length : 0;
      if (place && count > 0 && place.container.state !== "paused") parts.keeper.noteHooks(place.container.id, 0);
    },
  };
}

async function execute(name: string, hook: ComposeHook, containerId: string, parts: HookParts): Promise<void> {
  const deadline = AbortSignal.timeout(HOOK_DEADLINE_MS);
  const { exitCode, output } = await parts.engine
    .runHook(containerId, requestOf(hook, AbortSignal.any([parts.signal, deadline])))
    .catch((error: unknown) => {
      if (!deadline.aborted) throw error;
      throw new Error(`the ${name} did not end within ${HOOK_DEADLINE_MS / 1000} s`, { cause: error });
    });
  if (exitCode !== 0)
    throw new Error(`the ${name} ended with exit code ${exitCode}${output === "" ? "" : `: ${output}`}`);
}

function requestOf(hook: ComposeHook, signal: AbortSignal): HookRequest {
  const environment = Object.entries(hook.environment ?? {}).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  return {
    command: hook.command ?? [],
    ...(hook.user === undefined ? {} : { user: hook.user }),
    privileged: hook.privileged === true,
    ...(hook.working_dir === undefined ? {} : { workingDirectory: hook.working_dir }),
    environment: Object.fromEntries(environment),
    signal,
  };
}
