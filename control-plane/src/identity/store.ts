import { sql } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";

interface Tables {
  organizations: { id: string; name: string; created_at: Date };
  environments: { id: string; organization_id: string; name: string; created_at: Date };
  users: {
    id: string;
    email: string;
    display_name: string;
    password_hash: string;
    password_must_change: boolean;
    password_expires_at: Date | null;
    disabled_at: Date | null;
    created_at: Date;
  };
  memberships: { organization_id: string; user_id: string; permissions: string[]; created_at: Date };
  user_sessions: {
    id: string;
    organization_id: string;
    user_id: string;
    secret_sha256: Buffer;
    created_at: Date;
    seen_at: Date;
    expires_at: Date;
    remote_address: string;
    user_agent: string;
  };
  api_tokens: TokenRow;
}
interface TokenRow {
  id: string;
  organization_id: string;
  user_id: string;
  name: string;
  shown_prefix: string;
  secret_sha256: Buffer;
  permissions: string[];
  created_at: Date;
  expires_at: Date | null;
  used_at: Date | null;
  revoked_at: Date | null;
}

const own = (tx: UnitOfWork) => tablesOf<Tables>(tx);

export interface User {
  id: string;
  email: string;
  displayName: string;
  passwordHash: string;
  mustChange: boolean;
  passwordExpiresAt: Date | null;
  disabledAt: Date | null;
}
const userColumns = [
  "users.id",
  "users.email",
  "users.display_name as displayName",
  "users.password_hash as passwordHash",
  "users.password_must_change as mustChange",
  "users.password_expires_at as passwordExpiresAt",
  "users.disabled_at as disabledAt",
] as const;

export function findUserByEmail(tx: UnitOfWork, email: string): Promise<User | undefined> {
  return own(tx).selectFrom("users").select(userColumns).where("email", "=", email).executeTakeFirst();
}
export function findUser(tx: UnitOfWork, id: string): Promise<User | undefined> {
  return own(tx).selectFrom("users").select(userColumns).where("id", "=", id).executeTakeFirst();
}
export async function insertUser(tx: UnitOfWork, row: Tables["users"]): Promise<void> {
  await own(tx).insertInto("users").values(row).execute();
}
export async function setPassword(
  tx: UnitOfWork,
  userId: string,
  password: { hash: string; mustChange: boolean; expiresAt: Date | null },
): Promise<void> {
  await own(tx)
    .updateTable("users")
    .set({
      password_hash: password.hash,
      password_must_change: password.mustChange,
      password_expires_at: password.expiresAt,
    })
    .where("id", "=", userId)
    .execute();
}

export interface MembershipRow {
  organizationId: string;
  organizationName: string;
  permissions: string[];
  environments: { id: string; name: string }[];
}
/** The user's organizations, oldest membership first, each with its environments in the order they were made. */
export async function membershipsOf(tx: UnitOfWork, userId: string): Promise<MembershipRow[]> {
  const answer = await sql<MembershipRow>`
    SELECT o.id AS "organizationId", o.name AS "organizationName", m.permissions,
      coalesce((SELECT jsonb_agg(jsonb_build_object('id', e.id, 'name', e.name) ORDER BY e.created_at, e.id)
        FROM environments e WHERE e.organization_id = o.id), '[]') AS environments
    FROM memberships m JOIN organizations o ON o.id = m.organization_id
    WHERE m.user_id = ${userId} ORDER BY m.created_at, o.id`.execute(tx.queries);
  return answer.rows;
}
export async function insertOrganization(tx: UnitOfWork, row: Tables["organizations"]): Promise<void> {
  await own(tx).insertInto("organizations").values(row).execute();
}
export async function insertEnvironment(tx: UnitOfWork, row: Tables["environments"]): Promise<void> {
  await own(tx).insertInto("environments").values(row).execute();
}
export async function insertMembership(tx: UnitOfWork, row: Tables["memberships"]): Promise<void> {
  await own(tx).insertInto("memberships").values(row).execute();
}
/** True if there is no organization yet. Holds back other processes that ask the same until the commit. */
export async function isEmptyInstallation(tx: UnitOfWork): Promise<boolean> {
  await sql`SELECT pg_advisory_xact_lock(${FIRST_START_LOCK})`.execute(tx.queries);
  return (await own(tx).selectFrom("organizations").select("id").limit(1).executeTakeFirst()) === undefined;
}
const FIRST_START_LOCK = 0x66697273;

export async function insertSession(tx: UnitOfWork, row: Tables["user_sessions"]): Promise<void> {
  await own(tx).insertInto("user_sessions").values(row).execute();
}
export function findSession(
  tx: UnitOfWork,
  hash: Buffer,
): Promise<{ id: string; userId: string; seenAt: Date; expiresAt: Date } | undefined> {
  return own(tx)
    .selectFrom("user_sessions")
    .select(["id", "user_id as userId", "seen_at as seenAt", "expires_at as expiresAt"])
    .where("secret_sha256", "=", hash)
    .executeTakeFirst();
}
export async function touchSession(tx: UnitOfWork, id: string, seenAt: Date): Promise<void> {
  await own(tx).updateTable("user_sessions").set({ seen_at: seenAt }).where("id", "=", id).execute();
}
export async function deleteSession(tx: UnitOfWork, id: string): Promise<void> {
  await own(tx).deleteFrom("user_sessions").where("id", "=", id).execute();
}
export async function deleteOtherSessions(tx: UnitOfWork, userId: string, keptId: string | undefined): Promise<void> {
  await own(tx)
    .deleteFrom("user_sessions")
    .where("user_id", "=", userId)
    .where("id", "<>", keptId ?? "")
    .execute();
}
export async function deleteExpiredSessions(tx: UnitOfWork, now: Date): Promise<void> {
  await own(tx).deleteFrom("user_sessions").where("expires_at", "<", now).execute();
}

export interface Token {
  id: string;
  organizationId: string;
  userId: string;
  name: string;
  shownPrefix: string;
  permissions: string[];
  createdAt: Date;
  expiresAt: Date | null;
  usedAt: Date | null;
  revokedAt: Date | null;
}
const tokenColumns = [
  "id",
  "organization_id as organizationId",
  "user_id as userId",
  "name",
  "shown_prefix as shownPrefix",
  "permissions",
  "created_at as createdAt",
  "expires_at as expiresAt",
  "used_at as usedAt",
  "revoked_at as revokedAt",
] as const;

export async function insertToken(tx: UnitOfWork, row: TokenRow): Promise<void> {
  await own(tx).insertInto("api_tokens").values(row).execute();
}
export function findTokenBySecret(tx: UnitOfWork, hash: Buffer): Promise<Token | undefined> {
  return own(tx).selectFrom("api_tokens").select(tokenColumns).where("secret_sha256", "=", hash).executeTakeFirst();
}
export async function touchToken(tx: UnitOfWork, id: string, usedAt: Date): Promise<void> {
  await own(tx).updateTable("api_tokens").set({ used_at: usedAt }).where("id", "=", id).execute();
}
/** Newest first. */
export function listTokens(tx: UnitOfWork, page: { beforeId: string | undefined; limit: number }): Promise<Token[]> {
  let query = own(tx).selectFrom("api_tokens").select(tokenColumns).orderBy("id", "desc").limit(page.limit);
  if (page.beforeId !== undefined) query = query.where("id", "<", page.beforeId);
  return query.execute();
}
export function findToken(tx: UnitOfWork, id: string): Promise<Token | undefined> {
  return own(tx).selectFrom("api_tokens").select(tokenColumns).where("id", "=", id).executeTakeFirst();
}
/** A token that is revoked stays revoked at its first time. */
export async function revokeToken(tx: UnitOfWork, id: string, at: Date): Promise<void> {
  await own(tx)
    .updateTable("api_tokens")
    .set({ revoked_at: at })
    .where("id", "=", id)
    .where("revoked_at", "is", null)
    .execute();
}
export async function revokeTokensNamed(
  tx: UnitOfWork,
  named: { userId: string; name: string; at: Date },
): Promise<void> {
  await own(tx)
    .updateTable("api_tokens")
    .set({ revoked_at: named.at })
    .where("user_id", "=", named.userId)
    .where("name", "=", named.name)
    .where("revoked_at", "is", null)
    .execute();
}
