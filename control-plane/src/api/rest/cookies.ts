import type { FastifyReply, FastifyRequest } from "fastify";
import { commonErrors, ProblemError } from "../../platform/index.ts";
import { bearerOf, type Credential } from "../credentials.ts";
import type { SessionCookie } from "../handlers.ts";

// The prefix makes browsers insist on Secure, Path=/ and no Domain: no sibling host can set or read it.
export const SESSION_COOKIE = "__Host-windflow";
const attributes = "Path=/; Secure; HttpOnly; SameSite=Strict";

/** A bearer token if there is one, else the session cookie. */
export function credentialOf(request: FastifyRequest): Credential {
  const header = request.headers.authorization;
  if (header !== undefined) return bearerOf(header);
  const secret = sessionSecret(request.headers.cookie);
  return secret === undefined ? undefined : { kind: "session", secret };
}

function sessionSecret(header: string | undefined): string | undefined {
  for (const pair of (header ?? "").split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === SESSION_COOKIE && value !== undefined && /^[\w-]+$/.test(value)) return value;
  }
  return undefined;
}

export function cookieOn(reply: FastifyReply): SessionCookie {
  return {
    set: (secret, expiresAt) => {
      reply.header("set-cookie", `${SESSION_COOKIE}=${secret}; ${attributes}; Expires=${expiresAt.toUTCString()}`);
    },
    clear: () => {
      reply.header("set-cookie", `${SESSION_COOKIE}=; ${attributes}; Max-Age=0`);
    },
  };
}

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Refuses what another site makes a browser send. Bearer tokens are never sent by a browser on its own, so that they
 * need none of this.
 * @param origins the origins of this control plane besides the one that the request names itself
 */
export function requireOwnOrigin(request: FastifyRequest, origins: readonly string[]): void {
  if (request.headers.authorization !== undefined) return;
  const { origin, cookie } = request.headers;
  const isUpgrade = request.headers.upgrade !== undefined;
  const site = request.headers["sec-fetch-site"];
  const own = origin === `https://${request.headers.host ?? ""}` || origins.includes(origin ?? "");
  if (SAFE.has(request.method) && !isUpgrade) {
    // A read with our cookie from another site shows nothing to it, but there is no reason to answer.
    if (cookie !== undefined && (site === "cross-site" || site === "same-site")) throw refusal(String(site));
    return;
  }
  if (origin !== undefined && !own) throw refusal(origin);
  if (origin === undefined && (cookie !== undefined || isUpgrade)) throw refusal("a request without an Origin header");
}

function refusal(from: string): ProblemError {
  return new ProblemError({ code: commonErrors.WF_ORIGIN_REFUSED, detail: `refused: ${from}` });
}
