import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestDatabase, type TestDatabase } from "../testing/database.ts";
import { createLog, eventType, openPlatform, systemClock, tablesOf, type JobKind, type Platform } from "./index.ts";

const log = createLog({ level: "silent" });
const somethingHappened = eventType<{ thingId: string }>("test.something");

interface Tables {
  environments: { id: string; organization_id: string; name: string; created_at: Date };
}

let server: TestDatabase;
let platform: Platform;
let other: Platform;

beforeAll(async () => {
  server = await startTestDatabase(log);
  // Two replicas that start at once: migrations are applied by one of them.
  [platform, other] = await Promise.all([
    openPlatform({ connection: server.connection, clock: systemClock, log }),
    openPlatform({ connection: server.connection, clock: systemClock, log }),
  ]);
  await platform.database.asSystem(async (tx) => {
    for (const id of ["org_a", "org_b"]) {
      await sql`INSERT INTO organizations (id, name, created_at) VALUES (${id}, ${id}, now())`.execute(tx.queries);
      await sql`INSERT INTO environments (id, organization_id, name, created_at)
        VALUES (${`env_${id}`}, ${id}, 'production', now())`.execute(tx.queries);
    }
  });
});
afterAll(async () => {
  await other?.close();
  await platform?.close();
  await server?.stop();
});

describe("tenancy", () => {
  const environmentsOf = (organizationId: string): Promise<string[]> =>
    platform.database.inOrganization(organizationId, async (tx) => {
      const rows = await tablesOf<Tables>(tx).selectFrom("environments").select("id").execute();
      return rows.map((row) => row.id);
    });

  test("a unit of work sees the rows of its organization only", async () => {
    expect(await environmentsOf("org_a")).toEqual(["env_org_a"]);
    expect(await environmentsOf("org_b")).toEqual(["env_org_b"]);
    expect(await environmentsOf("org_c")).toEqual([]);
  });

  test("a unit of work cannot write into another organization", async () => {
    const write = platform.database.inOrganization("org_a", (tx) =>
      tablesOf<Tables>(tx)
        .insertInto("environments")
        .values({ id: "env_x", organization_id: "org_b", name: "x", created_at: new Date() })
        .execute(),
    );
    await expect(write).rejects.toThrow(/row-level security/);
  });

  test("without an organization there is no unit of work, and no rows", async () => {
    expect(() => platform.database.inOrganization("", async () => undefined)).toThrow(/organization's id/);
    const rows = await platform.database.asSystem(async (tx) => {
      await sql`SELECT set_config('role', 'windflow_tenant', true)`.execute(tx.queries);
      return tablesOf<Tables>(tx).selectFrom("environments").select("id").execute();
    });
    expect(rows).toEqual([]);
  });
});

describe("events", () => {
  test("are told after the commit, here and on other replicas, and not after a rollback", async () => {
    const heard: string[] = [];
    platform.bus.on(somethingHappened, (event) => heard.push(`here ${event.thingId}`));
    const elsewhere = new Promise<string>((resolve) =>
      other.bus.on(somethingHappened, (event) => resolve(event.thingId)),
    );
    await platform.database
      .asSystem(async (tx) => {
        tx.emit(somethingHappened, { thingId: "rolled back" });
        throw new Error("no");
      })
      .catch(() => undefined);
    await platform.database.asSystem(async (tx) => {
      tx.emit(somethingHappened, { thingId: "committed" });
      tx.afterCommit(() => void heard.push("hook"));
      expect(heard).toEqual([]);
    });
    expect(heard).toEqual(["here committed", "hook"]);
    expect(await elsewhere).toBe("committed");
  });

  test("a stream has what came after it was asked for", async () => {
    const stop = new AbortController();
    const stream = platform.bus.stream(somethingHappened, {
      signal: stop.signal,
      filter: (event) => event.thingId !== "2",
    });
    for (const thingId of ["1", "2", "3"])
      await platform.database.asSystem(async (tx) => tx.emit(somethingHappened, { thingId }));
    const seen: unknown[] = [];
    for await (const event of stream) {
      seen.push(event);
      if (seen.length === 2) stop.abort();
    }
    expect(seen).toEqual([{ thingId: "1" }, { thingId: "3" }]);
  });
});

describe("jobs", () => {
  const counted: JobKind<{ name: string }> = { kind: "test.counted", maxAttempts: 3 };

  test("run once for each key, are retried after a failure, and run again when asked for meanwhile", async () => {
    const runs: string[] = [];
    let resolveDone: () => void = () => undefined;
    const done = new Promise<void>((resolve) => (resolveDone = resolve));
    const run = async (job: { payload: { name: string }; attempt: number; organizationId: string | undefined }) => {
      runs.push(`${job.payload.name} ${job.organizationId ?? "-"} ${job.attempt}`);
      if (job.payload.name === "fails once" && job.attempt === 1) throw new Error("the first time");
      if (job.payload.name === "again" && runs.filter((line) => line.startsWith("again")).length === 1) {
        await platform.database.asSystem((tx) =>
          platform.jobs.enqueue(tx, counted, { key: "again", payload: { name: "again" } }),
        );
      }
      if (runs.length === 5) resolveDone();
      return { done: true } as const;
    };
    for (const replica of [platform, other]) {
      replica.jobs.register(counted, run);
      replica.jobs.start();
    }
    await platform.database.inOrganization("org_a", async (tx) => {
      await platform.jobs.enqueue(tx, counted, { key: "once", payload: { name: "once" } });
      await platform.jobs.enqueue(tx, counted, { key: "once", payload: { name: "once" } });
    });
    await platform.database.asSystem(async (tx) => {
      await platform.jobs.enqueue(tx, counted, { key: "fails", payload: { name: "fails once" } });
      await platform.jobs.enqueue(tx, counted, { key: "again", payload: { name: "again" } });
    });
    await done;
    expect(runs.sort()).toEqual(["again - 1", "again - 1", "fails once - 1", "fails once - 2", "once org_a 1"]);
  });
});
