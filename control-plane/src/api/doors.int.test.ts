import { status, type ServiceError } from "@grpc/grpc-js";
import {
  ContainersServiceClient,
  ContainersServiceService,
  EventsServiceService,
  HostsServiceClient,
  HostsServiceService,
  Health,
  Host_Presence,
  Host_Scheduling,
  type Host,
  type ListHostsRequest,
  type TerminalOutput,
} from "@windflow/proto/api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commonErrors, ProblemError } from "../platform/index.ts";
import { startTestDoors, type TestDoors } from "../testing/doors.ts";
import { withEventId, type Handlers } from "./index.ts";

let doors: TestDoors;
let hosts: InstanceType<typeof HostsServiceClient>;
let containers: InstanceType<typeof ContainersServiceClient>;
let lastList: ListHostsRequest | undefined;
let updates = 0;
let stopped = false;
const slow = Promise.withResolvers<void>();
let streamEnded: () => void = () => undefined;

const host: Host = {
  id: "hst_1",
  name: "edge-1",
  environmentId: "env_1",
  environmentName: "prod",
  labels: { site: "paris" },
  presence: Host_Presence.PRESENCE_ONLINE,
  presenceSince: new Date("2026-01-02T03:04:05.678Z"),
  presenceCause: "heartbeat 3 s ago",
  lastSeenAt: new Date("2026-01-02T03:04:05Z"),
  enrolledAt: undefined,
  awaitingApproval: false,
  facts: {
    hostname: "edge-1",
    os: "",
    osVersion: "",
    kernel: "",
    arch: "arm64",
    cpuCount: 4,
    cpuModel: "",
    memoryBytes: 8_589_934_592_123n,
    diskBytes: 0n,
    engineName: "",
    engineVersion: "",
    engineApiVersion: "",
    addresses: ["10.0.0.1"],
    bootedAt: undefined,
    clockSkewSeconds: -0.25,
    hostShellAllowed: false,
  },
  capabilities: ["docker"],
  requestedLabels: {},
  linkProfileId: "",
  linkProfileName: "",
  metered: false,
  agentUpdateVersion: "",
  agentUpdateCause: "",
  agentVersion: "0.1.0",
  certificateExpiresAt: undefined,
  desiredGeneration: "1.7",
  observedGeneration: "",
  containersRunning: 2,
  containersTotal: 3,
  cpuPercent: 12.5,
  memoryPercent: 0,
  etag: "e1",
  stacksTotal: 1,
  health: Health.HEALTH_OK,
  healthSummary: "1 ok",
  stacksDrifted: 0,
  stacksHeld: 0,
  scheduling: Host_Scheduling.SCHEDULING_OPEN,
};

const refuse = (): never => {
  throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: "there is no such host" });
};

const hostsHandlers: Handlers<typeof HostsServiceService> = {
  listHosts: async (request) => {
    lastList = request;
    return { hosts: [host], nextPageToken: "", total: 1, counts: undefined };
  },
  getHost: async (request) => (request.hostId === "hst_1" ? host : refuse()),
  updateHost: async (request) => ({ ...host, name: `${request.name} ${++updates}`, labels: request.labels }),
  approveHost: async () => refuse(),
  cordonHost: async () => refuse(),
  uncordonHost: async () => refuse(),
  revokeHost: async (request) => {
    if (request.reason === "slow") await slow.promise;
    return { ...host, presenceCause: request.reason, stacksTotal: ++updates };
  },
  deleteHost: async () => {
    throw new Error("a secret cause: hunter2");
  },
  approveHosts: async () => refuse(),
  rejectHosts: async () => refuse(),
  listHostMachines: async () => refuse(),
  resolveClones: async () => refuse(),
  summarizeHosts: async () => refuse(),
  mapHosts: async () => refuse(),
  listHostTimeline: async () => refuse(),
  listSavedViews: async () => refuse(),
  saveView: async () => refuse(),
  deleteSavedView: async () => refuse(),
};

const eventsHandlers: Handlers<typeof EventsServiceService> = {
  watchEvents: async function* (request, context) {
    const start = Number(context.resumeAfter ?? "0");
    for (let number = start + 1; number <= 3; number++) {
      const message = { kind: "host", id: `hst_${number}`, parentId: "", change: "updated", at: undefined };
      yield withEventId(message, String(number));
    }
    if (request.kinds.includes("fail")) throw new ProblemError({ code: commonErrors.WF_DATABASE_UNAVAILABLE });
    if (request.kinds.includes("wait")) {
      await new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve()));
      streamEnded();
    }
  },
  listEvents: async () => ({ events: [], nextPageToken: "" }),
};

const containersHandlers = {
  exec: async function* (requests, context): AsyncGenerator<TerminalOutput> {
    for await (const request of requests) {
      if (request.kind?.$case === "start") {
        yield { kind: { $case: "output", value: Buffer.from(`hello ${context.caller.name}\n`) } };
      } else if (request.kind?.$case === "input") {
        yield { kind: { $case: "output", value: request.kind.value } };
      }
    }
    yield { kind: { $case: "exit", value: { exitCode: 3, reason: "" } } };
  },
  streamLogs: async function* () {
    for (let batch = 0; batch < 200; batch++) {
      yield { lines: [{ at: undefined, stream: 1, text: "x".repeat(10_000) }], dropped: 0 };
    }
  },
  listContainers: async () => refuse(),
  getContainer: async () => refuse(),
  startContainer: async () => refuse(),
  stopContainer: async () => refuse(),
  restartContainer: async () => refuse(),
  createExecTicket: async (_request, context) => {
    const { path, expiresAt } = await doors.api.tickets.issue({
      kind: "echo",
      caller: context.caller,
      payload: { greeting: "hi" },
    });
    return { path, expiresAt };
  },
  createHostShellTicket: async () => refuse(),
} satisfies Handlers<typeof ContainersServiceService>;

beforeAll(async () => {
  doors = await startTestDoors({
    register: (api) => {
      api.registerService(HostsServiceService, hostsHandlers);
      api.registerService(EventsServiceService, eventsHandlers);
      api.registerService(ContainersServiceService, containersHandlers);
    },
  });
  hosts = new HostsServiceClient(doors.grpc.address, doors.grpc.credentials);
  containers = new ContainersServiceClient(doors.grpc.address, doors.grpc.credentials);
});
afterAll(async () => {
  hosts?.close();
  containers?.close();
  if (!stopped) await doors?.stop();
});

const getByGrpc = (hostId: string): Promise<Host> =>
  new Promise((resolve, reject) => {
    hosts.getHost({ organization: "default", hostId }, doors.grpc.metadata, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
const failureOf = (call: Promise<unknown>): Promise<ServiceError> =>
  call.then(
    () => Promise.reject(new Error("it was answered")),
    (error: ServiceError) => error,
  );

describe("one handler, two doors", () => {
  test("REST answers the golden JSON", async () => {
    const answer = await doors.rest.call("GET", "/v1/organizations/default/hosts/hst_1");
    expect(answer.status).toBe(200);
    await expect(`${JSON.stringify(answer.json, null, 2)}\n`).toMatchFileSnapshot("./fixtures/host.json");
  });

  test("gRPC answers the same message", async () => {
    expect(await getByGrpc("hst_1")).toEqual(host);
  });

  test("query parameters reach the request: nested, lists and numbers as text", async () => {
    await doors.rest.call(
      "GET",
      "/v1/organizations/default/hosts?page.size=7&page.token=t&filter=site%3Dparis&order_by=-name",
    );
    expect(lastList).toEqual({
      organization: "default",
      page: { size: 7, token: "t" },
      filter: "site=paris",
      orderBy: "-name",
    });
  });

  test("a custom verb is another method than the thing itself", async () => {
    const answer = await doors.rest.call("POST", `/v1/organizations/${doors.organizationId}/hosts/hst_1:revoke`, {
      reason: "stolen",
    });
    expect(answer.json).toMatchObject({ presenceCause: "stolen" });
    expect((await doors.rest.call("POST", "/v1/organizations/default/hosts/hst_1")).status).toBe(404);
  });
});

describe("what is refused", () => {
  const call = (method: string, path: string, body?: unknown, headers?: Record<string, string | undefined>) =>
    doors.rest.call(method, path, body, headers);

  test("a violated rule, on both doors, with the field's path", async () => {
    const answer = await call("PATCH", "/v1/organizations/default/hosts/hst_1", {
      name: "x".repeat(101),
      labels: { "": "x" },
    });
    expect(answer.status).toBe(400);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(answer.json).toMatchObject({
      code: "WF_INVALID_ARGUMENT",
      violations: [{ path: "name" }, { path: 'labels[""]' }],
    });
    const error = await failureOf(getByGrpc(""));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).toMatch(/^WF_INVALID_ARGUMENT: hostId: /);
    expect(String(error.metadata.get("grpc-status-details-bin")[0])).toContain(
      "type.googleapis.com/google.rpc.ErrorInfo",
    );
  });

  test("a field, a parameter or a type that does not exist", async () => {
    expect((await call("PATCH", "/v1/organizations/default/hosts/hst_1", { nme: "x" })).json).toMatchObject({
      code: "WF_INVALID_ARGUMENT",
    });
    expect((await call("GET", "/v1/organizations/default/hosts?colour=red")).json).toMatchObject({
      violations: [{ path: "colour" }],
    });
    expect((await call("GET", "/v1/organizations/default/hosts?page.size=many")).status).toBe(400);
    expect((await call("PATCH", "/v1/organizations/default/hosts/hst_1", "[1]")).status).toBe(400);
    expect((await call("PATCH", "/v1/organizations/default/hosts/hst_1", "{")).status).toBe(400);
  });

  test("a body that is not JSON, or too large", async () => {
    const path = "/v1/organizations/default/hosts/hst_1";
    expect((await call("PATCH", path, "name=x", { "content-type": "text/plain" })).json).toMatchObject({
      code: "WF_UNSUPPORTED_MEDIA_TYPE",
    });
    const large = await call("PATCH", path, JSON.stringify({ name: "x".repeat(9_000_000) }));
    expect(large).toMatchObject({ status: 413, json: { code: "WF_MESSAGE_TOO_LARGE" } });
  });

  test("nobody, and an organization of somebody else", async () => {
    const path = "/v1/organizations/default/hosts/hst_1";
    expect(await call("GET", path, undefined, { authorization: undefined })).toMatchObject({ status: 401 });
    expect(await call("GET", path, undefined, { authorization: "Bearer wft_wrong" })).toMatchObject({ status: 401 });
    expect(await call("GET", "/v1/organizations/other/hosts/hst_1")).toMatchObject({
      status: 404,
      json: { code: "WF_NOT_FOUND" },
    });
    expect((await failureOf(getByGrpc("hst_2"))).code).toBe(status.NOT_FOUND);
  });

  test("a token without the permission", async () => {
    const made = await call("POST", "/v1/organizations/default/apiTokens", {
      name: "reader",
      permissions: ["hosts.read"],
    });
    const { secret } = made.json as { secret: string };
    const authorization = `Bearer ${secret}`;
    expect((await call("GET", "/v1/organizations/default/hosts/hst_1", undefined, { authorization })).status).toBe(200);
    const refused = await call("PATCH", "/v1/organizations/default/hosts/hst_1", { name: "x" }, { authorization });
    expect(refused).toMatchObject({
      status: 403,
      json: { code: "WF_PERMISSION_DENIED", detail: "this needs the permission hosts.write" },
    });
    const more = await call(
      "POST",
      "/v1/organizations/default/apiTokens",
      { name: "more", permissions: ["hosts.write"] },
      { authorization },
    );
    expect(more.status).toBe(403);
  });

  test("an unforeseen failure shows its request id and not its cause", async () => {
    const answer = await call("DELETE", "/v1/organizations/default/hosts/hst_1");
    expect(answer).toMatchObject({ status: 500, json: { code: "WF_INTERNAL" } });
    expect(answer.text).not.toContain("hunter2");
    expect((answer.json as { requestId: string }).requestId).toBe(answer.headers["x-request-id"]);
  });
});

describe("Idempotency-Key", () => {
  const revoke = (reason: string, key: string) =>
    doors.rest.call("POST", "/v1/organizations/default/hosts/hst_1:revoke", { reason }, { "idempotency-key": key });

  test("a repetition gets the first answer, another request with the same key is refused", async () => {
    const first = await revoke("once", "k1");
    expect((await revoke("once", "k1")).text).toBe(first.text);
    expect((await revoke("twice", "k1")).json).toMatchObject({ code: "WF_IDEMPOTENCY_MISMATCH", status: 409 });
    expect((await revoke("once", "k2")).text).not.toBe(first.text);
  });

  test("what the caller left in the middle of is not done twice by its repetition", async () => {
    const before = updates;
    const call = new Promise<ServiceError | null>((resolve) => {
      const metadata = doors.grpc.metadata.clone();
      metadata.set("idempotency-key", "k3");
      const asked = hosts.revokeHost({ organization: "default", hostId: "hst_1", reason: "slow" }, metadata, resolve);
      setTimeout(() => asked.cancel(), 200);
    });
    expect((await call)?.code).toBe(status.CANCELLED);
    expect((await revoke("slow", "k3")).json).toMatchObject({ code: "WF_IDEMPOTENCY_BUSY" });
    slow.resolve();
    await expect.poll(async () => (await revoke("slow", "k3")).json).toMatchObject({ stacksTotal: before + 1 });
    expect(updates).toBe(before + 1);
  });
});

describe("server streams", () => {
  const events = async (query: string, headers: Record<string, string> = {}): Promise<string> => {
    const response = await doors.rest.open("GET", `/v1/organizations/default/events:watch${query}`, headers);
    let text = "";
    for await (const chunk of response) text += String(chunk);
    return text;
  };

  test("are events with ids; Last-Event-ID goes on after it", async () => {
    const text = await events("");
    expect(text).toContain('id: 1\ndata: {"kind":"host","id":"hst_1"');
    expect(text.match(/^data: /gm)).toHaveLength(3);
    expect((await events("", { "last-event-id": "2" })).match(/^id: .*/gm)).toEqual(["id: 3"]);
  });

  test("fail with an error event that has a problem in it", async () => {
    const text = await events("?kinds=fail");
    expect(text).toMatch(/event: error\ndata: \{"type":"urn:windflow:error:WF_DATABASE_UNAVAILABLE","status":503/);
  });

  test("that may not be opened are answered with a problem, not with a stream", async () => {
    const response = await doors.rest.open("GET", "/v1/organizations/other/events:watch");
    expect([response.statusCode, response.headers["content-type"]]).toEqual([404, "application/problem+json"]);
  });

  test("end for the handler when the reader leaves, and for the reader when the token is revoked", async () => {
    const ended = new Promise<void>((resolve) => (streamEnded = resolve));
    const response = await doors.rest.open("GET", "/v1/organizations/default/events:watch?kinds=wait");
    response.once("data", () => response.destroy());
    await ended;

    const made = await doors.rest.call("POST", "/v1/organizations/default/apiTokens", {
      name: "watcher",
      permissions: ["events.read"],
    });
    const { secret, token } = made.json as { secret: string; token: { id: string } };
    const watching = events("?kinds=wait", { authorization: `Bearer ${secret}` });
    await doors.rest.call("POST", `/v1/organizations/default/apiTokens/${token.id}:revoke`, {});
    expect(await watching).toContain("WF_UNAUTHENTICATED");
  });

  test("wait for a slow gRPC reader and lose nothing", async () => {
    const logs = containers.streamLogs(
      {
        organization: "default",
        hostId: "h",
        containerId: "c",
        follow: false,
        tail: 0,
        since: undefined,
        until: undefined,
      },
      doors.grpc.metadata,
    );
    let batches = 0;
    for await (const _ of logs) {
      if (batches++ % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(batches).toBe(200);
  });
});

describe("streams in both directions", () => {
  const outputs = async (organization: string): Promise<string[]> => {
    const call = containers.exec(doors.grpc.metadata);
    call.write({
      kind: {
        $case: "start",
        value: { organization, hostId: "h", containerId: "c", command: [], user: "", tty: true, size: undefined },
      },
    });
    call.write({ kind: { $case: "input", value: Buffer.from("ls") } });
    call.end();
    const seen: string[] = [];
    for await (const message of call as AsyncIterable<TerminalOutput>) {
      seen.push(
        message.kind?.$case === "output"
          ? message.kind.value.toString()
          : `exit ${message.kind?.$case === "exit" ? message.kind.value.exitCode : "?"}`,
      );
    }
    return seen;
  };

  test("are authorized by their first message", async () => {
    expect(await outputs("default")).toEqual(["hello test\n", "ls", "exit 3"]);
    const error = await failureOf(outputs("other"));
    expect(error.code).toBe(status.NOT_FOUND);
  });
});

test("OpenAPI describes every method that has an address, and the page loads its own files only", async () => {
  const answer = await doors.rest.call("GET", "/openapi.json", undefined, { authorization: undefined });
  const document = answer.json as { paths: Record<string, Record<string, { operationId: string }>> };
  const described = Object.values(document.paths).flatMap((verbs) =>
    Object.values(verbs).map((one) => one.operationId),
  );
  const declared = [...doors.api.catalog.methods.values()].filter((method) => method.http !== undefined);
  expect(described.length).toBe(declared.length);
  expect(document.paths["/v1/organizations/{organization}/hosts/{host_id}:revoke"]).toBeDefined();
  const page = await doors.rest.call("GET", "/docs");
  expect(page.text).not.toMatch(/https?:\/\//);
  expect((await doors.rest.call("GET", "/docs/swagger-ui-bundle.js")).status).toBe(200);
});

test("every method of the API declares who may call it", () => {
  const open = [...doors.api.catalog.methods.values()]
    .filter((method) => method.path.startsWith("/windflow.api.") && method.access === undefined)
    .map((method) => method.path);
  expect(open).toEqual([]);
});

test("a stop tells the open streams why they end", async () => {
  const response = await doors.rest.open("GET", "/v1/organizations/default/events:watch?kinds=wait");
  const told = response.toArray();
  stopped = true;
  await doors.stop();
  expect(Buffer.concat((await told) as Buffer[]).toString()).toContain("WF_STOPPING");
});
