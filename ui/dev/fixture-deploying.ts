import type { Build, BuildEvent, Problem, Project, Registry, StackSource } from "@windflow/proto/client";
import { FixtureProblem, type Handler } from "./fixture-router.ts";
import { ago } from "./fixture-hosts.ts";
import { found, paged, sleep, text } from "./fixture-rows.ts";
import { builtServices, FIXTURE_SIZES } from "./fixture-source.ts";
import type { World } from "./fixture-world.ts";

/** How long a piece of an upload takes, so that its progress can be seen. */
const CHUNK_MS = 120;
const CHUNK_BYTES = 1024 * 1024;
const LINE_MS = 140;

const BUILD_OUTPUT = `#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 412B done
#2 [internal] load metadata for docker.io/library/node:24-alpine
#2 DONE 0.8s
#3 [internal] load .dockerignore
#4 [build 1/5] FROM docker.io/library/node:24-alpine@sha256:1f3a5c
#5 [internal] load build context
#5 transferring context: 2.31MB 0.1s done
#6 [build 2/5] WORKDIR /app
#6 CACHED
#7 [build 3/5] COPY package.json package-lock.json ./
#7 CACHED
#8 [build 4/5] RUN npm ci --omit=dev
#8 3.114 added 84 packages in 3s
#8 DONE 3.4s
#9 [build 5/5] COPY src ./src
#9 DONE 0.1s
#10 exporting to image
#10 exporting layers 0.4s done
#10 DONE 0.5s`.split("\n");
const BUILD_FAILS = [
  "#8 [build 4/5] RUN npm ci --omit=dev",
  "#8 2.207 npm error code ERESOLVE",
  "#8 2.207 npm error ERESOLVE could not resolve",
  "#8 2.208 npm error While resolving: label-service@2.1.0",
  "#8 2.208 npm error Found: fastify@5.6.0",
  "#8 2.210 npm error A complete log of this run can be found in: /root/.npm/_logs/2026-11-22T18_04_11_401Z-debug-0.log",
  '#8 ERROR: process "/bin/sh -c npm ci --omit=dev" did not complete successfully: exit code: 1',
];

export function makeBuilds(): Build[] {
  const base = { stackId: "stk_0", hostId: "hst_0000", hostName: "paris-edge-01", platform: "linux/amd64" };
  const who = { createdBy: "camille@northwind.example" };
  const built = (service: string, reused: boolean) => ({
    service,
    inputDigest: `sha256:${service}`,
    state: "STATE_SUCCEEDED" as const,
    configDigest: `sha256:${"4b1c9e77a0d2f356".repeat(4)}`,
    sizeBytes: "58204160",
    reused,
  });
  return [
    {
      ...base,
      ...who,
      id: "bld_2",
      state: "STATE_FAILED",
      cause:
        "The build of api failed: npm ci ended with exit code 1. Mend the Dockerfile or its context, then build again.",
      services: [
        built("web", true),
        { service: "api", state: "STATE_FAILED", cause: "RUN npm ci --omit=dev ended with exit code 1." },
      ],
      createdAt: ago(7_400),
      startedAt: ago(7_398),
      endedAt: ago(7_391),
    },
    {
      ...base,
      ...who,
      id: "bld_1",
      state: "STATE_SUCCEEDED",
      services: [built("web", false), built("api", false)],
      createdAt: ago(90_400),
      startedAt: ago(90_398),
      endedAt: ago(90_340),
    },
  ];
}

export function makeRegistries(): Registry[] {
  return [
    ["registry.northwind.example", "wind-pull", 400_000],
    ["ghcr.io", "northwind-bot", 9_000_000],
    ["docker.io", "northwindfoods", 20_000_000],
  ].map(([address, username, age], index) => ({
    id: `reg_${index}`,
    address: String(address),
    username: String(username),
    createdAt: ago(Number(age)),
    updatedAt: ago(Number(age)),
    createdBy: "camille@northwind.example",
    etag: "1",
  }));
}

export function makeProjects(world: Pick<World, "hosts">, count: number): Project[] {
  const names = ["grafana", "paperless", "backup", "shop", "mosquitto", "frigate"];
  return Array.from({ length: count }, (_, index) => {
    const host = world.hosts[index % world.hosts.length]!;
    const name = `${names[index % names.length]!}${index < names.length ? "" : `-${index}`}`;
    return {
      hostId: host.id,
      hostName: host.name,
      project: name,
      services: [
        { service: "app", image: `ghcr.io/northwind/${name}:2.14`, containersRunning: 1, containersTotal: 1 },
        { service: "db", image: "postgres:17-alpine", containersRunning: index % 5 === 3 ? 0 : 1, containersTotal: 1 },
        ...(index % 2 === 0 ? [{ service: "cache", image: "redis:8", containersRunning: 1, containersTotal: 1 }] : []),
      ],
      workingDirectory: `/srv/${name}`,
      configFiles: [`/srv/${name}/docker-compose.yml`],
      composeVersion: "2.40.3",
      stackWithItsName: name === "shop" ? "stk_0" : "",
    };
  });
}
const RECONSTRUCTED = (name: string): string => `name: ${name}
services:
  app:
    image: ghcr.io/northwind/${name}:2.14
    restart: unless-stopped
    depends_on:
      db:
        condition: service_started
    environment:
      DATABASE_URL: postgres://app@db/app
    ports:
      - "3000:3000"
    volumes:
      - /srv/${name}/conf:/etc/app:ro
  db:
    image: postgres:17-alpine
    restart: unless-stopped
    volumes:
      - db:/var/lib/postgresql/data
volumes:
  db: {}
`;
const NOTES: Problem[] = [
  {
    severity: "SEVERITY_WARNING",
    code: "WF_ADOPT_UNKNOWN",
    keyPath: "services.app.depends_on.db",
    what: "Whether app waited for db to be healthy is not known.",
    why: "Containers tell that one came after the other, not under which condition.",
    fix: "If the file said condition: service_healthy, write it here; nothing is restarted for it.",
  },
];

/** Files, builds, registries and foreign projects of the fixture world. */
export function makeDeployingHandlers(world: World): Record<string, Handler> {
  const stored = new Map<string, { size: number; received: number }>();
  const builds = world.name === "empty" ? [] : makeBuilds();
  const registries = world.name === "empty" ? [] : makeRegistries();
  const projects = world.hosts.length === 0 ? [] : makeProjects(world, world.name === "large" ? 1_000 : 6);
  const build = (id: unknown): Build =>
    found(
      builds.find((one) => one.id === id),
      "build",
    );
  const registry = (id: unknown): Registry =>
    found(
      registries.find((one) => one.id === id),
      "registry",
    );
  const project = (hostId: unknown, name: unknown): Project =>
    found(
      projects.find((one) => one.hostId === hostId && one.project === name),
      "project",
    );
  const storedFile = (digest: string) => ({
    digest,
    sizeBytes: String(stored.get(digest)?.size ?? FIXTURE_SIZES[digest] ?? 0),
    receivedBytes: String(stored.get(digest)?.received ?? FIXTURE_SIZES[digest] ?? 0),
  });

  return {
    "files.checkFiles": ({ digests }) => ({ files: (digests as string[]).map(storedFile) }),
    "files.putFileChunk": async ({ digest, sizeBytes, offset, content }) => {
      const piece = Buffer.from(text(content), "base64").length;
      await sleep(CHUNK_MS * (piece / CHUNK_BYTES));
      stored.set(text(digest), { size: Number(sizeBytes), received: Number(offset ?? 0) + piece });
      return storedFile(text(digest));
    },
    "builds.listBuilds": ({ stackId, page }) => {
      const { rows, nextPageToken } = paged(
        builds.filter((one) => one.stackId === stackId),
        page,
      );
      return { builds: rows, nextPageToken };
    },
    "builds.getBuild": ({ buildId }) => build(buildId),
    "builds.cancelBuild": ({ buildId }) => Object.assign(build(buildId), { state: "STATE_CANCELLED", endedAt: ago(0) }),
    "builds.startBuild": ({ stackId, hostId, source }) => {
      const host = world.hosts.find((one) => one.id === hostId) ?? world.hosts[0]!;
      const next: Build = {
        id: `bld_${builds.length + 1}`,
        stackId: text(stackId),
        state: "STATE_RUNNING",
        hostId: host.id,
        hostName: host.name,
        platform: "linux/amd64",
        services: builtServices(source as StackSource).map((service) => ({ service, state: "STATE_RUNNING" })),
        createdAt: ago(0),
        startedAt: ago(0),
        createdBy: "camille@northwind.example",
      };
      builds.unshift(next);
      return next;
    },
    "builds.watchBuild": async function* ({ buildId }, { signal }): AsyncGenerator<BuildEvent> {
      const one = build(buildId);
      const live = one.state === "STATE_RUNNING";
      const output = one.state === "STATE_FAILED" ? [...BUILD_OUTPUT.slice(0, 12), ...BUILD_FAILS] : BUILD_OUTPUT;
      let sequence = 0;
      yield { sequence: String((sequence += 1)), build: one };
      const service = one.services?.at(-1)?.service ?? "";
      for (const line of output) {
        if (signal.aborted || (one.state as string) === "STATE_CANCELLED") break;
        yield { sequence: String((sequence += 1)), line, service, at: ago(0) };
        if (live) await sleep(LINE_MS);
      }
      if (live && one.state === "STATE_RUNNING") {
        Object.assign(one, { state: "STATE_SUCCEEDED", endedAt: ago(0) });
        for (const each of one.services ?? [])
          Object.assign(each, {
            state: "STATE_SUCCEEDED",
            configDigest: `sha256:${"9e".repeat(32)}`,
            sizeBytes: "61204160",
          });
        world.built = true;
      }
      yield { sequence: String((sequence += 1)), build: one };
    },
    "registries.listRegistries": () => ({ registries }),
    "registries.createRegistry": ({ address, username }) => {
      if (registries.some((one) => one.address === address))
        throw new FixtureProblem(409, "WF_ALREADY_EXISTS", `There is a sign-in at ${text(address)} already.`);
      const next = {
        ...makeRegistries()[0]!,
        id: `reg_${registries.length}`,
        address: text(address),
        username: text(username),
        updatedAt: ago(0),
      };
      registries.push(next);
      return next;
    },
    "registries.updateRegistry": ({ registryId, username }) =>
      Object.assign(registry(registryId), { updatedAt: ago(0), ...(username ? { username: text(username) } : {}) }),
    "registries.deleteRegistry": ({ registryId }) =>
      void registries.splice(registries.indexOf(registry(registryId)), 1),
    "registries.testRegistry": async ({ registryId }) => {
      await sleep(700);
      const { address } = registry(registryId);
      const host = { hostId: "hst_0000", hostName: "paris-edge-01" };
      return address === "ghcr.io"
        ? {
            ...host,
            ok: false,
            problem:
              "ghcr.io refused the sign-in of northwind-bot: unauthorized. The token may have expired: make a new one that may read packages, and change it here.",
          }
        : { ...host, ok: true };
    },
    "adoption.listProjects": ({ hostId, filter, page }) => {
      const fits = projects.filter((one) => (!hostId || one.hostId === hostId) && one.project!.includes(text(filter)));
      const { rows, ...rest } = paged(fits, page);
      return { projects: rows, ...rest };
    },
    "adoption.reconstructProject": ({ hostId, project: name }) => ({
      composeFile: RECONSTRUCTED(project(hostId, name).project!),
      notes: NOTES,
    }),
    "adoption.adoptProject": ({ hostId, project: name, stackName, source, acceptChanges, validateOnly }) => {
      const one = project(hostId, name);
      const steps = source
        ? [
            {
              op: "recreate-container",
              target: `container ${one.project}-app-1`,
              cause: "image is ghcr.io/northwind/app:2.14, wanted 2.15",
              service: "app",
            },
          ]
        : [];
      const plan = {
        hostId: one.hostId,
        hostName: one.hostName,
        steps,
        text: steps.map((step) => `${step.op} ${step.target}: ${step.cause}`).join("\n"),
        observedAt: ago(2),
        expectedDowntimeSeconds: source ? { app: 3 } : {},
      };
      if (validateOnly) return { plan, problems: [] };
      if (steps.length > 0 && !acceptChanges)
        throw new FixtureProblem(409, "WF_ADOPT_DIFFERS", "The files differ from what runs; nothing was adopted.");
      projects.splice(projects.indexOf(one), 1);
      const stack = {
        ...world.stacks[2]!,
        id: `stk_${world.stacks.length}`,
        name: text(stackName),
        project: one.project!,
      };
      world.stacks.push(stack);
      return { stack, rolloutId: "", plan };
    },
  };
}
