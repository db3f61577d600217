import { announce } from "../events/index.ts";
import {
  commonErrors,
  ProblemError,
  randomToken,
  sha256,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { cleanText, type Labels } from "./model.ts";
import type { AuditTrail } from "./ports.ts";
import { requireLabels } from "./service.ts";
import { insertToken, readEnvironment, readToken, readTokens, revokeToken, type TokenRow } from "./store-tokens.ts";
import { shownPrefix, TOKEN_BYTES, tokenSecret } from "./token.ts";

export interface TokenRequest {
  name: string;
  /** Empty takes the organization's first. */
  environmentId: string;
  labels: Labels;
  /** Keys of labels that machines which enrol with it may set themselves. */
  hostLabelKeys: readonly string[];
  /** 0 means 1. */
  maxUses: number;
  /** 0 means an hour. */
  expiresInSeconds: number;
  skipApproval: boolean;
}

export interface EnrollmentTokensService {
  /** The secret is in this answer and nowhere else: only its hash is kept. */
  create(caller: Caller, request: TokenRequest): Promise<{ token: TokenRow; secret: string }>;
  list(caller: Caller, page: { after: string | undefined; limit: number }): Promise<TokenRow[]>;
  revoke(caller: Caller, tokenId: string): Promise<TokenRow>;
}

interface Parts {
  database: Database;
  clock: Clock;
  newId: NewId;
  audit: AuditTrail;
}

const HOUR_SECONDS = 3600;
// Below a minute nobody can paste the line in time.
const SHORTEST_SECONDS = 60;

export function createEnrollmentTokensService(parts: Parts): EnrollmentTokensService {
  const { database, clock, newId, audit } = parts;

  async function one(tx: UnitOfWork, caller: Caller, tokenId: string): Promise<TokenRow> {
    const row = await readToken(tx, caller.organizationId, tokenId);
    if (row === undefined) throw notFound(`There is no enrolment token ${tokenId} in this organization.`);
    return row;
  }

  return {
    create: async (caller, request) => {
      requireLabels(request.labels);
      const hostLabelKeys = [...new Set(request.hostLabelKeys)].toSorted();
      requireLabels(Object.fromEntries(hostLabelKeys.map((key) => [key, ""])));
      const { organizationId } = caller;
      const secret = tokenSecret(randomToken(TOKEN_BYTES));
      const maxUses = request.maxUses === 0 ? 1 : request.maxUses;
      const seconds =
        request.expiresInSeconds === 0 ? HOUR_SECONDS : Math.max(SHORTEST_SECONDS, request.expiresInSeconds);
      const id = newId("ent");
      const token = await database.inOrganization(caller, async (tx) => {
        const environment = await readEnvironment(tx, organizationId, request.environmentId || undefined);
        if (environment === undefined) throw notFound("There is no such environment in this organization.");
        const now = clock.now();
        const name =
          cleanText(request.name).trim() || `Token of ${now.toISOString().slice(0, 16).replace("T", " ")} UTC`;
        await insertToken(tx, {
          id,
          organizationId,
          environmentId: environment.id,
          name,
          shownPrefix: shownPrefix(secret),
          secretSha256: sha256(secret),
          labels: request.labels,
          hostLabelKeys,
          maxUses,
          // Decided once, at the making: a token that many may hold lets nobody in unseen.
          needsApproval: maxUses > 1 && !request.skipApproval,
          createdAt: now,
          createdBy: caller.name,
          expiresAt: new Date(now.getTime() + seconds * 1000),
        });
        const detail = {
          name,
          maxUses,
          environmentId: environment.id,
          labels: request.labels,
          hostLabelKeys,
          skipApproval: request.skipApproval,
        };
        await audit.record(tx, caller, {
          action: "enrollmentTokens.create",
          targetKind: "enrollment_token",
          targetId: id,
          detail,
        });
        announce(tx, { organizationId, kind: "enrollment_token", id, change: "created", at: now });
        return one(tx, caller, id);
      });
      return { token, secret };
    },
    list: (caller, page) =>
      database.inOrganization(caller, (tx) => readTokens(tx, { organizationId: caller.organizationId, ...page }), {
        readOnly: true,
      }),
    revoke: (caller, tokenId) =>
      database.inOrganization(caller, async (tx) => {
        const { organizationId } = caller;
        const before = await one(tx, caller, tokenId);
        if (before.revoked_at !== null) return before;
        const now = clock.now();
        await revokeToken(tx, organizationId, tokenId, now);
        const detail = { name: before.name, uses: before.uses };
        await audit.record(tx, caller, {
          action: "enrollmentTokens.revoke",
          targetKind: "enrollment_token",
          targetId: tokenId,
          detail,
        });
        announce(tx, { organizationId, kind: "enrollment_token", id: tokenId, change: "updated", at: now });
        return one(tx, caller, tokenId);
      }),
  };
}

function notFound(detail: string): ProblemError {
  return new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail });
}
