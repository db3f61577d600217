import type { FastifyInstance } from "fastify";
import type { Database } from "../platform/index.ts";

/** For what watches the process: alive, ready. */
export function addHealth(app: FastifyInstance, parts: { database: Database }): void {
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async () => {
    await parts.database.ping();
    return { status: "ready" };
  });
}
