/**
 * The two roles that every unit of work runs as. Neither owns a table, so row security holds for both; the role that
 * logs in has no policy at all and is used for migrations only.
 */
export const TENANT_ROLE = "windflow_tenant";
export const SYSTEM_ROLE = "windflow_system";
/** The setting that names the organization of the transaction. */
export const ORGANIZATION_SETTING = "windflow.organization";

// Roles belong to the server, not to the database: another database of the same server may have made them already,
// or be making them at this moment.
const createRole = (role: string): string => `
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN
    CREATE ROLE ${role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
  -- Tried and not looked up: from PostgreSQL 16, who made a role is a member of it that may not take it.
  BEGIN
    SET LOCAL ROLE ${role};
    RESET ROLE;
  EXCEPTION WHEN insufficient_privilege THEN
    EXECUTE format('GRANT ${role} TO %I', session_user);
  END;
EXCEPTION WHEN unique_violation THEN NULL;
END $$;
GRANT USAGE ON SCHEMA public TO ${role};`;

export const rolesSql: string = [TENANT_ROLE, SYSTEM_ROLE].map(createRole).join("\n");

type Access = "full" | "append-only";
const privileges: Record<Access, string> = { full: "SELECT, INSERT, UPDATE, DELETE", "append-only": "SELECT, INSERT" };

/**
 * SQL that makes an existing table belong to organizations: the tenant role sees the rows of the organization in the
 * setting and no others, the system role sees all, everybody else none.
 * The text is part of migrations that have run: never change it, write a second function.
 * @param options.column the column that names the organization, `organization_id` unless told
 * @param options.access `append-only` tables can be neither updated nor deleted from, by anyone but their owner
 */
export function tenantTable(table: string, options: { column?: string; access?: Access } = {}): string {
  const column = options.column ?? "organization_id";
  const rights = privileges[options.access ?? "full"];
  const mine = `${column} = current_setting('${ORGANIZATION_SETTING}', true)`;
  return `
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
CREATE POLICY ${table}_tenant ON ${table} TO ${TENANT_ROLE} USING (${mine}) WITH CHECK (${mine});
CREATE POLICY ${table}_system ON ${table} TO ${SYSTEM_ROLE} USING (true) WITH CHECK (true);
GRANT ${rights} ON ${table} TO ${TENANT_ROLE}, ${SYSTEM_ROLE};`;
}

/** SQL that gives a table of the installation as a whole (no organization) to the system role only. */
export function systemTable(table: string, options: { access?: Access } = {}): string {
  return `GRANT ${privileges[options.access ?? "full"]} ON ${table} TO ${SYSTEM_ROLE};`;
}
