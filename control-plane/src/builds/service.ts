import { announce } from "../events/index.ts";
import { buildHolder, isOver, type Build } from "./model.ts";
import { commonErrors, ProblemError, type Caller, type EventBus, type UnitOfWork } from "../platform/index.ts";
import { buildTold } from "./events.ts";
import { startBuild, type StartParts, type WantedBuild } from "./starting.ts";
import { listBuilds, readBuild, updateBuild } from "./store.ts";
import { watchBuild, type Watched } from "./watch.ts";

export interface BuildsService {
  /** Answers at once; the images follow. */
  start(caller: Caller, wanted: WantedBuild): Promise<Build>;
  get(caller: Caller, buildId: string): Promise<Build>;
  /** Newest first. */
  list(caller: Caller, query: { stackId: string; before?: string; limit: number }): Promise<Build[]>;
  watch(caller: Caller, buildId: string, signal: AbortSignal): AsyncIterable<Watched>;
  /** One that is over stays as it is. */
  cancel(caller: Caller, buildId: string): Promise<Build>;
}

export function createBuildsService(parts: StartParts & { readonly bus: EventBus }): BuildsService {
  const { database, clock, audit, files } = parts;

  const get = (caller: Caller, buildId: string): Promise<Build> =>
    database.inOrganization(caller, (tx) => required(tx, buildId, "look"), { readOnly: true });

  return {
    get,
    start: (caller, wanted) => startBuild(parts, caller, wanted),
    list: (caller, query) => database.inOrganization(caller, (tx) => listBuilds(tx, query), { readOnly: true }),
    watch: (caller, buildId, signal) => watchBuild({ ...parts, read: get }, caller, buildId, signal),
    cancel: (caller, buildId) =>
      database.inOrganization(caller, async (tx) => {
        const build = await required(tx, buildId, "lock");
        if (isOver(build.state)) return build;
        const at = clock.now();
        const { organizationId, stackId } = build;
        const cause = `${caller.name} cancelled it.`;
        const services = build.services.map((one) =>
          isOver(one.state) ? one : ({ ...one, state: "cancelled", cause: "cancelled" } as const),
        );
        await updateBuild(tx, buildId, { state: "cancelled", cause, services, endedAt: at });
        await files.release(tx, buildHolder(buildId));
        // Whoever runs it closes the stream to the host, which ends it there.
        tx.emit(buildTold, { organizationId, buildId });
        announce(tx, { organizationId, kind: "build", id: buildId, parentId: stackId, change: "updated", at });
        await audit.record(tx, caller, {
          action: "builds.cancel",
          targetKind: "stack",
          targetId: stackId,
          detail: { buildId },
        });
        return required(tx, buildId, "look");
      }),
  };
}

async function required(tx: UnitOfWork, buildId: string, lock: "lock" | "look"): Promise<Build> {
  const build = await readBuild(tx, buildId, lock);
  if (build !== undefined) return build;
  throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no build ${buildId}` });
}
