import { listenOverflows } from "../measure/process.ts";
import { allWelcomed } from "./growth.ts";
import type { Scale } from "./scale.ts";
import type { Site } from "./site.ts";
import type { Workers } from "./workers.ts";

export interface Storm {
  /** Until every agent had its session again. */
  readonly seconds: number;
  readonly sessions: number;
  readonly resumed: number;
  readonly failed: number;
  readonly overflows: number;
  readonly processorMsPerSession: number;
  readonly databaseMsPerSession: number;
}

/** Every connection is cut at once, as by a switch that restarts. */
export async function cutAll(site: Site, workers: Workers, scale: Scale): Promise<Storm> {
  return storm(site, workers, scale, async () => {
    const before = site.use();
    await workers.all("cut", () => ({}));
    return before;
  });
}

/** The control plane is killed and started again on its state; counted from when it was started. */
export async function killAndStart(
  site: Site,
  workers: Workers,
  scale: Scale,
): Promise<Storm & { startSeconds: number }> {
  let startSeconds = 0;
  const told = await storm(site, workers, scale, async () => {
    await site.kill();
    const began = performance.now();
    await site.start();
    startSeconds = (performance.now() - began) / 1000;
    // The new process has used nothing before.
    return { ...site.use(), atMs: began, processorSeconds: 0 };
  });
  return { ...told, startSeconds };
}

async function storm(
  site: Site,
  workers: Workers,
  scale: Scale,
  begin: () => Promise<ReturnType<Site["use"]>>,
): Promise<Storm> {
  const overflows = listenOverflows();
  const { counts: before } = await workers.tally();
  const used = await begin();
  await allWelcomed(workers, scale.agents, scale);
  const after = site.use();
  const { counts } = await workers.tally();
  const sessions = counts.sessions - before.sessions;
  return {
    seconds: (after.atMs - used.atMs) / 1000,
    sessions,
    resumed: counts.resumed - before.resumed,
    failed: counts.failed - before.failed,
    overflows: listenOverflows() - overflows,
    processorMsPerSession: ((after.processorSeconds - used.processorSeconds) * 1000) / sessions,
    databaseMsPerSession: ((after.databaseSeconds - used.databaseSeconds) * 1000) / sessions,
  };
}
