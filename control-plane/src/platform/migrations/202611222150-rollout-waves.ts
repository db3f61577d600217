import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611222150-rollout-waves",
  owner: "rollouts",
  sql: `
-- How a rollout goes about it, and where each of its waves stands; the old columns become a strategy of one wave.
ALTER TABLE rollouts ADD COLUMN strategy jsonb NOT NULL DEFAULT '{}';
ALTER TABLE rollouts ADD COLUMN waves jsonb NOT NULL DEFAULT '[]';
UPDATE rollouts SET
  strategy = jsonb_build_object('waves', '[]'::jsonb, 'maxParallel', max_parallel, 'failureBudget', failure_budget,
    'onFailure', 'stop', 'gate', jsonb_build_object('stableMs', stable_ms, 'deadlineMs', deadline_ms, 'maxRestarts', 3,
      'probes', '[]'::jsonb, 'conditions', '[]'::jsonb)),
  waves = jsonb_build_array(jsonb_build_object('name', 'wave 1', 'pauseMs', 0, 'needsApproval', false, 'maxParallel', 0)
    || CASE WHEN started_at IS NULL THEN '{}'::jsonb
       ELSE jsonb_build_object('startedAt', floor(extract(epoch FROM started_at) * 1000)) END);
ALTER TABLE rollouts ALTER COLUMN strategy DROP DEFAULT;
ALTER TABLE rollouts ALTER COLUMN waves DROP DEFAULT;
ALTER TABLE rollouts DROP COLUMN max_parallel;
ALTER TABLE rollouts DROP COLUMN failure_budget;
ALTER TABLE rollouts DROP COLUMN stable_ms;
ALTER TABLE rollouts DROP COLUMN deadline_ms;

-- What people asked of it, and what it waits for.
ALTER TABLE rollouts ADD COLUMN origin text NOT NULL DEFAULT 'person' CHECK (origin IN ('person', 'placement', 'rollback'));
ALTER TABLE rollouts ADD COLUMN reason text NOT NULL DEFAULT '';
ALTER TABLE rollouts ADD COLUMN waiting_for text CHECK (waiting_for IN ('hosts', 'approval', 'window', 'pause'));
ALTER TABLE rollouts ADD COLUMN waiting_until timestamptz;
ALTER TABLE rollouts ADD COLUMN paused_by text;
ALTER TABLE rollouts ADD COLUMN pause_reason text NOT NULL DEFAULT '';
ALTER TABLE rollouts ADD COLUMN roll_back_reason text;
ALTER TABLE rollouts ADD COLUMN excused_failures integer NOT NULL DEFAULT 0;
ALTER TABLE rollouts ADD COLUMN ignore_windows boolean NOT NULL DEFAULT false;
ALTER TABLE rollouts ADD COLUMN override_local_holds boolean NOT NULL DEFAULT false;

ALTER TABLE rollouts DROP CONSTRAINT rollouts_state_check;
ALTER TABLE rollouts ADD CONSTRAINT rollouts_state_check CHECK (state IN ('pending', 'running', 'waiting', 'paused', 'rolling-back',
  'succeeded', 'failed', 'cancelled', 'superseded', 'rolled-back'));
DROP INDEX rollouts_open;
DROP INDEX rollouts_one_open;
CREATE INDEX rollouts_open ON rollouts (wake_at) WHERE state IN ('pending', 'running', 'waiting', 'paused', 'rolling-back');
CREATE UNIQUE INDEX rollouts_one_open ON rollouts (stack_id)
  WHERE state IN ('pending', 'running', 'waiting', 'paused', 'rolling-back');

ALTER TABLE rollout_hosts ADD COLUMN wave integer NOT NULL DEFAULT 1;
ALTER TABLE rollout_hosts ADD COLUMN retries integer NOT NULL DEFAULT 0;
ALTER TABLE rollout_hosts ADD COLUMN window_opens_at timestamptz;
ALTER TABLE rollout_hosts DROP CONSTRAINT rollout_hosts_state_check;
ALTER TABLE rollout_hosts ADD CONSTRAINT rollout_hosts_state_check CHECK (state IN ('pending', 'not-reached', 'applying',
  'checking-health', 'rolling-back', 'succeeded', 'failed', 'cancelled', 'rolled-back', 'rollback-failed'));
DROP INDEX rollout_hosts_open;
CREATE INDEX rollout_hosts_open ON rollout_hosts (host_id)
  WHERE state IN ('pending', 'not-reached', 'applying', 'checking-health', 'rolling-back');

-- What the gate of the attempt asks of the host, and whether a local hold counts.
ALTER TABLE host_desired_stacks ADD COLUMN probes jsonb NOT NULL DEFAULT '[]';
ALTER TABLE host_desired_stacks ADD COLUMN override_hold boolean NOT NULL DEFAULT false;
`,
};
