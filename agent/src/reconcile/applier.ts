import { describeStep, pinOf, type DesiredStack, type DesiredWorld, type Step, type StepOp } from "@windflow/core";
import { reasonOf } from "../platform/log.ts";
import { applyStep, type ApplyContext } from "./apply.ts";
import { within } from "./deadline.ts";
import { EngineError } from "./engine.ts";
import type { Keeper } from "./keeper.ts";
import type { ReconcilerOptions } from "./options.ts";
import type { Progress } from "./progress.ts";

// A start takes a tenth of a second, and on a slow disk some seconds; after this the engine hangs.
const STEP_DEADLINE_MS = 120_000;
// A pull takes as long as the line needs, a stop as long as the service was granted.
const UNHURRIED: ReadonlySet<StepOp> = new Set([
  "pull-image",
  "load-image",
  "run-hook",
  "stop-container",
  "restart-container",
]);

// Docker's words and Podman's, and Docker's while the removal goes on. A network that is missing has the same status, and is a start that failed.
const NO_CONTAINER = /no such container|marked for removal/i;

export interface ApplierOptions {
  readonly reconciler: ReconcilerOptions;
  readonly keeper: Keeper;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** With pins filled in. */
  desired(): DesiredWorld | undefined;
}

/** Gives the act that does one step and tells of it. What earlier steps brought forth is kept for later ones. */
export function createApplier(options: ApplierOptions): (step: Step) => Promise<void> {
  const { reconciler, keeper, progress } = options;
  const warnings = new Map<string, string>();
  const pulled = new Map<string, string>();
  const stackIfWanted = (step: Step): DesiredStack | undefined =>
    options.desired()?.stacks.find(({ stackId }) => stackId === step.stackId);
  const stackOf = (step: Step): DesiredStack => {
    const stack = stackIfWanted(step);
    if (!stack) throw new Error("the stack is no longer wanted on this host");
    return stack;
  };
  const context: ApplyContext = {
    engine: reconciler.engine,
    signal: options.signal,
    stackOf,
    stackIfWanted,
    noteMade: (key) => keeper.noteMade(key, reconciler.clock.now()),
    noteStarting: (containerId) => keeper.noteStarting(containerId),
    noteHooks: (containerId, next) => keeper.noteHooks(containerId, next),
    warn(step, reason) {
      warnings.set(step.id, reason);
      reconciler.log("warn", "step went on", { area: "reconcile", stackId: step.stackId, step: step.id, reason });
    },
    secrets: reconciler.secrets,
    files: reconciler.files,
    binds: reconciler.binds ?? (async () => ({})),
    registryAuth: async (reference) => reconciler.registryAuth?.(reference),
    loadImage: reconciler.loadImage ?? refuseLoad,
    pullImage: reconciler.pullImage ?? ((request, onProgress) => reconciler.engine.pullImage(request, onProgress)),
    onPull: (step, pull) => progress.onPull(step, pull),
    onPulled(step, image) {
      pulled.set(`${step.stackId} ${step.reference}`, image.id);
      const given = reconciler.desired()?.stacks.find(({ stackId }) => stackId === step.stackId);
      if (given?.images[step.reference]?.ids.includes(image.id) !== true)
        keeper.pin(pinOf(stackOf(step), step.reference, image));
    },
    pulledImage: (stackId, reference) => pulled.get(`${stackId} ${reference}`),
    created: new Map(),
  };
  return async (step) => {
    progress.tell(step, "started");
    try {
      const applied = applyStep(step, context);
      await (UNHURRIED.has(step.op)
        ? applied
        : within(reconciler.clock, STEP_DEADLINE_MS, describeStep(step), applied));
      progress.tell(step, "done", warnings.get(step.id));
      warnings.delete(step.id);
    } catch (error) {
      const reason = reasonOf(error);
      reconciler.log("warn", "step failed", { area: "reconcile", stackId: step.stackId, step: step.id, reason });
      const isStart = step.op === "start-container" || (step.op === "run-hook" && step.phase === "post_start");
      // An engine that went away says nothing of the container, nor does somebody who has removed it just now.
      if (isStart && !(error instanceof EngineError && (error.unreachable || NO_CONTAINER.test(error.message))))
        keeper.noteFailed(step.stackId, step.slot, reason);
      progress.tell(step, "failed", reason);
      throw error;
    }
  };
}

async function refuseLoad(stack: DesiredStack, image: { readonly reference: string }): Promise<never> {
  throw new Error(
    `image ${image.reference} of ${stack.stackName} was built, and this agent cannot load built images: update it`,
  );
}
