import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import { commonErrors, equalSecrets, ProblemError, sha256, type Database } from "../platform/index.ts";
import { bearerOf } from "./credentials.ts";

/** For what watches the process: alive, ready, figures. */
export function addHealth(
  app: FastifyInstance,
  parts: { database: Database; registry: Registry; metricsToken: string | undefined },
): void {
  const { registry } = parts;
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async () => {
    await parts.database.ping();
    return { status: "ready" };
  });
  app.get("/metrics", async (request, reply) => {
    const given = bearerOf(request.headers.authorization);
    const expected = parts.metricsToken;
    if (expected === undefined || given === undefined || !equalSecrets(sha256(given.secret), sha256(expected))) {
      throw new ProblemError({
        code: commonErrors.WF_UNAUTHENTICATED,
        detail: "the figures need the token of the setting --metrics-token",
      });
    }
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
