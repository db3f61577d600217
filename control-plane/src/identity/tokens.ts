import { pageOf, type Page } from "../api/index.ts";
import {
  commonErrors,
  ProblemError,
  randomToken,
  sha256,
  systemCaller,
  type Caller,
  type UnitOfWork,
} from "../platform/index.ts";
import { identityErrors } from "./errors.ts";
import { rightsChanged, type IdentityParts } from "./parts.ts";
import { ALL, isPermission } from "./permissions.ts";
import {
  findToken,
  findUserByEmail,
  insertToken,
  listTokens,
  membershipsOf,
  revokeToken,
  revokeTokensNamed,
  type Token,
} from "./store.ts";

export interface ApiTokens {
  create(
    caller: Caller,
    userId: string,
    wanted: { name: string; permissions: readonly string[]; expiresInDays: number },
  ): Promise<{ token: Token; secret: string }>;
  list(caller: Caller, page: Page): Promise<{ tokens: readonly Token[]; nextPageToken: string }>;
  revoke(caller: Caller, tokenId: string): Promise<Token>;
  /** A token with all rights of the user for programs on the machine itself; the one before it is revoked. */
  createLocal(email: string, options: { name: string; lifeMs: number }): Promise<LocalToken>;
}

/** What a program on the same machine needs to begin. */
export interface LocalToken {
  organizationId: string;
  /** The first environment of the organization. */
  environmentId: string;
  token: string;
}

const SECRET_BYTES = 32;
const SHOWN_CHARACTERS = 10;
const DEFAULT_DAYS = 365;
const DAY_MS = 24 * 60 * 60_000;
/** The order and filter of the list, to which its page tokens are bound. */
export const TOKEN_LIST: { readonly list: string; readonly order: string } = { list: "apiTokens", order: "-id" };

export function createApiTokens(parts: IdentityParts): ApiTokens {
  const { database, clock, newId, audit } = parts;

  async function store(
    tx: UnitOfWork,
    wanted: { organizationId: string; userId: string; name: string; permissions: string[]; expiresAt: Date },
  ): Promise<{ token: Token; secret: string }> {
    const secret = `wft_${randomToken(SECRET_BYTES)}`;
    const token: Token = {
      id: newId("tok"),
      ...wanted,
      shownPrefix: secret.slice(0, SHOWN_CHARACTERS),
      createdAt: clock.now(),
      usedAt: null,
      revokedAt: null,
    };
    await insertToken(tx, {
      id: token.id,
      organization_id: token.organizationId,
      user_id: token.userId,
      name: token.name,
      shown_prefix: token.shownPrefix,
      secret_sha256: sha256(secret),
      permissions: token.permissions,
      created_at: token.createdAt,
      expires_at: token.expiresAt,
      used_at: null,
      revoked_at: null,
    });
    return { token, secret };
  }

  return {
    create: async (caller, userId, wanted) => {
      const permissions = [...new Set(wanted.permissions)].sort();
      requireHeld(caller, permissions);
      const days = wanted.expiresInDays === 0 ? DEFAULT_DAYS : wanted.expiresInDays;
      const expiresAt = new Date(clock.now().getTime() + days * DAY_MS);
      return database.inOrganization(caller, async (tx) => {
        const { organizationId } = caller;
        const created = await store(tx, { organizationId, userId, name: wanted.name, permissions, expiresAt });
        const { id } = created.token;
        await audit.record(tx, caller, {
          action: "apiTokens.create",
          targetKind: "apiToken",
          targetId: id,
          detail: { name: wanted.name, permissions, expiresAt: expiresAt.toISOString() },
        });
        return created;
      });
    },

    list: async (caller, page) => {
      const [beforeId] = page.after ?? [];
      const rows = await database.inOrganization(
        caller,
        (tx) => listTokens(tx, { beforeId: typeof beforeId === "string" ? beforeId : undefined, limit: page.size + 1 }),
        { readOnly: true },
      );
      const { rows: tokens, nextPageToken } = pageOf(rows, page, TOKEN_LIST, (token) => [token.id]);
      return { tokens, nextPageToken };
    },

    revoke: (caller, tokenId) =>
      database.inOrganization(caller, async (tx) => {
        await revokeToken(tx, tokenId, clock.now());
        const token = await findToken(tx, tokenId);
        if (token === undefined) {
          throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no API token ${tokenId}` });
        }
        await audit.record(tx, caller, { action: "apiTokens.revoke", targetKind: "apiToken", targetId: tokenId });
        tx.emit(rightsChanged, { userId: token.userId });
        return token;
      }),

    createLocal: (email, options) =>
      database.asSystem(async (tx) => {
        const user = await findUserByEmail(tx, email);
        const membership = user === undefined ? undefined : (await membershipsOf(tx, user.id))[0];
        if (user === undefined || membership === undefined) {
          throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no user ${email}` });
        }
        const { organizationId, environments } = membership;
        await revokeTokensNamed(tx, { userId: user.id, name: options.name, at: clock.now() });
        const expiresAt = new Date(clock.now().getTime() + options.lifeMs);
        const wanted = { organizationId, userId: user.id, name: options.name, permissions: [ALL], expiresAt };
        const { token, secret } = await store(tx, wanted);
        await audit.record(tx, systemCaller("start of the control plane", organizationId), {
          action: "apiTokens.create",
          targetKind: "apiToken",
          targetId: token.id,
          detail: { name: options.name, permissions: [ALL], expiresAt: expiresAt.toISOString() },
        });
        tx.emit(rightsChanged, { userId: user.id });
        return { organizationId, environmentId: environments[0]?.id ?? "", token: secret };
      }),
  };
}

function requireHeld(caller: Caller, permissions: readonly string[]): void {
  const unknown = permissions.filter((name) => !isPermission(name));
  if (unknown.length > 0) {
    throw new ProblemError({
      code: commonErrors.WF_INVALID_ARGUMENT,
      detail: `there is no permission ${unknown.join(", ")}`,
      violations: unknown.map((name) => ({ path: "permissions", message: `there is no permission ${name}` })),
    });
  }
  const missing = permissions.filter((name) => !caller.permissions.has(name));
  if (missing.length === 0) return;
  throw new ProblemError({
    code: identityErrors.WF_PERMISSION_NOT_HELD,
    detail: `you do not have ${missing.join(", ")} yourself`,
    violations: missing.map((name) => ({ path: "permissions", message: `you do not have ${name}` })),
  });
}
