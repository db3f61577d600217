import { ControlFrame, ObservedState, type SpoolEntry } from "@windflow/proto/agent";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";

let app: TestApp;
let hosts: TestHosts;
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
});
afterAll(async () => {
  await app.stop();
});

const HOUR_MS = 3_600_000;
const inTenant = <Row>(query: ReturnType<typeof sql<Row>>) =>
  app.platform.database.inOrganization(app.organizationId, async (tx) => (await query.execute(tx.queries)).rows);
const eventsOf = (hostId: string) =>
  inTenant(sql<{ type: string; message: string; at: Date; recorded_at: Date }>`SELECT type, message, at, recorded_at
    FROM events WHERE host_id = ${hostId} ORDER BY at, id`);
const died = (sequence: bigint, at: Date, message: string): SpoolEntry => ({
  sequence,
  at,
  kind: {
    $case: "event",
    value: {
      type: "container.die",
      message,
      severity: "error",
      containerId: "",
      containerName: "",
      stackId: "",
      service: "",
      attributes: {},
    },
  },
});

describe("a host that comes back", () => {
  it("says its hash first; while nothing differs, nothing else travels, and its last report counts as confirmed", async () => {
    const identity = await hosts.newHost("quiet");
    const first = await hosts.session(identity);
    const containers = Array.from({ length: 200 }, (_, i) => ({
      id: `c${i}`,
      name: `container-${i}`,
      state: "running",
    }));
    const state = ObservedState.fromPartial({ digest: "sha-1", containers, at: new Date() });
    first.send({ $case: "observed", value: state });
    await hosts.until(identity.hostId, (host) => host.containersTotal === 200);
    first.close();
    const [before] = await inTenant(sql<{ confirmed_at: Date | null }>`SELECT confirmed_at FROM observed_hosts
      WHERE host_id = ${identity.hostId}`);
    expect(before?.confirmed_at).toBeNull();

    const generation = first.welcome.generation;
    const again = await hosts.session(identity, { observedDigest: "sha-1", generation });
    expect(again.welcome.wantsObserved).toBe(false);
    await expect(again.next("desiredState", 300)).rejects.toThrow("no desiredState");
    const { value } = { value: again.welcome };
    const bytes = ControlFrame.encode({ id: 1n, ack: 0n, kind: { $case: "welcome", value } }).finish().length;
    // A whole report of these containers is more than ten times as much as all that was said.
    expect(ObservedState.encode(state).finish().length).toBeGreaterThan(4_000);
    expect(bytes - value.trustedRoots.length).toBeLessThan(300);
    const [after] = await inTenant(sql<{ confirmed_at: Date | null }>`SELECT confirmed_at FROM observed_hosts
      WHERE host_id = ${identity.hostId}`);
    expect(after?.confirmed_at).toBeInstanceOf(Date);
    again.close();

    const changed = await hosts.session(identity, { observedDigest: "sha-2", generation });
    expect(changed.welcome.wantsObserved).toBe(true);
    changed.close();
  });

  it("tells what happened while it was alone in the control plane's time, in its order, once, whatever its clock says", async () => {
    const identity = await hosts.newHost("skewed");
    const hostNow = () => new Date(Date.now() + 2 * HOUR_MS);
    const session = await hosts.session(identity, { agentTime: hostNow() });
    const ago = (ms: number) => new Date(hostNow().getTime() - ms);
    const entries = [
      // Before its clock was set, it believed to be in 1970.
      died(1n, new Date(5_000), "first"),
      died(2n, ago(HOUR_MS), "second"),
      died(3n, ago(60_000), "third"),
      died(4n, new Date(hostNow().getTime() + HOUR_MS), "fourth"),
    ];
    const batch = { $case: "spoolBatch" as const, value: { spoolId: "spool-1", entries, dropped: 0n } };
    session.send(batch);
    await session.next("spoolAck");
    session.send(batch);
    await session.next("spoolAck");
    const told = (await eventsOf(identity.hostId)).filter(({ type }) => type === "container.die");
    expect(told.map(({ message }) => message)).toEqual(["first", "second", "third", "fourth"]);
    const ages = told.map(({ at, recorded_at: recordedAt }) => recordedAt.getTime() - at.getTime());
    expect(Math.abs((ages[1] ?? 0) - HOUR_MS)).toBeLessThan(5_000);
    expect(Math.abs((ages[2] ?? 0) - 60_000)).toBeLessThan(5_000);
    expect(ages[3]).toBe(0);
    const host = await hosts.get(identity.hostId);
    expect(Math.abs((host.facts?.clockSkewSeconds ?? 0) - 7_200)).toBeLessThan(5);
    session.close();
  });

  it("is known to have been started anew, and whether its agent had said goodbye", async () => {
    const identity = await hosts.newHost("rebooted");
    const first = await hosts.session(identity, { bootId: "boot-1" });
    first.close();
    await first.ended();
    const second = await hosts.session(identity, { bootId: "boot-2" });
    second.send({
      $case: "goodbye",
      value: { code: "", message: "the machine stops", retryAfterMs: 0, doNotReturn: false },
    });
    await second.ended();
    await hosts.until(identity.hostId, () => true);
    const third = await hosts.session(identity, { bootId: "boot-3" });
    third.close();
    // The double says the same time of each boot, and what is taken off it as skew differs by what the machine had to do.
    const boots = (await eventsOf(identity.hostId))
      .filter(({ type }) => type === "host.booted")
      .toSorted((a, b) => a.recorded_at.getTime() - b.recorded_at.getTime());
    expect(boots.map(({ message }) => message)).toEqual([
      "Host rebooted was started anew; its agent had not said goodbye.",
      "Host rebooted was started anew; its agent had said goodbye.",
    ]);
  });
});
