import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221550-metrics",
  owner: "metrics",
  sql: `
CREATE TABLE metric_layouts (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id text NOT NULL,
  names text[] NOT NULL,
  names_sha256 text NOT NULL,
  CONSTRAINT metric_layouts_names UNIQUE (organization_id, names_sha256)
);
${tenantTable("metric_layouts")}

CREATE TABLE metric_raw (
  organization_id text NOT NULL,
  host_id text NOT NULL,
  container_id text NOT NULL,
  at timestamptz NOT NULL,
  layout integer NOT NULL,
  chunk bytea NOT NULL,
  PRIMARY KEY (host_id, container_id, at)
) PARTITION BY RANGE (at);
ALTER TABLE metric_raw ALTER COLUMN chunk SET STORAGE EXTERNAL;
${tenantTable("metric_raw")}

CREATE TABLE metric_5m (
  organization_id text NOT NULL,
  host_id text NOT NULL,
  container_id text NOT NULL,
  at timestamptz NOT NULL,
  layout integer NOT NULL,
  chunk bytea NOT NULL,
  PRIMARY KEY (host_id, container_id, at)
) PARTITION BY RANGE (at);
ALTER TABLE metric_5m ALTER COLUMN chunk SET STORAGE EXTERNAL;
${tenantTable("metric_5m")}

CREATE TABLE metric_pending (
  organization_id text NOT NULL,
  host_id text NOT NULL,
  container_id text NOT NULL,
  bucket timestamptz NOT NULL,
  PRIMARY KEY (host_id, container_id, bucket)
);
CREATE INDEX metric_pending_bucket ON metric_pending (bucket);
${tenantTable("metric_pending")}

CREATE FUNCTION metric_secure_partition(partition_name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', partition_name);
  EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', partition_name);
END $$;
REVOKE ALL ON FUNCTION metric_secure_partition(text) FROM PUBLIC;

CREATE TABLE metric_raw_default PARTITION OF metric_raw DEFAULT;
CREATE TABLE metric_5m_default PARTITION OF metric_5m DEFAULT;
SELECT metric_secure_partition('metric_raw_default'), metric_secure_partition('metric_5m_default');

CREATE FUNCTION metric_make_partition(parent text, from_time timestamptz, to_time timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  partition_name text := parent || '_' || to_char(from_time AT TIME ZONE 'UTC', 'YYYYMMDDHH24');
BEGIN
  IF parent NOT IN ('metric_raw', 'metric_5m') THEN RAISE EXCEPTION 'not a table of samples: %', parent; END IF;
  IF to_regclass(partition_name) IS NOT NULL THEN RETURN false; END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', partition_name, parent, from_time, to_time);
  PERFORM metric_secure_partition(partition_name);
  RETURN true;
EXCEPTION
  -- Rows of that time are in the default partition already: they stay there.
  WHEN check_violation OR duplicate_table THEN RETURN false;
END $$;
REVOKE ALL ON FUNCTION metric_make_partition(text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION metric_make_partition(text, timestamptz, timestamptz) TO windflow_system;

CREATE FUNCTION metric_drop_partitions(parent text, before_time timestamptz) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  old record;
  dropped integer := 0;
BEGIN
  IF parent NOT IN ('metric_raw', 'metric_5m') THEN RAISE EXCEPTION 'not a table of samples: %', parent; END IF;
  FOR old IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = parent::regclass AND c.relname <> parent || '_default'
      AND right(c.relname, 10) < to_char(before_time AT TIME ZONE 'UTC', 'YYYYMMDDHH24')
  LOOP
    EXECUTE format('DROP TABLE %I', old.relname);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION metric_drop_partitions(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION metric_drop_partitions(text, timestamptz) TO windflow_system;
`,
};
