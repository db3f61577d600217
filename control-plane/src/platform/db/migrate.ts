import type pg from "pg";
import { sha256Hex } from "../crypto.ts";
import { ProblemError, startErrors } from "../errors.ts";
import { field, type Log } from "../log.ts";

/** One step of the schema. Written once, never changed afterwards: a correction is a new migration. */
export interface Migration {
  /** `YYYYMMDDHHMM-what`, as its file. */
  readonly name: string;
  /** The domain whose tables these are. */
  readonly owner: string;
  readonly sql: string;
}

// Any constant: the server tells advisory locks apart by this number only. "windflow" in ASCII, cut to 31 bits.
const MIGRATION_LOCK = 0x77696e64;

/** Brings the schema up to `migrations`. Safe to call from several processes at once: the later ones wait. */
export async function migrate(client: pg.Client, migrations: readonly Migration[], log: Log): Promise<void> {
  await client.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
  try {
    await client.query(`CREATE TABLE IF NOT EXISTS schema_migrations (
      name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
    const answer = await client.query<{ name: string; sha256: string }>("SELECT name, sha256 FROM schema_migrations");
    const applied = new Map(answer.rows.map((row) => [row.name, row.sha256]));
    requireKnown(applied, migrations);
    for (const migration of pending(applied, migrations)) {
      await applyOne(client, migration);
      log.info({ [field.name]: migration.name }, "A migration was applied.");
    }
  } finally {
    await client.query("SELECT pg_advisory_unlock($1)", [MIGRATION_LOCK]).catch(() => undefined);
  }
}

function requireKnown(applied: ReadonlyMap<string, string>, migrations: readonly Migration[]): void {
  const known = new Map(migrations.map((migration) => [migration.name, hashOf(migration)]));
  for (const [name, hash] of applied) {
    const expected = known.get(name);
    if (expected === hash) continue;
    const detail =
      expected === undefined
        ? `the database has the migration ${name}, which this version does not know: it was used by a newer version`
        : `the migration ${name} was changed after it had been applied`;
    throw new ProblemError({ code: startErrors.WF_DATABASE_MIGRATION, detail });
  }
}

function pending(applied: ReadonlyMap<string, string>, migrations: readonly Migration[]): Migration[] {
  return migrations.filter((migration) => !applied.has(migration.name)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  await client.query("BEGIN");
  try {
    await client.query(migration.sql);
    await client.query("INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)", [
      migration.name,
      hashOf(migration),
    ]);
    await client.query("COMMIT");
  } catch (cause) {
    await client.query("ROLLBACK").catch(() => undefined);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ProblemError({ code: startErrors.WF_DATABASE_MIGRATION, detail: `${migration.name}: ${reason}`, cause });
  }
}

function hashOf(migration: Migration): string {
  return sha256Hex(migration.sql);
}
