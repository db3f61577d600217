import { announce } from "../events/index.ts";
import type { FileStore } from "../files/index.ts";
import {
  commonErrors,
  field,
  ProblemError,
  type Clock,
  type Database,
  type EventBus,
  type JobKind,
  type JobOutcome,
  type JobRun,
  type Jobs,
  type Log,
} from "../platform/index.ts";
import { buildTold } from "./events.ts";
import { buildHolder, isOver, type Build, type ServiceBuild } from "./model.ts";
import { openOutput, type Output } from "./output.ts";
import type { BuildGateway } from "./ports.ts";
import { createReceiver, receivingProblem } from "./receive.ts";
import { readBuild, updateBuild } from "./store.ts";

/** One build, from the command to the host until its images are stored. */
export const runBuild: JobKind<{ organizationId: string; buildId: string }> = {
  kind: "builds.run",
  // A second attempt only writes the end of the first: given up for a database that is away, a build would be under way for ever.
  maxAttempts: 1_000_000,
};

// Longer than any build that a person waits for; one that hangs is ended and says so.
const BUILD_DEADLINE_MS = 60 * 60_000;
// Builds mostly wait for their hosts; the other jobs of this control plane need places too.
const BUILDS_AT_ONCE = 4;
const BUSY_RETRY_MS = 2_000;
// What an agent says that has not ended the build before yet.
const HOST_STREAM_LIMIT = "WF_STREAM_LIMIT";

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly bus: EventBus;
  readonly jobs: Jobs;
  readonly files: FileStore;
  readonly gateway: BuildGateway;
}

/** Registers the worker of builds. Before the jobs are started. */
export function registerRunner(parts: Parts): void {
  let underWay = 0;
  parts.jobs.register(runBuild, async (job) => {
    if (underWay >= BUILDS_AT_ONCE) return { runAt: new Date(parts.clock.now().getTime() + BUSY_RETRY_MS) };
    underWay++;
    try {
      return await run(parts, job);
    } finally {
      underWay--;
    }
  });
}

async function run(
  parts: Parts,
  { payload, signal }: JobRun<{ organizationId: string; buildId: string }>,
): Promise<JobOutcome> {
  const { clock } = parts;
  const build = await begin(parts, payload);
  if (build === undefined) return { done: true };
  const ended = new AbortController();
  const late = AbortSignal.timeout(BUILD_DEADLINE_MS);
  const either = AbortSignal.any([signal, ended.signal, late]);
  const output = await openOutput(parts, build);
  const unwatch = watchForEnd(parts, build, ended);
  let cause = "";
  let isBusy = false;
  try {
    await follow(parts, build, output, either);
  } catch (error) {
    isBusy = hostIsBusy(error) && clock.now().getTime() - build.createdAt.getTime() < BUILD_DEADLINE_MS;
    cause = causeOf(error, { isStopping: signal.aborted, isLate: late.aborted });
    if (!either.aborted && !isBusy) parts.log.warn({ err: error, [field.kind]: runBuild.kind }, "A build failed.");
  } finally {
    unwatch();
    await output.end();
  }
  if (isBusy) return waitForHost(parts, build);
  await finish(parts, build, cause);
  return { done: true };
}

/** The host builds for another stack: one after the other. */
function hostIsBusy(error: unknown): boolean {
  if (error instanceof ProblemError) return error.code.code === commonErrors.WF_STREAMS_EXHAUSTED.code;
  return error instanceof HostSaid && error.code === HOST_STREAM_LIMIT;
}

async function waitForHost({ database, clock }: Parts, build: Build): Promise<JobOutcome> {
  const at = clock.now();
  await database.inOrganization(build.organizationId, async (tx) => {
    const now = await readBuild(tx, build.id, "lock");
    if (now?.state !== "running") return;
    await updateBuild(tx, build.id, {
      state: "pending",
      cause: `${build.hostName} builds for another stack; this one is next.`,
    });
    tell(tx, build, at);
  });
  return { runAt: new Date(at.getTime() + BUSY_RETRY_MS) };
}

/** The build, running from now on; undefined when there is nothing to run (any more). */
async function begin(
  parts: Parts,
  { organizationId, buildId }: { organizationId: string; buildId: string },
): Promise<Build | undefined> {
  const { database, clock } = parts;
  const taken = await database.inOrganization(organizationId, async (tx) => {
    const build = await readBuild(tx, buildId, "lock");
    if (build?.state !== "pending") return build;
    await updateBuild(tx, buildId, { state: "running", cause: "", startedAt: clock.now() });
    tell(tx, build, clock.now());
    return { ...build, state: "pending" as const };
  });
  if (taken?.state === "pending") return taken;
  // It ran already: whoever ran it has died, and the host has ended it with the stream.
  if (taken?.state === "running")
    await finish(
      parts,
      taken,
      "The control plane that led this build stopped in the middle of it. Start the build again: the steps that were done are in the host's cache.",
    );
  return undefined;
}

/** Reads what the host sends until its end. Throws with the cause when it did not build everything. */
async function follow(parts: Parts, build: Build, output: Output, signal: AbortSignal): Promise<void> {
  const value = { buildId: build.id, tasks: [], tasksDigest: build.tasksDigest };
  const stream = await parts.gateway.openStream(build.hostId, { $case: "build", value }, signal);
  const receiver = createReceiver(parts, build.organizationId);
  let service = "";
  const complete = async (): Promise<void> => {
    const image = await receiver.complete();
    if (image === undefined) return;
    const { configDigest, sizeBytes } = image;
    await change(parts, build, service, { state: "succeeded", configDigest, sizeBytes });
  };
  try {
    for await (const message of stream.messages) {
      signal.throwIfAborted();
      if (message.$case === "buildLine") output.add(message.value.service, message.value.text);
      else if (message.$case === "filePart") await receiver.part(message.value);
      else if (message.$case === "builtImage") {
        await complete();
        ({ service } = message.value);
        const wanted = build.services.find((one) => one.service === service && !one.reused);
        if (wanted === undefined) throw new HostSaid(`The host built ${service}, which it was not asked for.`);
        await receiver.begin(wanted.inputDigest, message.value);
      } else if (message.$case === "buildFailure") {
        await complete();
        await change(parts, build, message.value.service, { state: "failed", cause: message.value.problem });
        throw new HostSaid(withService(message.value));
      } else if (message.$case === "end") {
        if (message.value.problem !== "") throw new HostSaid(message.value.problem, message.value.code);
        await complete();
      }
    }
  } finally {
    stream.close();
  }
}

/** The build failed on the host, in the host's words. */
class HostSaid extends Error {
  override readonly name = "HostSaid";
  readonly code: string;
  constructor(message: string, code = "") {
    super(message);
    this.code = code;
  }
}

function withService({ service, problem }: { readonly service: string; readonly problem: string }): string {
  return service === "" ? problem : `${service}: ${problem}`;
}

function causeOf(error: unknown, why: { readonly isStopping: boolean; readonly isLate: boolean }): string {
  if (why.isStopping) return "The control plane was stopped in the middle of the build. Start it again.";
  if (why.isLate) return `The build was not done after ${BUILD_DEADLINE_MS / 60_000} minutes and was ended.`;
  if (error instanceof HostSaid) return error.message;
  const problem = receivingProblem(error);
  if (problem !== undefined) return problem;
  return error instanceof ProblemError
    ? error.detail
    : "The control plane could not go on with it; its log names the cause.";
}

async function change(parts: Parts, build: Build, service: string, to: Partial<ServiceBuild>): Promise<void> {
  const { database, clock } = parts;
  await database.inOrganization(build.organizationId, async (tx) => {
    const now = await readBuild(tx, build.id, "lock");
    if (now === undefined || isOver(now.state)) return;
    const services = now.services.map((one) => (one.service === service ? { ...one, ...to } : one));
    await updateBuild(tx, build.id, { services });
    tell(tx, build, clock.now());
  });
}

/** Writes the end, unless somebody has ended it before. */
async function finish(parts: Parts, { id, organizationId }: Build, problem: string): Promise<void> {
  const { database, clock, files } = parts;
  await database.inOrganization(organizationId, async (tx) => {
    const build = await readBuild(tx, id, "lock");
    await files.release(tx, buildHolder(id));
    if (build === undefined || isOver(build.state)) return;
    const missing = build.services.filter(({ state }) => state !== "succeeded").map(({ service }) => service);
    const cause = problem !== "" || missing.length === 0 ? problem : `The host did not build ${missing.join(", ")}.`;
    const state = cause === "" ? "succeeded" : "failed";
    const services = build.services.map((one) =>
      isOver(one.state) ? one : ({ ...one, state, cause: "not built" } as const),
    );
    await updateBuild(tx, id, { state, cause, services, endedAt: clock.now() });
    tell(tx, build, clock.now());
  });
}

function tell(tx: Parameters<typeof announce>[0], build: Build, at: Date): void {
  const { organizationId, id, stackId } = build;
  tx.emit(buildTold, { organizationId, buildId: id });
  announce(tx, { organizationId, kind: "build", id, parentId: stackId, change: "updated", at });
}

/** Aborts when the build was cancelled, on whichever control plane. */
function watchForEnd(parts: Parts, build: Build, ended: AbortController): () => void {
  const look = (): void => {
    parts.database
      .inOrganization(build.organizationId, (tx) => readBuild(tx, build.id, "look"), { readOnly: true })
      .then(
        (now) => {
          if (now === undefined || isOver(now.state)) ended.abort(new Error("the build was cancelled"));
        },
        (error: unknown) => parts.log.warn({ err: error }, "A build could not be looked at; it goes on."),
      );
  };
  const stops = [
    parts.bus.on(buildTold, ({ buildId }) => {
      if (buildId === build.id) look();
    }),
    parts.bus.onGap(look),
  ];
  // Cancelled between the beginning and now, it was told to nobody.
  look();
  return () => {
    for (const stop of stops) stop();
  };
}
