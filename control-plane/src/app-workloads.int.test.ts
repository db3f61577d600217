import { credentials, Metadata } from "@grpc/grpc-js";
import {
  FetchBodyRequest,
  StackBody,
  type AgentServiceClient,
  type DesiredState,
  type ObservedContainer,
  type ObservedStack,
  type StreamDown,
  type StreamUp,
} from "@windflow/proto/agent";
import {
  ContainersServiceClient,
  type Container,
  type PlanStackResponse,
  type Revision,
  type Rollout,
  type Stack,
  type TerminalOutput,
} from "@windflow/proto/api";
import { sql } from "kysely";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import WebSocket from "ws";
import { testHosts, type TestHosts } from "./testing/hosts.ts";
import { startTestApp, type TestApp } from "./testing/index.ts";
import { observedService, observedStack } from "./testing/observed.ts";
import { dial, type TestIdentity, type TestSession } from "./testing/test-agent.ts";

let app: TestApp;
let hosts: TestHosts;
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
});
afterAll(async () => {
  await app.stop();
});

async function call<Answer>(method: string, rest: string, body?: unknown): Promise<Answer> {
  const response = await app.rest.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);
  if (response.status !== 200) throw new Error(`${method} ${rest}: ${response.status} ${response.text}`);
  return response.json as Answer;
}

/** A host on a real session, whose engine is this test. */
interface Machine {
  identity: TestIdentity;
  session: TestSession;
  client: AgentServiceClient;
  observe(desired: DesiredState, stack: Partial<ObservedStack>, containers?: Partial<ObservedContainer>[]): void;
  close(): void;
}

async function newMachine(name: string): Promise<Machine> {
  const identity = await hosts.newHost(name);
  const session = await hosts.session(identity);
  const client = dial(app, identity);
  let reports = 0;
  return {
    identity,
    session,
    client,
    observe: (desired, stack, containers = []) => {
      reports += 1;
      session.send({
        $case: "observed",
        value: {
          at: new Date(),
          digest: `${name}-${reports}`,
          generation: desired.generation,
          engineProblem: "",
          containers: containers.map((one) => ({ ...container, ...one })),
          stacks: desired.stacks.map(({ stackId, revision }) => observedStack({ stackId, revision, ...stack })),
        },
      });
    },
    close: () => {
      session.close();
      client.close();
    },
  };
}
const container: ObservedContainer = {
  id: "c".repeat(64),
  name: "hello-web-1",
  image: "hello:1",
  imageId: "sha256:1",
  state: "running",
  health: "none",
  exitCode: 0,
  restartCount: 0,
  labels: {},
  createdAt: new Date(),
  startedAt: new Date(),
  finishedAt: undefined,
  ports: [],
  mounts: [],
  networks: [],
  command: "run",
  stackId: "",
  revision: 0,
  service: "",
  tty: false,
};

/** Passes over the empty one that a new session begins with. */
async function nextDesired(machine: Machine): Promise<DesiredState> {
  const desired = await machine.session.next("desiredState");
  return desired.stacks.length > 0 ? desired : nextDesired(machine);
}

async function fetchBody(machine: Machine, digest: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of machine.client.fetchBody(FetchBodyRequest.fromPartial({ digest }))) {
    chunks.push((chunk as { content: Uint8Array }).content);
  }
  return Buffer.concat(chunks);
}

async function newStack(name: string, hostIds: string[], yaml: string, variables: object[] = []): Promise<string> {
  const stack = await call<Stack>("POST", "stacks", { name, placement: { hostIds } });
  const source = { files: { "compose.yaml": yaml }, variables };
  await call<Revision>("POST", `stacks/${stack.id}/revisions`, { source, message: "first" });
  return stack.id;
}

test("API to host and back: a rollout is pushed, its body fetched by digest, and succeeds with the health gate", async () => {
  const machine = await newMachine("path");
  const { hostId } = machine.identity;
  const stackId = await newStack("hello", [hostId], "services: {web: {image: hello:1}}");
  const created = await call<Rollout>("POST", "rollouts", { stackId, healthGate: { stableSeconds: 1 } });
  expect(created).toMatchObject({ state: "STATE_RUNNING", hosts: [{ hostId, state: "STATE_APPLYING" }] });

  const desired = await nextDesired(machine);
  const [wanted] = desired.stacks;
  const body = StackBody.decode(await fetchBody(machine, wanted?.bodyDigest ?? ""));
  expect(body).toMatchObject({ stackId, stackName: "hello", project: "hello", revision: 1 });
  await expect(fetchBody(machine, `sha256:${"0".repeat(64)}`)).rejects.toMatchObject({ code: 5 });
  machine.session.send({
    $case: "desiredStateReply",
    value: { generation: desired.generation, refused: "", code: "" },
  });

  const watch = await app.rest.open("GET", `/v1/organizations/${app.organizationId}/rollouts/${created.id}:watch`, {
    accept: "text/event-stream",
  });
  let seen = "";
  watch.on("data", (chunk: Buffer) => (seen += chunk.toString()));
  const ended = once(watch, "end");
  const service = observedService({ service: "web", since: new Date(), containerIds: [container.id] });
  machine.observe(desired, { services: [service], healthySince: new Date() }, [
    { stackId, service: "web", revision: 1 },
  ]);
  await ended;
  expect(seen).toContain("STATE_CHECKING_HEALTH");
  expect(seen).toContain("STATE_SUCCEEDED");

  const stack = await call<Stack>("GET", `stacks/${stackId}`);
  expect(stack).toMatchObject({
    currentRevision: 1,
    status: { state: "SERVICE_STATE_RUNNING", summary: "1 ok", hosts: [{ hostName: "path", desiredRevision: 1 }] },
  });
  const listed = await call<{ containers: Container[]; total: number }>("GET", `containers?stackId=${stackId}`);
  expect(listed).toMatchObject({ total: 1, containers: [{ name: "hello-web-1", hostName: "path", service: "web" }] });
  expect(await call("GET", `hosts/${hostId}`)).toMatchObject({ desiredGeneration: "1.1", stacksTotal: 1 });
  machine.close();
});

test("an event of the host is the rollout's next state within milliseconds", async () => {
  const machine = await newMachine("fast");
  const stackId = await newStack("fast", [machine.identity.hostId], "services: {web: {image: hello:1}}");
  const { id } = await call<Rollout>("POST", "rollouts", { stackId });
  const desired = await nextDesired(machine);
  machine.observe(desired, { healthySince: new Date(Date.now() - 60_000) });
  // No timer of the worker is shorter than this: what is seen came from the event.
  await vi.waitFor(
    async () => expect(await call("GET", `rollouts/${id}`)).toMatchObject({ state: "STATE_SUCCEEDED" }),
    {
      timeout: 900,
      interval: 5,
    },
  );
  machine.close();
});

test("secrets reach the host sealed, only for the revision that it must run", async () => {
  const machine = await newMachine("sealed");
  const yaml = "services: {db: {image: db:1, environment: {PASSWORD: '${PASSWORD}'}}}";
  const secret = { name: "PASSWORD", value: "canary-3d1e", secret: true };
  const stackId = await newStack("sealed", [machine.identity.hostId], yaml, [secret]);
  const ask = (revision: number) =>
    new Promise<unknown>((resolve, reject) =>
      machine.client.fetchSecrets({ stackId, revision }, (error, answer) =>
        error === null ? resolve(answer.sealed) : reject(error),
      ),
    );
  await expect(ask(1)).rejects.toMatchObject({ code: expect.any(Number) });
  await call("POST", "rollouts", { stackId });
  const desired = await nextDesired(machine);
  const body = await fetchBody(machine, desired.stacks[0]?.bodyDigest ?? "");
  expect(Buffer.from(body).includes("canary-3d1e")).toBe(false);
  expect(StackBody.decode(body).secrets).toEqual(["PASSWORD@1"]);
  expect(await ask(1)).toMatchObject({ ephemeralKey: expect.anything(), ciphertext: expect.anything() });
  const revision = await app.rest.call("GET", `/v1/organizations/${app.organizationId}/stacks/${stackId}/revisions/1`);
  expect(revision.status).toBe(200);
  expect(revision.text).not.toContain("canary-3d1e");
  machine.close();
});

test("a plan is made by the host; one that is away is told as not reached", async () => {
  const machine = await newMachine("planner");
  const away = await hosts.newHost("away");
  const stackId = await newStack(
    "planned",
    [machine.identity.hostId, away.hostId],
    "services: {web: {image: hello:1}}",
  );
  const planned = call<PlanStackResponse>("POST", `stacks/${stackId}:plan`, { revision: 1 });
  const request = await machine.session.next("planRequest");
  expect(StackBody.decode(request.body).stackId).toBe(stackId);
  machine.session.send({
    $case: "planReply",
    value: {
      requestId: request.requestId,
      steps: [
        {
          op: "create-container",
          target: "container planned-web-1",
          cause: "it is missing",
          service: "web",
          dependsOn: [],
        },
      ],
      text: "create-container container planned-web-1",
      observedAt: new Date(),
      expectedDowntimeSeconds: {},
      problem: "",
    },
  });
  const answer = await planned;
  expect(answer.hosts[0]).toMatchObject({ hostName: "away", notReached: expect.stringContaining("never observed") });
  expect(answer.hosts[1]).toMatchObject({ hostName: "planner", text: "create-container container planned-web-1" });
  const broken = { source: { files: { "compose.yaml": "services:\n  web:\n    imag: x\n" } } };
  const refused = await call<PlanStackResponse>("POST", `stacks/${stackId}:plan`, broken);
  expect(refused.problems[0]).toMatchObject({ severity: "SEVERITY_ERROR", line: 3 });
  machine.close();
});

/** Answers the next stream that the control plane asks the machine for. */
async function serveStream(
  machine: Machine,
  serve: (
    send: (kind: NonNullable<StreamUp["kind"]>) => void,
    received: AsyncIterable<StreamDown>,
    command: unknown,
  ) => Promise<void>,
): Promise<void> {
  const { ticket, kind } = await machine.session.next("openStream");
  const stream = machine.client.openStream();
  stream.on("error", () => undefined);
  stream.write({ kind: { $case: "ticket", value: ticket } });
  await serve((up) => stream.write({ kind: up }), stream, kind);
  stream.end();
}

test("logs come line by line, and a container of nobody is not found", async () => {
  const machine = await newMachine("logs");
  const { hostId } = machine.identity;
  machine.observe({ generation: undefined, stacks: [] }, {}, [{}]);
  await vi.waitFor(() => call("GET", `hosts/${hostId}/containers/${container.id}`));
  const served = serveStream(machine, async (send, _received, command) => {
    expect(command).toMatchObject({ $case: "logs", value: { containerId: container.id, tail: 200 } });
    send({ $case: "logs", value: { entries: [{ at: new Date(), stderr: false, text: "ready" }], dropped: 0 } });
    send({ $case: "logs", value: { entries: [{ at: new Date(), stderr: true, text: "oops" }], dropped: 3 } });
    send({ $case: "end", value: { exitCode: 0, problem: "", code: "" } });
    await Promise.resolve();
  });
  const stream = await app.rest.open(
    "GET",
    `/v1/organizations/${app.organizationId}/hosts/${hostId}/containers/${container.id}/logs`,
    { accept: "text/event-stream" },
  );
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  await served;
  expect(text).toContain('"text":"ready"');
  expect(text).toContain("STREAM_STDERR");
  const nobody = await app.rest.call(
    "GET",
    `/v1/organizations/${app.organizationId}/hosts/${hostId}/containers/${"d".repeat(64)}/logs`,
  );
  expect(nobody.text).toContain("WF_NOT_FOUND");
  machine.close();
});

test("a terminal goes both ways over gRPC and by a single-use ticket, and stands in the audit trail", async () => {
  const machine = await newMachine("terminal");
  const { hostId } = machine.identity;
  machine.observe({ generation: undefined, stacks: [] }, {}, [{}]);
  await vi.waitFor(() => call("GET", `hosts/${hostId}/containers/${container.id}`));
  const echo = (): Promise<void> =>
    serveStream(machine, async (send, received) => {
      const next = received[Symbol.asyncIterator]();
      for (;;) {
        const { kind } = (await next.next()).value as StreamDown;
        if (kind?.$case !== "input") continue;
        send({ $case: "output", value: kind.value });
        send({ $case: "end", value: { exitCode: 7, problem: "", code: "" } });
        return;
      }
    });

  const client = new ContainersServiceClient(`127.0.0.1:${app.port}`, credentials.createSsl(Buffer.from(app.ca)));
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${app.token}`);
  const exec = client.exec(metadata);
  const outputs: TerminalOutput[] = [];
  exec.on("data", (output: TerminalOutput) => outputs.push(output));
  exec.on("error", () => undefined);
  const grpcEnded = once(exec, "end");
  const size = { columns: 100, rows: 30 };
  const start = {
    organization: app.organizationId,
    hostId,
    containerId: container.id,
    command: ["sh"],
    user: "",
    tty: true,
    size,
  };
  const first = echo();
  exec.write({ kind: { $case: "start", value: start } });
  exec.write({ kind: { $case: "input", value: Buffer.from("hi") } });
  await first;
  await grpcEnded;
  client.close();
  expect(outputs.map((output) => output.kind?.$case)).toEqual(["output", "exit"]);
  expect(outputs[1]?.kind?.value).toMatchObject({ exitCode: 7, reason: "" });

  const ticket = await call<{ path: string }>("POST", `hosts/${hostId}/containers/${container.id}:execTicket`, {});
  const second = echo();
  const open = (): WebSocket =>
    new WebSocket(`wss://127.0.0.1:${app.port}${ticket.path}`, { ca: app.ca, origin: app.url });
  const socket = open();
  const messages: string[] = [];
  socket.on("message", (content: Buffer) => messages.push(content.toString()));
  await once(socket, "open");
  socket.send(Buffer.from("typed"));
  await second;
  await once(socket, "close");
  expect(messages[0]).toBe("typed");
  expect(JSON.parse(messages[1] ?? "")).toEqual({ exitCode: 7, reason: "" });
  const again = open();
  const [refused] = (await once(again, "error")) as [Error];
  expect(refused.message).toContain("401");

  const shell = await app.rest.call("POST", `/v1/organizations/${app.organizationId}/hosts/${hostId}:shellTicket`, {});
  expect(shell.text).toContain("WF_HOST_SHELL_NOT_ALLOWED");
  const { entries, broken } = await app.app.audit.verify(app.organizationId);
  expect(broken).toBeUndefined();
  expect(entries).toBeGreaterThan(4n);
  machine.close();
});

test("a terminal whose host goes away ends with the reason", async () => {
  const machine = await newMachine("vanishing");
  const { hostId } = machine.identity;
  machine.observe({ generation: undefined, stacks: [] }, {}, [{}]);
  await vi.waitFor(() => call("GET", `hosts/${hostId}/containers/${container.id}`));
  const ticket = await call<{ path: string }>("POST", `hosts/${hostId}/containers/${container.id}:execTicket`, {});
  const socket = new WebSocket(`wss://127.0.0.1:${app.port}${ticket.path}`, { ca: app.ca, origin: app.url });
  const messages: string[] = [];
  socket.on("message", (content: Buffer) => messages.push(content.toString()));
  const closed = once(socket, "close");
  const { ticket: streamTicket } = await machine.session.next("openStream");
  const stream = machine.client.openStream();
  stream.on("error", () => undefined);
  stream.write({ kind: { $case: "ticket", value: streamTicket } });
  stream.write({ kind: { $case: "output", value: Buffer.from("$ ") } });
  await vi.waitFor(() => expect(messages).toEqual(["$ "]));
  stream.cancel();
  await closed;
  expect(JSON.parse(messages[1] ?? "")).toMatchObject({ exitCode: -1, reason: expect.stringContaining("host") });
  machine.close();
});

test("a terminal that was opened with a ticket ends when the right to it is taken away", async () => {
  const machine = await newMachine("revoked-rights");
  const { hostId } = machine.identity;
  machine.observe({ generation: undefined, stacks: [] }, {}, [{}]);
  await vi.waitFor(() => call("GET", `hosts/${hostId}/containers/${container.id}`));
  const permissions = ["containers.exec", "containers.read"];
  const made = await call<{ secret: string; token: { id: string } }>("POST", "apiTokens", {
    name: "short",
    permissions,
  });
  const path = `/v1/organizations/${app.organizationId}/hosts/${hostId}/containers/${container.id}:execTicket`;
  const answer = await app.rest.call("POST", path, {}, { authorization: `Bearer ${made.secret}` });
  const ticket = answer.json as { path: string };
  const socket = new WebSocket(`wss://127.0.0.1:${app.port}${ticket.path}`, { ca: app.ca, origin: app.url });
  const messages: string[] = [];
  socket.on("message", (content: Buffer) => messages.push(content.toString()));
  const closed = once(socket, "close");
  const { ticket: streamTicket } = await machine.session.next("openStream");
  const stream = machine.client.openStream();
  stream.on("error", () => undefined);
  stream.write({ kind: { $case: "ticket", value: streamTicket } });
  stream.write({ kind: { $case: "output", value: Buffer.from("$ ") } });
  stream.on("data", (down: StreamDown) => {
    if (down.kind?.$case !== "close") return;
    stream.write({ kind: { $case: "end", value: { exitCode: 137, problem: "", code: "" } } });
    stream.end();
  });
  await vi.waitFor(() => expect(messages).toEqual(["$ "]));
  await call("POST", `apiTokens/${made.token.id}:revoke`, {});
  await closed;
  expect(JSON.parse(messages[1] ?? "")).toMatchObject({
    reason: expect.stringContaining("containers.exec was taken away"),
  });
  machine.close();
});

test("another organization sees none of it", async () => {
  const { stacks } = await call<{ stacks: Stack[] }>("GET", "stacks");
  expect(stacks.length).toBeGreaterThan(0);
  const seen = await app.platform.database.inOrganization("org_another", async (tx) => {
    const tables = ["stacks", "stack_revisions", "rollouts", "rollout_hosts", "observed_containers", "metric_intake"];
    const rows = await Promise.all(tables.map((table) => sql`SELECT 1 FROM ${sql.table(table)}`.execute(tx.queries)));
    return rows.map((answer) => answer.rows.length);
  });
  expect(seen).toEqual([0, 0, 0, 0, 0, 0]);
});

test("samples of the spool are charts, and looking at them raises the rate", async () => {
  const machine = await newMachine("charted");
  const { hostId } = machine.identity;
  const now = Date.now();
  const samples = {
    containerId: "",
    atMs: [BigInt(now - 10_000), BigInt(now - 5000)],
    columns: [
      { name: "cpu_used_ratio", values: [0.25, 0.5] },
      { name: "memory_used_bytes", values: [2e9, 2e9] },
      { name: "memory_total_bytes", values: [8e9, 8e9] },
    ],
    packedColumns: new Uint8Array(0),
  };
  const entries = [{ sequence: 1n, at: new Date(), kind: { $case: "samples" as const, value: samples } }];
  machine.session.send({ $case: "spoolBatch", value: { spoolId: "spool-1", entries, dropped: 0n } });
  expect(await machine.session.next("spoolAck")).toMatchObject({ sequence: 1n });
  const series = await call<{ columns: { name: string; unit: string; values: number[] }[] }>(
    "GET",
    `hosts/${hostId}/metrics?maxPoints=3600`,
  );
  expect(series.columns).toContainEqual({ name: "cpu_percent", unit: "percent", values: [25, 50] });
  expect(series.columns).toContainEqual({ name: "memory_percent", unit: "percent", values: [25, 25] });
  expect(await machine.session.next("intervals")).toMatchObject({ live: true });
  expect(await call("GET", `hosts/${hostId}`)).toMatchObject({ cpuPercent: 50, memoryPercent: 25 });
  machine.close();
});
