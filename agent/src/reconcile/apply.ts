import { makingKey, type DesiredStack, type LoadImage, type PullImage, type Step, type StepOp } from "@windflow/core";
import { containerFiles } from "./container-files.ts";
import { attachments, createRequest } from "./create-request.ts";
import { reasonOf } from "../platform/log.ts";
import {
  EngineError,
  type FileContent,
  type PulledImage,
  type PullProgress,
  type ReconcileEngine,
  type RegistryCredentials,
} from "./engine.ts";
import { runHook } from "./hooks.ts";
import type { LoadImagePort } from "./options.ts";
import { fetchSecrets, redacting, withSecrets } from "./secret-text.ts";

/** What executors may use. They decide nothing: what to do stands in the step. */
export interface ApplyContext {
  readonly engine: ReconcileEngine;
  readonly signal: AbortSignal;
  /** @throws Error when the stack is no longer desired. */
  stackOf(step: Step): DesiredStack;
  stackIfWanted(step: Step): DesiredStack | undefined;
  readonly secrets: (stack: DesiredStack, reference: string) => Promise<string | undefined>;
  readonly files: (stack: DesiredStack, digest: string) => Promise<FileContent | undefined>;
  readonly binds: (stack: DesiredStack, service: string) => Promise<Readonly<Record<string, string>>>;
  registryAuth(imageReference: string): Promise<RegistryCredentials | undefined>;
  onPull(step: Step, progress: PullProgress): void;
  readonly loadImage: LoadImagePort;
  readonly pullImage: ReconcileEngine["pullImage"];
  onPulled(step: PullImage | LoadImage, image: PulledImage): void;
  /** Id of the image that a step before this one pulled or loaded. */
  pulledImage(stackId: string, reference: string): string | undefined;
  noteMade(makingKey: string): void;
  /** An engine that goes down before the next look at it took this container with it. */
  noteStarting(containerId: string): void;
  /** Remembers, durably, which `post_start` hook of a container is the next to be run; undefined: all have run. */
  noteHooks(containerId: string, next: number | undefined): void;
  /** Tells of something that went wrong and does not keep the step from being done. */
  warn(step: Step, reason: string): void;
  /** Ids of the containers that earlier steps created, by the name they will have. */
  readonly created: Map<string, string>;
}

type Executors = { readonly [Op in StepOp]: (step: Extract<Step, { op: Op }>, context: ApplyContext) => Promise<void> };

const EXECUTORS: Executors = {
  "pull-image": async (step, context) => {
    const credentials = await context.registryAuth(step.pullFrom);
    const request = {
      reference: step.pullFrom,
      tagAs: step.reference,
      signal: context.signal,
      ...(step.platform === undefined ? {} : { platform: step.platform }),
      ...(credentials === undefined ? {} : { credentials }),
    };
    context.onPulled(step, await context.pullImage(request, (progress) => context.onPull(step, progress)));
  },
  "load-image": async (step, context) => {
    const progress = (told: PullProgress): void => context.onPull(step, told);
    context.onPulled(step, await context.loadImage(context.stackOf(step), step, progress, context.signal));
  },
  "create-network": (step, context) =>
    context.engine.createNetwork(step.name, context.stackOf(step).model.networks?.[step.key] ?? {}, step.labels),
  "remove-network": (step, { engine }) => engine.removeNetwork(step.networkId),
  "create-volume": (step, context) =>
    context.engine.createVolume(step.name, context.stackOf(step).model.volumes?.[step.key] ?? {}, step.labels),
  "remove-volume": (step, { engine }) => engine.removeVolume(step.name),
  "create-container": async (step, context) => {
    const stack = context.stackOf(step);
    const imageId = step.imageId ?? context.pulledImage(step.stackId, step.imageReference);
    if (imageId === undefined) throw new Error(`image ${step.imageReference} is not on the host`);
    const shares = Object.fromEntries(
      step.shares.map((shared) => [shared.service, shared.containerId ?? createdId(context, shared.container)]),
    );
    const planned = stack.model.services[step.service];
    if (!planned) throw new Error(`service ${step.service} is not in the stack`);
    const secrets = await fetchSecrets(stack, planned, context.secrets);
    const service = withSecrets(planned, secrets.textOf);
    const bindSources = await context.binds(stack, step.service);
    const request = createRequest(step, stack, { imageId, shares, service, bindSources });
    const id = await redacting(secrets, () => context.engine.createContainer(request));
    context.created.set(step.slot, id);
    context.noteMade(makingKey(stack, step.slot));
  },
  "start-container": async (step, context) => {
    const id = step.containerId ?? createdId(context, step.slot);
    const stack = context.stackOf(step);
    if (step.isPrevious !== true) {
      await copyFiles(step, id, context);
      // An engine makes a missing source of a mount itself, as an empty folder.
      if (step.service !== undefined) await context.binds(stack, step.service);
    }
    // An engine that cannot start a command repeats it.
    const secrets = await fetchSecrets(stack, stack.model.services[step.service ?? ""] ?? {}, context.secrets);
    // Before the start and not after it: an agent that dies between the two has to know that the hooks are due.
    if (step.hooks > 0) context.noteHooks(id, 0);
    context.noteStarting(id);
    await redacting(secrets, () => context.engine.startContainer(id));
  },
  "stop-container": (step, { engine }) => engine.stopContainer(step.containerId),
  "restart-container": async (step, context) => {
    if (step.hooks > 0) context.noteHooks(step.containerId, 0);
    await context.engine.restartContainer(step.containerId);
  },
  "run-hook": async (step, context) => {
    const containerId = step.containerId ?? createdId(context, step.slot);
    const { engine, signal, secrets } = context;
    try {
      await runHook(step, containerId, { engine, signal, secrets, stack: context.stackIfWanted(step) });
    } catch (error) {
      if (step.phase === "post_start" || (error instanceof EngineError && error.unreachable)) throw error;
      context.warn(step, `${reasonOf(error)}; the stop goes on`);
    }
    if (step.phase === "pre_stop") return;
    context.noteHooks(containerId, step.isLast ? undefined : step.index + 1);
  },
  "remove-container": (step, { engine }) => engine.removeContainer(step.containerId),
  "rename-container": (step, context) =>
    context.engine.renameContainer(step.containerId ?? createdId(context, step.slot), step.to),
  "set-restart-policy": (step, { engine }) => engine.setRestartPolicy(step.containerId, step.policy),
  "connect-network": async (step, context) => {
    const stack = context.stackOf(step);
    const service = stack.model.services[step.service];
    const network = service && attachments(stack, step.slot, step.service, service).find(({ key }) => key === step.key);
    if (!service || !network) throw new Error(`service ${step.service} no longer uses the network ${step.key}`);
    await context.engine.connectNetwork({ network, containerId: step.containerId, service });
  },
  wait: async () => {
    throw new Error("a wait has nothing to do: it goes when what it waits for is observed");
  },
};

/** Does one step. */
export async function applyStep<Op extends StepOp>(
  step: Extract<Step, { op: Op }>,
  context: ApplyContext,
): Promise<void> {
  const execute = EXECUTORS[step.op as Op] as (step: Extract<Step, { op: Op }>, context: ApplyContext) => Promise<void>;
  await execute(step, context);
}

function createdId(context: ApplyContext, slot: string): string {
  const id = context.created.get(slot);
  if (id === undefined) throw new Error(`${slot} was not created yet`);
  return id;
}

// At the start and not at the creation: an agent that dies between the two must not leave a container without its files.
async function copyFiles(
  step: Extract<Step, { op: "start-container" }>,
  containerId: string,
  context: ApplyContext,
): Promise<void> {
  const stack = context.stackOf(step);
  const service = stack.model.services[step.service ?? ""];
  if (!service || ((service.configs ?? []).length === 0 && (service.secrets ?? []).length === 0)) return;
  const secrets = await fetchSecrets(stack, [stack.model.configs, stack.model.secrets], context.secrets);
  const files = await containerFiles(stack, service, secrets.textOf, context.files);
  await redacting(secrets, () => context.engine.copyFiles(containerId, files));
}
