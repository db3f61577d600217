import { SYSTEM_ROLE, systemTable, tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

const RINGS = [0, 1, 2, 3, 4, 5, 6, 7];

export const migration: Migration = {
  name: "202611222156-metric-tiers",
  owner: "metrics",
  sql: `
-- A host or a container that has samples, as a number: it stands in each row and in each index.
CREATE TABLE metric_subjects (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id text NOT NULL,
  host_id text NOT NULL,
  container_id text NOT NULL,
  seen_at timestamptz NOT NULL,
  CONSTRAINT metric_subjects_of UNIQUE (host_id, container_id)
);
CREATE INDEX metric_subjects_seen ON metric_subjects (seen_at);
${tenantTable("metric_subjects")}

-- Batches as hosts sent them, until they are rolled up. A slot is what came between two closings; it has one of the
-- partitions, which is emptied as a whole.
CREATE TABLE metric_intake (
  ring smallint NOT NULL,
  organization_id text NOT NULL,
  subject integer NOT NULL,
  -- Of its last sample.
  at timestamptz NOT NULL,
  batch bytea NOT NULL
) PARTITION BY LIST (ring);
ALTER TABLE metric_intake ALTER COLUMN batch SET STORAGE EXTERNAL;
CREATE INDEX metric_intake_subject ON metric_intake (subject);
${tenantTable("metric_intake")}
${RINGS.map((ring) => `CREATE TABLE metric_intake_${ring} PARTITION OF metric_intake FOR VALUES IN (${ring}) WITH (autovacuum_enabled = false);`).join("\n")}
SELECT metric_secure_partition('metric_intake_' || ring) FROM unnest(ARRAY[${RINGS.join()}]) AS ring;

-- Without a cutoff: the one that is open. Samples before the cutoff are rolled up, later ones are carried over.
CREATE TABLE metric_slots (
  slot bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ring smallint NOT NULL UNIQUE,
  since timestamptz NOT NULL,
  cutoff timestamptz
);
CREATE UNIQUE INDEX metric_slots_open ON metric_slots ((cutoff IS NULL)) WHERE cutoff IS NULL;
INSERT INTO metric_slots (ring, since) VALUES (0, '-infinity');
${systemTable("metric_slots")}
-- Parts of a closed slot that are not done: subjects whose number modulo lanes is the lane, those beyond the cursor.
CREATE TABLE metric_lanes (
  slot bigint NOT NULL,
  lane smallint NOT NULL,
  lanes smallint NOT NULL,
  cursor integer NOT NULL DEFAULT 0,
  PRIMARY KEY (slot, lane)
);
${systemTable("metric_lanes")}

-- Samples for a day, a bucket of five minutes in each row.
CREATE TABLE metric_samples (
  organization_id text NOT NULL,
  subject integer NOT NULL,
  layout integer NOT NULL,
  at timestamptz NOT NULL,
  slot bigint NOT NULL,
  chunk bytea NOT NULL,
  PRIMARY KEY (subject, at, slot)
) PARTITION BY RANGE (at);
-- Statistics of five minutes for a week, and of half an hour for as long as the setting says.
${["metric_buckets", "metric_halves"]
  .map(
    (table) => `CREATE TABLE ${table} (
  organization_id text NOT NULL,
  subject integer NOT NULL,
  layout integer NOT NULL,
  at timestamptz NOT NULL,
  samples integer NOT NULL,
  chunk bytea NOT NULL,
  times bytea,
  PRIMARY KEY (subject, at)
) PARTITION BY RANGE (at);
ALTER TABLE ${table} ALTER COLUMN times SET STORAGE EXTERNAL;`,
  )
  .join("\n")}
-- The same statistics by column: one figure of many subjects in a row. The row that was written last holds.
${["metric_column_buckets", "metric_column_halves"]
  .map(
    (table) => `CREATE TABLE ${table} (
  organization_id text NOT NULL,
  series smallint NOT NULL,
  at timestamptz NOT NULL,
  written bigint NOT NULL,
  first_subject integer NOT NULL,
  chunk bytea NOT NULL,
  PRIMARY KEY (organization_id, series, at, written, first_subject)
) PARTITION BY RANGE (at);`,
  )
  .join("\n")}
${["metric_samples", "metric_buckets", "metric_halves", "metric_column_buckets", "metric_column_halves"]
  .map(
    (table) => `ALTER TABLE ${table} ALTER COLUMN chunk SET STORAGE EXTERNAL;
${tenantTable(table)}
CREATE TABLE ${table}_default PARTITION OF ${table} DEFAULT;
SELECT metric_secure_partition('${table}_default');`,
  )
  .join("\n")}
CREATE SEQUENCE metric_writes;
GRANT USAGE ON SEQUENCE metric_writes TO windflow_system;

-- Half hours whose statistics are not made of all that came.
CREATE TABLE metric_half_pending (
  organization_id text NOT NULL,
  subject integer NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (subject, at)
);
CREATE INDEX metric_half_pending_at ON metric_half_pending (at);
${tenantTable("metric_half_pending")}

-- Held until the transaction ends: a slot is closed when nobody writes into it any more.
CREATE FUNCTION metric_open_ring() RETURNS smallint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(1835365481, 1);
  RETURN (SELECT ring FROM metric_slots WHERE cutoff IS NULL);
END $$;
REVOKE ALL ON FUNCTION metric_open_ring() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION metric_open_ring() TO windflow_tenant, windflow_system;

CREATE FUNCTION metric_rolled_up_to() RETURNS timestamptz
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT nullif(min(s.since), '-infinity') FROM metric_slots s
  WHERE s.cutoff IS NULL OR EXISTS (SELECT FROM metric_lanes l WHERE l.slot = s.slot)
$$;
REVOKE ALL ON FUNCTION metric_rolled_up_to() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION metric_rolled_up_to() TO windflow_tenant, windflow_system;

CREATE FUNCTION metric_close_slot(new_cutoff timestamptz, lane_count integer) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  open_slot bigint;
  free_ring smallint;
BEGIN
  PERFORM pg_advisory_xact_lock(1835365481, 1);
  SELECT slot INTO open_slot FROM metric_slots WHERE cutoff IS NULL AND since < new_cutoff;
  SELECT ring INTO free_ring FROM unnest(ARRAY[${RINGS.join()}]::smallint[]) AS ring
    WHERE ring NOT IN (SELECT s.ring FROM metric_slots s) LIMIT 1;
  -- Another has just closed it, or what was closed before is not done: it goes on in the open one.
  IF open_slot IS NULL OR free_ring IS NULL THEN RETURN false; END IF;
  UPDATE metric_slots SET cutoff = new_cutoff WHERE slot = open_slot;
  INSERT INTO metric_slots (ring, since) VALUES (free_ring, new_cutoff);
  INSERT INTO metric_lanes (slot, lane, lanes) SELECT open_slot, lane, lane_count FROM generate_series(0, lane_count - 1) AS lane;
  RETURN true;
END $$;
REVOKE ALL ON FUNCTION metric_close_slot(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION metric_close_slot(timestamptz, integer) TO windflow_system;

-- Empties and frees closed slots that are done. False: somebody reads one of them just now.
CREATE FUNCTION metric_free_slots() RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  done record;
BEGIN
  FOR done IN SELECT s.slot, s.ring FROM metric_slots s WHERE s.cutoff IS NOT NULL
    AND NOT EXISTS (SELECT FROM metric_lanes l WHERE l.slot = s.slot) FOR UPDATE SKIP LOCKED
  LOOP
    EXECUTE format('TRUNCATE metric_intake_%s', done.ring);
    DELETE FROM metric_slots WHERE slot = done.slot;
  END LOOP;
  RETURN true;
EXCEPTION WHEN lock_not_available THEN RETURN false;
END $$;
REVOKE ALL ON FUNCTION metric_free_slots() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION metric_free_slots() TO windflow_system;

CREATE FUNCTION metric_is_tier(parent text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT parent IN ('metric_samples', 'metric_buckets', 'metric_halves', 'metric_column_buckets', 'metric_column_halves')
$$;
CREATE OR REPLACE FUNCTION metric_make_partition(parent text, from_time timestamptz, to_time timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  partition_name text := parent || '_' || to_char(from_time AT TIME ZONE 'UTC', 'YYYYMMDDHH24');
BEGIN
  IF NOT metric_is_tier(parent) THEN RAISE EXCEPTION 'not a table of samples: %', parent; END IF;
  IF to_regclass(partition_name) IS NOT NULL THEN RETURN false; END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', partition_name, parent, from_time, to_time);
  PERFORM metric_secure_partition(partition_name);
  RETURN true;
EXCEPTION
  -- Rows of that time are in the default partition already: they stay there.
  WHEN check_violation OR duplicate_table THEN RETURN false;
END $$;
CREATE OR REPLACE FUNCTION metric_drop_partitions(parent text, before_time timestamptz) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  old record;
  dropped integer := 0;
BEGIN
  IF NOT metric_is_tier(parent) THEN RAISE EXCEPTION 'not a table of samples: %', parent; END IF;
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

-- What was stored before comes along: samples and statistics are written in the same way. Half hours are made of it by the
-- first rounds. Only the last minutes before this, which were not rolled up, have samples and no statistics.
SET LOCAL ROLE ${SYSTEM_ROLE};
INSERT INTO metric_subjects (organization_id, host_id, container_id, seen_at)
  SELECT organization_id, host_id, container_id, max(at) FROM (
    SELECT organization_id, host_id, container_id, at FROM metric_raw
    UNION ALL SELECT organization_id, host_id, container_id, at FROM metric_5m) AS stored
  GROUP BY organization_id, host_id, container_id;
INSERT INTO metric_samples (organization_id, subject, layout, at, slot, chunk)
  SELECT r.organization_id, s.id, r.layout, r.at, 0, r.chunk FROM metric_raw r JOIN metric_subjects s USING (host_id, container_id);
-- How many samples an old row is of stands in no column: as many as a host sends in five minutes.
INSERT INTO metric_buckets (organization_id, subject, layout, at, samples, chunk, times)
  SELECT r.organization_id, s.id, r.layout, r.at, 60, r.chunk, r.times FROM metric_5m r JOIN metric_subjects s USING (host_id, container_id);
INSERT INTO metric_half_pending (organization_id, subject, at)
  SELECT DISTINCT organization_id, subject, date_bin('30 minutes', at, 'epoch'::timestamptz) FROM metric_buckets;
DELETE FROM jobs WHERE kind = 'metrics.roll-up';
RESET ROLE;
DROP TABLE metric_raw, metric_5m, metric_pending;
`,
};
