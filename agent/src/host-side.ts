import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type ComposeService, type DesiredStack, type EngineFacts, packSamples, replicasOf } from "@windflow/core";
import { type HostEvent, type Progress, type SampleBatch, SpoolEntry } from "@windflow/proto/agent";
import { adoptedInto, createCreatedContainers } from "./adopt/index.ts";
import type { AgentConfig } from "./config.ts";
import { type LocalAnswer, type StackCommand, answerLocally } from "./control/local-commands.ts";
import type { DockerEngine } from "./engines/docker/index.ts";
import type { ContentSource } from "./files/index.ts";
import { createImages, type ImagesLink } from "./images/index.ts";
import type { HostKeys } from "./enroll/host-keys.ts";
import type { Identity } from "./enroll/identity.ts";
import { bootId } from "./facts/host-report.ts";
import { type Metrics, createMetrics } from "./metrics/index.ts";
import { type Clock, pause } from "./platform/clock.ts";
import { type Log, reasonOf } from "./platform/log.ts";
import { createReconciler } from "./reconcile/index.ts";
import { createLoadImage } from "./reconcile/load-image.ts";
import type { ObservationReport, Reconciler } from "./reconcile/options.ts";
import { type Registries, createRegistries } from "./registries/index.ts";
import { filesEvent, hostEvent, ownEvent } from "./reporting/host-event.ts";
import { type ObservedReporter, createObservedReporter } from "./reporting/observed-reporter.ts";
import { createWellSince } from "./reporting/well-since.ts";
import { createGateProbes } from "./probes/index.ts";
import { createLastLines } from "./reporting/last-lines.ts";
import { createKeptTags } from "./kept-tags.ts";
import { createKeptRevisions } from "./kept-revisions.ts";
import { NOTHING_OWN, type OwnOfStack, observedState } from "./reporting/observed-state.ts";
import { progressMessage } from "./reporting/progress.ts";
import { createRedaction } from "./reporting/redaction.ts";
import type { WireMeter } from "./session/wire-meter.ts";
import { type Spool, openSpool } from "./spool/spool.ts";
import type { DesiredStore } from "./state/desired-store.ts";
import { openStackFiles, refusalOf } from "./stack-files.ts";
import { missingImages } from "./state/kept-images.ts";
import { openReconcileMemory } from "./state/reconcile-memory.ts";

/** Grown and dropped in these steps; small beside the whole, large beside one entry. */
const SPOOL_SEGMENT_BYTES = 1024 * 1024;
/** An engine that hangs must not keep the host from its control plane. */
const FIRST_FACTS_TIMEOUT_MS = 2_000;

export interface HostSideParts {
  readonly config: AgentConfig;
  readonly identity: Identity;
  readonly keys: HostKeys;
  readonly engine: DockerEngine;
  readonly clock: Clock;
  readonly log: Log;
  readonly wire: WireMeter;
  /** Where layers of built images come from; undefined while there is no session. */
  fileSource(): ContentSource | undefined;
  /** Where images of registries come from that the engine does not pull. */
  readonly images: ImagesLink;
  /** May be lost; shown while somebody looks. */
  onProgress(progress: Progress): void;
  /** The engine answered, and is not the one that it was: it came back, or was upgraded. */
  onEngineChanged(facts: EngineFacts): void;
}

/** Everything that goes on whether or not there is a control plane: enforcement, observation, the spool. */
export interface HostSide {
  /** Tells the history that the control plane ended what root held. */
  tellOverridden(stackId: string): void;
  /** Does what root on this host asks for. */
  askLocally(command: StackCommand): Promise<LocalAnswer>;
  readonly store: DesiredStore;
  readonly loop: Reconciler;
  readonly spool: Spool;
  readonly metrics: Metrics;
  readonly reporter: ObservedReporter;
  readonly registries: Registries;
  /** Forgets the credentials of registries that nothing comes from any more. */
  forgetRegistries(): void;
  /** Of the engine as it last answered; waits a moment for the first answer. */
  facts(): Promise<EngineFacts | undefined>;
  /** Why the engine cannot be asked; empty while it can. */
  engineProblem(): string;
  start(): void;
  stop(): Promise<void>;
}

export function createHostSide(parts: HostSideParts): HostSide {
  const { clock, config, engine, log } = parts;
  const files = openStackFiles({
    config,
    organizationId: parts.identity.organizationId,
    sealingPrivateKey: parts.keys.sealingPrivateKey,
    clock,
    log,
    desired: () => desired(),
    observed: () => (engineProblem === "" ? loop.observed()?.containers : undefined),
    tell: (event) => record(filesEvent(event), clock.now()),
    restart: (containerId) => loop.restartContainer(containerId),
  });
  const { store } = files;
  const registries = createRegistries({
    folder: join(config.stateDir, "registries"),
    hostId: parts.identity.hostId,
    sealingPrivateKey: parts.keys.sealingPrivateKey,
    log,
  });
  const memory = openReconcileMemory(config.stateDir, log);
  const spool = openSpool({
    folder: join(config.stateDir, "spool"),
    maxBytes: config.spoolMaxBytes,
    segmentBytes: SPOOL_SEGMENT_BYTES,
    newId: () => randomUUID(),
    clock,
    log,
  });
  const reporter = createObservedReporter(clock);
  const wellSince = createWellSince(() => clock.now());
  let engineProblem = "";
  let engineFacts: EngineFacts | undefined;

  let lastReport: ObservationReport | undefined;

  const desired = (): ReturnType<DesiredStore["world"]> => {
    try {
      return store.world();
    } catch (error) {
      log("error", "The desired state on disk cannot be used; nothing is touched.", { reason: reasonOf(error) });
      return undefined;
    }
  };
  const stackOf = (stackId: string): DesiredStack | undefined =>
    desired()?.stacks.find((stack) => stack.stackId === stackId);
  const serviceOf = (stackId: string, service: string): ComposeService | undefined =>
    stackOf(stackId)?.model.services[service];
  const redact = createRedaction({
    desired,
    kept: (stackId) => store.kept(stackId),
    secretText: (stack, reference) => store.secretText(stack, reference),
  });
  const wanted = (stackId: string, service: string): number => {
    const spec = serviceOf(stackId, service);
    return spec === undefined ? 0 : replicasOf(spec);
  };
  const append = (kind: SpoolEntry["kind"], atMs: number): void => {
    spool.append(SpoolEntry.encode({ sequence: 0n, at: new Date(atMs), kind }).finish());
  };
  const record = (event: HostEvent, atMs: number): void => append({ $case: "event", value: event }, atMs);

  const probes = createGateProbes({ engine, clock, log, onChanged: () => tellObserved() });
  const lastLines = createLastLines({ engine, redact, clock, log, onRead: () => tellObserved() });
  const whole = createKeptRevisions({
    store,
    clock,
    pins: () => memory.latest?.pins ?? [],
    onRan: () => tellObserved(),
  });
  const tags = createKeptTags({ engine, clock, log, pins: () => memory.latest?.pins ?? [] });
  const ownOfStack = (stackId: string): OwnOfStack => {
    const stack = stackOf(stackId);
    if (stack === undefined) return NOTHING_OWN;
    return {
      attempt: stack.attempt ?? "",
      corrected: stack.correct ?? "",
      heldRevision: store.heldRevision(stackId) ?? 0,
      keptRevisions: whole.of(stackId, lastReport?.world),
      probes: probes.of(stackId),
    };
  };
  const tellObserved = (): void => {
    if (lastReport === undefined) return;
    const containers = lastReport.world?.containers ?? [];
    if (lastReport.engineError === undefined) {
      whole.follow(lastReport, desired(), wellSince);
      if (lastReport.world !== undefined) tags.follow(lastReport.world, store.kept());
    }
    reporter.changed(
      observedState(lastReport, {
        generation: store.generation,
        pins: memory.latest?.pins ?? [],
        wanted,
        imageOf: (stackId, service) => serviceOf(stackId, service)?.image,
        adoptedInto: (containerId) => adoptedInto(desired(), containerId),
        revisionOf: (stackId) => stackOf(stackId)?.revision,
        ownOf: ownOfStack,
        lastLines: (stackId, service) => lastLines.of(stackId, service, containers),
        wellSince,
        redact,
      }),
    );
  };

  const images = createImages({ engine, stateDir: config.stateDir, link: parts.images, clock, log });
  const loop = createReconciler({
    engine,
    pullImage: images.pullImage,
    desired,
    secrets: (stack, reference) => Promise.resolve(store.secretText(stack, reference)),
    files: (stack, digest) => Promise.resolve(store.content(stack, digest)),
    binds: (stack, service) => files.binds(stack, service),
    memory,
    created: createCreatedContainers(engine),
    registryAuth: (reference) => registries.authFor(reference),
    loadImage: createLoadImage({
      engine,
      folder: join(config.stateDir, "layers"),
      source: () => parts.fileSource(),
      log,
    }),
    allowPrivileged: (stack: DesiredStack) => refusalOf(store, stack),
    bootId: bootId(),
    clock,
    log,
    onObserved: (report: ObservationReport) => {
      engineProblem = report.engineError ?? "";
      files.settleFiles();
      // Nothing has changed since it was told last.
      if (report === lastReport) return;
      const facts = report.engineError === undefined ? report.world?.engine : undefined;
      if (facts !== undefined && !isDeepStrictEqual(facts, engineFacts)) {
        engineFacts = facts;
        parts.onEngineChanged(facts);
      }
      lastReport = report;
      if (report.engineError === undefined) probes.follow(report, desired());
      tellObserved();
    },
    kept: () => store.keptKeys,
    onOwnEvent: (event) => record(ownEvent(event), clock.now()),
    onProgress: (event) => parts.onProgress(progressMessage(event)),
    onEngineEvent: (event) => {
      const told = hostEvent(event);
      if (told !== undefined) record(told, event.at);
    },
  });
  const metrics = createMetrics({
    engine,
    clock,
    log,
    running: () => (loop.observed()?.containers ?? []).filter((container) => container.state === "running"),
    wireBytes: () => parts.wire.bytes(),
    spoolBytes: () => spool.bytes,
    ship: (batch: SampleBatch) => append({ $case: "samples", value: packSamples(batch) }, clock.now()),
  });

  return {
    tellOverridden: (stackId) => {
      const message = "the control plane has overridden what root on this host held";
      record({ ...agentEvent("stack.hold-overridden", message), stackId, severity: "warning" }, clock.now());
    },
    askLocally: (command) =>
      answerLocally(command, {
        store,
        loop,
        clock,
        missing: (stack, world) => missingImages(stack, world, memory.latest?.pins ?? []),
        tell: (type, stack, message) =>
          record({ ...agentEvent(type, message), stackId: stack.stackId, severity: "warning" }, clock.now()),
      }),
    store,
    loop,
    spool,
    metrics,
    reporter,
    registries,
    forgetRegistries: () => registries.keepFor((desired()?.stacks ?? []).flatMap(imagesOf)),
    facts: async () => loop.observed()?.engine ?? firstFacts(engine, clock),
    engineProblem: () => engineProblem,
    start: () => {
      record(agentEvent("agent.started", "The agent was started."), clock.now());
      loop.start();
      metrics.start();
    },
    stop: async () => {
      metrics.stop();
      await loop.stop();
      images.stop();
      probes.stop();
      whole.stop();
      await tags.stop();
      await files.stop();
      record(agentEvent("agent.stopped", "The agent was stopped; containers keep running."), clock.now());
      await spool.close();
    },
  };
}

function imagesOf({ model }: DesiredStack): string[] {
  return Object.values(model.services).flatMap(({ image }) => image ?? []);
}

function firstFacts(engine: DockerEngine, clock: Clock): Promise<EngineFacts | undefined> {
  const late = pause(clock, FIRST_FACTS_TIMEOUT_MS).then(() => undefined);
  return Promise.race([engine.facts().catch(() => undefined), late]);
}

function agentEvent(type: string, message: string): HostEvent {
  return {
    type,
    containerId: "",
    containerName: "",
    stackId: "",
    service: "",
    message,
    severity: "info",
    attributes: {},
  };
}
