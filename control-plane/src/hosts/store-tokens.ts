import { sql, type Selectable } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import type { Labels } from "./model.ts";
import { hostsTables, type EnrollmentTokensTable } from "./tables.ts";

export type TokenRow = Selectable<EnrollmentTokensTable> & { environment_name: string };

export interface NewToken {
  id: string;
  organizationId: string;
  environmentId: string;
  name: string;
  shownPrefix: string;
  secretSha256: Uint8Array;
  labels: Labels;
  hostLabelKeys: readonly string[];
  maxUses: number;
  needsApproval: boolean;
  createdAt: Date;
  createdBy: string;
  expiresAt: Date;
  /** The host whose clone it is for, and that machine. */
  cloneOf?: { hostId: string; bootId: string };
}

export async function insertToken(tx: UnitOfWork, token: NewToken): Promise<void> {
  await hostsTables(tx)
    .insertInto("enrollment_tokens")
    .values({
      id: token.id,
      organization_id: token.organizationId,
      environment_id: token.environmentId,
      name: token.name,
      shown_prefix: token.shownPrefix,
      secret_sha256: token.secretSha256,
      labels: JSON.stringify(token.labels),
      host_label_keys: [...token.hostLabelKeys],
      max_uses: token.maxUses,
      needs_approval: token.needsApproval,
      created_at: token.createdAt,
      created_by: token.createdBy,
      expires_at: token.expiresAt,
      revoked_at: null,
      clone_host_id: token.cloneOf?.hostId ?? null,
      clone_boot_id: token.cloneOf?.bootId ?? null,
    })
    .execute();
}

function tokens(tx: UnitOfWork) {
  return hostsTables(tx)
    .selectFrom("enrollment_tokens")
    .innerJoin("environments", (join) =>
      join
        .onRef("environments.id", "=", "enrollment_tokens.environment_id")
        .onRef("environments.organization_id", "=", "enrollment_tokens.organization_id"),
    )
    .selectAll("enrollment_tokens")
    .select("environments.name as environment_name");
}

/** Newest first; `after` is the id of the last one of the page before. */
export async function readTokens(
  tx: UnitOfWork,
  query: { organizationId: string; after: string | undefined; limit: number },
): Promise<TokenRow[]> {
  let select = tokens(tx).where("enrollment_tokens.organization_id", "=", query.organizationId);
  if (query.after !== undefined) select = select.where("enrollment_tokens.id", "<", query.after);
  return select.orderBy("enrollment_tokens.id", "desc").limit(query.limit).execute();
}

export async function readToken(
  tx: UnitOfWork,
  organizationId: string,
  tokenId: string,
): Promise<TokenRow | undefined> {
  return tokens(tx)
    .where("enrollment_tokens.organization_id", "=", organizationId)
    .where("enrollment_tokens.id", "=", tokenId)
    .executeTakeFirst();
}

/** The token of a secret, in whichever organization, held until the end of the transaction: its uses are counted once. */
export async function lockTokenBySecret(
  tx: UnitOfWork,
  secretSha256: Uint8Array,
): Promise<Selectable<EnrollmentTokensTable> | undefined> {
  return hostsTables(tx)
    .selectFrom("enrollment_tokens")
    .selectAll()
    .where("secret_sha256", "=", secretSha256)
    .forUpdate()
    .executeTakeFirst();
}

export async function countTokenUse(tx: UnitOfWork, organizationId: string, tokenId: string): Promise<void> {
  await hostsTables(tx)
    .updateTable("enrollment_tokens")
    .set({ uses: sql`uses + 1` })
    .where("organization_id", "=", organizationId)
    .where("id", "=", tokenId)
    .execute();
}

/** Keeps the first time of revocation. */
export async function revokeToken(tx: UnitOfWork, organizationId: string, tokenId: string, now: Date): Promise<void> {
  await hostsTables(tx)
    .updateTable("enrollment_tokens")
    .set({ revoked_at: now })
    .where("organization_id", "=", organizationId)
    .where("id", "=", tokenId)
    .where("revoked_at", "is", null)
    .execute();
}

/** Forgets the tokens for a clone that it never used, but those to keep: one that calls and cannot enrol asks every minute. */
export async function forgetUnusedCloneTokens(
  tx: UnitOfWork,
  clone: { organizationId: string; hostId: string; bootId: string },
  keep: readonly string[],
): Promise<void> {
  await hostsTables(tx)
    .deleteFrom("enrollment_tokens")
    .where("organization_id", "=", clone.organizationId)
    .where("clone_host_id", "=", clone.hostId)
    .where("clone_boot_id", "=", clone.bootId)
    .where("uses", "=", 0)
    .where(sql<boolean>`id <> ALL(${[...keep]}::text[])`)
    .execute();
}

/** The environment of the id, or the organization's first when none is named. */
export async function readEnvironment(
  tx: UnitOfWork,
  organizationId: string,
  environmentId: string | undefined,
): Promise<{ id: string; name: string } | undefined> {
  let select = hostsTables(tx)
    .selectFrom("environments")
    .select(["id", "name"])
    .where("organization_id", "=", organizationId);
  if (environmentId !== undefined) select = select.where("id", "=", environmentId);
  return select.orderBy("created_at").orderBy("id").limit(1).executeTakeFirst();
}
