import type { Kysely } from "kysely";
import type { EventType } from "../events/bus.ts";

/** One transaction with its tenant and its consequences. Never kept after the function that received it has ended. */
export interface UnitOfWork {
  /** The organization whose rows can be seen; undefined for the system, which sees all of them. */
  readonly organizationId: string | undefined;
  /** Untyped on purpose: a store takes its own tables from it with `tablesOf<ItsTables>(tx)`. */
  readonly queries: Kysely<unknown>;
  /** Tells this process and the other replicas, after the commit and only then. */
  emit<Payload extends object>(type: EventType<Payload>, payload: Payload): void;
  /** Runs after the commit, in order. A hook that fails is logged: the commit stands. */
  afterCommit(hook: () => void | Promise<void>): void;
}

/** A store's view of the transaction: only its own tables compile. */
export function tablesOf<Tables>(tx: UnitOfWork): Kysely<Tables> {
  return tx.queries as Kysely<Tables>;
}
