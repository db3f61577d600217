import { canonicalJson, type ComposeModel } from "@windflow/core";
import {
  StackBody,
  type DesiredState,
  type ObservedContainer,
  type PlanReply,
  type ProjectReply,
} from "@windflow/proto/agent";
import type {
  AdoptProjectResponse,
  ListContainersResponse,
  ListProjectsResponse,
  ListStacksResponse,
  ReconstructProjectResponse,
} from "@windflow/proto/api";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import type { TestIdentity, TestSession } from "../testing/test-agent.ts";

let app: TestApp;
let hosts: TestHosts;
let host: TestIdentity;
let session: TestSession;
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
  host = await hosts.newHost("legacy");
  session = await hosts.session(host);
});
afterAll(async () => {
  session?.close();
  await app.stop();
});

const IDS = ["a".repeat(64), "b".repeat(64)];
const MODEL: ComposeModel = {
  name: "shop",
  services: {
    web: {
      image: "shop/web:1",
      command: null,
      entrypoint: null,
      environment: { PRICE: "5$" },
      networks: { default: null },
    },
  },
  networks: { default: { name: "shop_default", ipam: {} } },
};

function observed(id: string, over: Partial<ObservedContainer> = {}): ObservedContainer {
  return {
    id,
    name: "shop-web-1",
    image: "shop/web:1",
    imageId: "sha256:1",
    state: "running",
    health: "none",
    exitCode: 0,
    restartCount: 0,
    labels: {
      "com.docker.compose.project": "shop",
      "com.docker.compose.service": "web",
      "com.docker.compose.oneoff": "False",
      "com.docker.compose.version": "2.20.2",
      "com.docker.compose.project.working_dir": "/srv/shop",
      "com.docker.compose.project.config_files": "/srv/shop/compose.yaml,/srv/shop/more.yaml",
    },
    createdAt: new Date(0),
    startedAt: new Date(0),
    finishedAt: undefined,
    ports: [],
    mounts: [],
    networks: [],
    command: "run",
    stackId: "",
    revision: 0,
    service: "web",
    tty: false,
    ...over,
  };
}

let reports = 0;
function observe(containers: ObservedContainer[]): void {
  reports += 1;
  const generation = { term: 1n, n: 0n };
  const digest = `report-${reports}`;
  session.send({
    $case: "observed",
    value: { at: new Date(), digest, generation, engineProblem: "", containers, stacks: [] },
  });
}

async function call<Answer>(method: string, rest: string, body?: unknown): Promise<Answer> {
  const response = await app.rest.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);
  if (response.status !== 200) throw new Error(`${response.status} ${response.text}`);
  return response.json as Answer;
}

/** Adopts while the host answers that it has the project and would do what the plan says. */
async function adopt(
  body: object,
  says: { project?: Partial<ProjectReply>; plan?: Partial<PlanReply> } = {},
): Promise<{ answer: Promise<AdoptProjectResponse>; planned: () => Promise<StackBody> }> {
  const answer = call<AdoptProjectResponse>("POST", `hosts/${host.hostId}/projects/shop:adopt`, body);
  answer.catch(() => undefined);
  await answerProject(says.project);
  const planned = async (): Promise<StackBody> => {
    const request = await session.next("planRequest");
    expect(request.adoptedContainerIds).toEqual(IDS);
    session.send({
      $case: "planReply",
      value: {
        requestId: request.requestId,
        steps: [],
        text: "nothing to do",
        observedAt: new Date(),
        expectedDowntimeSeconds: {},
        problem: "",
        ...says.plan,
      },
    });
    return StackBody.decode(request.body);
  };
  return { answer, planned };
}

async function answerProject(over: Partial<ProjectReply> = {}): Promise<void> {
  const { requestId, project } = await session.next("projectRequest");
  expect(project).toBe("shop");
  session.send({
    $case: "projectReply",
    value: {
      requestId,
      modelJson: Buffer.from(canonicalJson(MODEL)),
      containerIds: IDS,
      notes: [{ keyPath: "services.web.build", what: "it was built", fix: "give the files" }],
      problem: "",
      ...over,
    },
  });
}

const CHANGE = { op: "create-container", target: "shop-web-1", cause: "changed: image", service: "web", dependsOn: [] };

describe("a compose project that nobody of ours made", () => {
  test("is listed with what its containers say of it", async () => {
    observe([observed(IDS[0] ?? ""), observed(IDS[1] ?? "", { name: "shop-web-2", state: "exited" })]);
    const listed = await vi.waitFor(async () => {
      const answer = await call<ListProjectsResponse>("GET", "projects?filter=SHO");
      expect(answer.projects).toHaveLength(1);
      return answer;
    });
    expect(listed.total).toBe(1);
    expect(listed.projects).toMatchObject([
      {
        hostName: "legacy",
        project: "shop",
        services: [{ service: "web", image: "shop/web:1", containersRunning: 1, containersTotal: 2 }],
        workingDirectory: "/srv/shop",
        configFiles: ["/srv/shop/compose.yaml", "/srv/shop/more.yaml"],
        composeVersion: "2.20.2",
      },
    ]);
    expect((await call<ListProjectsResponse>("GET", "projects?filter=other")).projects ?? []).toEqual([]);
  });

  test("is reconstructed by its host, as a compose file that renders to the same", async () => {
    const asked = call<ReconstructProjectResponse>("GET", `hosts/${host.hostId}/projects/shop:reconstruct`);
    await answerProject();
    const { composeFile, notes } = await asked;
    expect(composeFile).toContain("PRICE: 5$$");
    expect(notes).toMatchObject([{ code: "WF_NOT_RECONSTRUCTED", keyPath: "services.web.build" }]);
    const source = { files: { "compose.yaml": composeFile } };
    const rendered = await call<{ model: unknown }>("POST", "stacks:render", { projectName: "shop", source });
    expect(rendered.model).toMatchObject({ ...MODEL, services: { web: { environment: { PRICE: "5$" } } } });
  });

  test("is not adopted unasked when that would change something, nor when the host refuses it", async () => {
    const changed = await adopt({}, { plan: { steps: [CHANGE], text: "1. create-container shop-web-1" } });
    await changed.planned();
    await expect(changed.answer).rejects.toThrow(
      /WF_ADOPTION_CHANGES[\s\S]*create-container shop-web-1: changed: image/,
    );

    const policy = 'The policy of this host does not allow the stack "shop" the key web.volumes';
    const refused = await adopt({ acceptChanges: true }, { plan: { problem: policy } });
    await refused.planned();
    await expect(refused.answer).rejects.toThrow(/WF_ADOPTION_REFUSED[\s\S]*policy of this host/);

    const gone = await adopt(
      {},
      { project: { problem: "this host has no containers of a compose project named shop" } },
    );
    await expect(gone.answer).rejects.toThrow(/WF_ADOPTION_REFUSED[\s\S]*no containers/);
    expect((await call<ListStacksResponse>("GET", "stacks")).stacks ?? []).toEqual([]);
  });

  test("is not adopted by those who may not do what it does on its host", async () => {
    const { secret } = await call<{ secret: string }>("POST", "apiTokens", {
      name: "deployer",
      permissions: ["stacks.write", "rollouts.write"],
    });
    const headers = { authorization: `Bearer ${secret}` };
    const path = `/v1/organizations/${app.organizationId}/hosts/${host.hostId}/projects/shop:adopt`;
    const rooted = { ...MODEL, services: { web: { ...MODEL.services["web"], privileged: true } } };
    const asking = app.rest.call("POST", path, {}, headers);
    await answerProject({ modelJson: Buffer.from(canonicalJson(rooted)) });
    expect(await asking).toMatchObject({ status: 403, json: { code: "WF_STACK_PRIVILEGED" } });
    const reader = await call<{ secret: string }>("POST", "apiTokens", {
      name: "reader",
      permissions: ["stacks.read"],
    });
    const asReader = { authorization: `Bearer ${reader.secret}` };
    expect((await app.rest.call("POST", path, {}, asReader)).status).toBe(403);
    expect((await app.rest.call("GET", path.replace(":adopt", ":reconstruct"), undefined, asReader)).status).toBe(403);
  });

  test.each(["no JSON", '{"services":{"web":null}}', "[".repeat(100_000), "null"])(
    "is refused with a sentence when its host sends %.20s instead of a model",
    async (sent) => {
      const path = `/v1/organizations/${app.organizationId}/hosts/${host.hostId}/projects/shop:reconstruct`;
      const asking = app.rest.call("GET", path);
      await answerProject({ modelJson: Buffer.from(sent) });
      expect((await asking).json).toMatchObject({
        code: "WF_ADOPTION_REFUSED",
        detail: expect.stringContaining("cannot be read") as string,
      });
    },
  );

  test("is shown the plan without being touched", async () => {
    const { answer, planned } = await adopt({ validateOnly: true }, { plan: { steps: [CHANGE], text: "1. create" } });
    await planned();
    expect(await answer).toMatchObject({ rolloutId: "", plan: { steps: [{ op: "create-container" }] } });
    expect((await call<ListStacksResponse>("GET", "stacks")).stacks ?? []).toEqual([]);
  });

  test("of a host that is somebody else's, waits for approval or is away, is not there", async () => {
    const foreign = app.rest.call("POST", `/v1/organizations/org_other/hosts/${host.hostId}/projects/shop:adopt`, {});
    expect((await foreign).status).toBeGreaterThanOrEqual(403);
    await expect(call("POST", "hosts/hst_nobody/projects/shop:adopt", {})).rejects.toThrow("WF_NOT_FOUND");
    const away = await hosts.newHost("away");
    await expect(call("POST", `hosts/${away.hostId}/projects/shop:adopt`, {})).rejects.toThrow("WF_HOST_NOT_CONNECTED");
  });
});

describe("an adoption", () => {
  test("makes a stack of this host with its first revision, and gives the host its containers", async () => {
    const { answer, planned } = await adopt({ stackName: "front" });
    const body = await planned();
    expect(body).toMatchObject({ stackName: "front", project: "shop", revision: 1 });
    const adopted = await answer;
    expect(adopted.stack).toMatchObject({ name: "front", project: "shop", latestRevision: 1 });
    expect(adopted.stack?.placement?.hostIds).toEqual([host.hostId]);
    expect(adopted.plan?.steps ?? []).toEqual([]);
    const desired = await nextDesired();
    const [wanted] = desired.stacks;
    expect(wanted).toMatchObject({ stackId: adopted.stack?.id, revision: 1, adoptedContainerIds: IDS });
    const revision = await call<{ message: string; source: { files: object } }>(
      "GET",
      `stacks/${adopted.stack?.id ?? ""}/revisions/1`,
    );
    expect(revision.message).toBe("adopted from legacy");
    expect(Object.keys(revision.source.files)).toEqual(["compose.yaml"]);
    // From now on the host says whose they are.
    const stackId = adopted.stack?.id ?? "";
    observe(IDS.map((id, i) => observed(id, { name: `shop-web-${i + 1}`, stackId, revision: 1 })));
    await vi.waitFor(async () => {
      expect((await call<ListProjectsResponse>("GET", "projects")).projects ?? []).toEqual([]);
    });
    const { containers } = await call<ListContainersResponse>("GET", "containers");
    expect(containers.map(({ stackName, project }) => `${project} ${stackName}`)).toEqual(["shop front", "shop front"]);
  });

  test("is refused for a project that has been adopted, and for a name that is taken", async () => {
    await expect(call("POST", `hosts/${host.hostId}/projects/shop:adopt`, { stackName: "front" })).rejects.toThrow(
      "WF_NAME_TAKEN",
    );
    const again = await adopt({ stackName: "again" });
    await again.planned();
    await expect(again.answer).rejects.toThrow(/WF_ADOPTION_REFUSED[\s\S]*adopted already/);
    const { stacks } = await call<ListStacksResponse>("GET", "stacks");
    expect(stacks.map(({ name }) => name)).toEqual(["front"]);
  });

  test("with the files that it was started with means paths of the host, and later revisions go on so", async () => {
    await app.platform.database.asSystem(async (tx) => {
      await sql`DELETE FROM stacks`.execute(tx.queries);
    });
    observe([observed(IDS[0] ?? "")]);
    await vi.waitFor(async () => {
      expect((await call<ListProjectsResponse>("GET", "projects")).projects).toHaveLength(1);
    });
    const files = {
      "compose.yaml": "services: {web: {image: shop/web:1, env_file: web.env, volumes: ['./data:/data']}}",
      "web.env": "A=1",
    };
    const { answer, planned } = await adopt({ source: { files } });
    const model = JSON.parse(Buffer.from((await planned()).modelJson).toString()) as ComposeModel;
    expect(model.services["web"]).toMatchObject({
      environment: { A: "1" },
      volumes: [{ type: "bind", source: "/srv/shop/data", target: "/data" }],
    });
    const stackId = (await answer).stack?.id ?? "";
    const next = await call<{ model: ComposeModel }>("POST", `stacks/${stackId}/revisions`, { source: { files } });
    expect(next.model.services["web"]?.volumes).toMatchObject([{ source: "/srv/shop/data" }]);
  });
});

async function nextDesired(): Promise<DesiredState> {
  const desired = await session.next("desiredState");
  return desired.stacks.length > 0 ? desired : nextDesired();
}
