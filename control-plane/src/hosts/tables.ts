import type { Health } from "@windflow/core";
import type { ColumnType, Generated } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { AgentBuild, HostAgentUpdate, HostFacts, HostPresence, HostScheduling, Labels } from "./model.ts";

// Written as JSON text, read parsed.
type Json<Value> = ColumnType<Value, string, string>;

export interface HostsTable {
  id: string;
  organization_id: string;
  environment_id: string;
  name: string;
  labels: Json<Labels>;
  facts: Json<HostFacts>;
  capabilities: string[];
  agent_version: string;
  sealing_key: Uint8Array;
  enrollment_token_id: string;
  enrolled_at: Date;
  certificate_expires_at: Date;
  awaiting_approval: boolean;
  quarantined_at: Date | null;
  quarantine_reason: string | null;
  revoked_at: Date | null;
  revocation_reason: string | null;
  version: Generated<bigint>;
  presence: HostPresence;
  presence_since: Date;
  presence_cause: string;
  last_seen_at: Date | null;
  epoch: Generated<bigint>;
  session_replica: string | null;
  session_opened_at: Date | null;
  session_closed_at: Date | null;
  session_end_cause: string | null;
  boot_id: Generated<string>;
  previous_boot_id: Generated<string>;
  clock_skew_ms: Generated<number>;
  observed_generation: Generated<string>;
  containers_running: Generated<number>;
  containers_total: Generated<number>;
  cpu_percent: Generated<number>;
  memory_percent: Generated<number>;
  scheduling: Generated<HostScheduling>;
  agent_build: ColumnType<AgentBuild | null, never, never>;
  agent_update: ColumnType<HostAgentUpdate | null, never, never>;
  /** What the machine asked for and nobody has decided yet. */
  requested_labels: ColumnType<Labels, string | undefined, string>;
}

export interface HostKeysTable {
  spki_sha256: Uint8Array;
  organization_id: string;
  host_id: string;
  spki: Uint8Array;
  created_at: Date;
  revoked_at: Date | null;
}

export interface EnrollmentTokensTable {
  id: string;
  organization_id: string;
  environment_id: string;
  name: string;
  shown_prefix: string;
  secret_sha256: Uint8Array;
  labels: Json<Labels>;
  max_uses: number;
  uses: Generated<number>;
  needs_approval: boolean;
  created_at: Date;
  created_by: string;
  expires_at: Date;
  revoked_at: Date | null;
  host_label_keys: Generated<string[]>;
  clone_host_id: ColumnType<string | null, string | null | undefined, never>;
  clone_boot_id: ColumnType<string | null, string | null | undefined, never>;
}

// Identity's table; read here for the names and the default that a host gets, never written.
interface EnvironmentsTable {
  id: string;
  organization_id: string;
  name: string;
  created_at: Date;
}

export interface HostHealthTable {
  host_id: string;
  organization_id: string;
  health: Health;
  summary: string;
  stacks_drifted: number;
  stacks_held: number;
}

export interface HostMachinesTable {
  host_id: string;
  boot_id: string;
  organization_id: string;
  remote_address: string;
  hostname: string;
  addresses: string[];
  first_seen_at: Date;
  last_seen_at: Date;
  sessions: number;
  from_epoch: bigint;
  doubted: Generated<boolean>;
  decided: Generated<MachineDecision>;
  token_id: string | null;
  became_host_id: string | null;
}
/** `enrolled`: the clone has become a host of its own. */
export type MachineDecision = "" | "host" | "clone" | "enrolled";

export interface HostsTables {
  host_machines: HostMachinesTable;
  host_health: HostHealthTable;
  session_replicas: { id: string; seen_at: Date; address: string; spki_sha256: Uint8Array };
  hosts: HostsTable;
  host_keys: HostKeysTable;
  enrollment_tokens: EnrollmentTokensTable;
  environments: EnvironmentsTable;
}

export function hostsTables(tx: UnitOfWork): ReturnType<typeof tablesOf<HostsTables>> {
  return tablesOf<HostsTables>(tx);
}
