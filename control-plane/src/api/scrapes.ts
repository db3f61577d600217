import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import { commonErrors, equalSecrets, ProblemError, sha256, type Caller } from "../platform/index.ts";
import { authorize } from "./authorize.ts";
import { bearerOf, recognise, type Authenticator } from "./credentials.ts";

/** `/metrics` for Prometheus. */
export interface Scrapes {
  /** Says what an API token sees: text in the same format. */
  handle(read: (caller: Caller) => Promise<string>): void;
}

const PERMISSION = "metrics.read";

/**
 * The token of the setting sees the figures of the process, which are of all organizations; an API token with metrics.read
 * sees the fleet of its organization and nothing else. A browser's session is none of both: nothing else than a program scrapes.
 */
export function addScrapes(
  app: FastifyInstance,
  parts: { registry: Registry; authenticator: Authenticator; metricsToken: string | undefined },
): Scrapes {
  const { registry, authenticator, metricsToken } = parts;
  let fleet: (caller: Caller) => Promise<string> = async () => "";
  app.get("/metrics", async (request, reply) => {
    const given = bearerOf(request.headers.authorization);
    const expected = metricsToken === undefined ? undefined : sha256(metricsToken);
    if (given !== undefined && expected !== undefined && equalSecrets(sha256(given.secret), expected)) {
      return reply.type(registry.contentType).send(await registry.metrics());
    }
    const principal = await recognise(authenticator, given);
    if (principal === undefined) {
      throw new ProblemError({
        code: commonErrors.WF_UNAUTHENTICATED,
        detail: `the figures need an API token with ${PERMISSION}, or the token of the setting --metrics-token`,
      });
    }
    const caller = authorize({
      access: { rule: "permission", permission: PERMISSION },
      method: "/metrics",
      principal,
      organization: principal.memberships[0]?.organizationId,
      remoteAddress: request.ip,
      requestId: request.id,
    });
    return reply.type(registry.contentType).send(await fleet(caller));
  });
  return {
    handle: (read) => {
      fleet = read;
    },
  };
}
