import { describe, expect, test } from "vitest";
import type { ComposeService } from "../compose/model.ts";
import { createdAs } from "./created.ts";
import type { InspectedContainer, InspectedImage } from "./inspected.ts";
import { reconstructProject } from "./reconstruct.ts";
import { differsFromCreated, type ServicePlace } from "./same-as-created.ts";

const IMAGE: InspectedImage = {
  Id: "sha256:11",
  Config: {
    Env: ["PATH=/bin", "LANG=C"],
    Cmd: ["serve"],
    Entrypoint: ["/start"],
    User: "app",
    Labels: { maker: "us" },
    ExposedPorts: { "80/tcp": {} },
    Volumes: { "/cache": {} },
    Healthcheck: { Test: ["CMD", "ok"], Interval: 5e9 },
  },
};
const CONTAINER: InspectedContainer = {
  Id: "c0ffee00c0ffee",
  Name: "/shop_web_1",
  Image: "sha256:11",
  Config: {
    Hostname: "c0ffee00c0ff",
    User: "app",
    Env: ["MODE=a", "PATH=/bin"],
    Cmd: ["serve"],
    Entrypoint: ["/start"],
    Image: "shop/web:1",
    WorkingDir: "",
    StopTimeout: 90,
    Labels: {
      maker: "us",
      team: "shop",
      "com.docker.compose.project": "shop",
      "com.docker.compose.service": "web",
      "com.docker.compose.container-number": "1",
      "com.docker.compose.depends_on": "db:service_healthy:true",
    },
    ExposedPorts: { "80/tcp": {}, "81/udp": {} },
    Healthcheck: { Test: ["CMD", "ok"], Interval: 5e9 },
  },
  HostConfig: {
    Binds: ["shop_data:/data:rw", `${"a".repeat(64)}:/cache:rw`, "/etc/x:/x:ro,rslave"],
    NetworkMode: "shop_default",
    PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }] },
    RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
    Memory: 1024,
    MemorySwap: 2048,
    NanoCpus: 5e8,
    CapAdd: ["CAP_NET_ADMIN"],
    ShmSize: 67108864,
    IpcMode: "private",
    Runtime: "runc",
    ExtraHosts: ["a:10.0.0.1"],
    LogConfig: { Type: "json-file", Config: {} },
    Ulimits: [{ Name: "nofile", Soft: 10, Hard: 10 }],
  },
  NetworkSettings: { Networks: { shop_default: { Aliases: ["web", "c0ffee00c0ff", "api"] } } },
};
const SERVICE: ComposeService = {
  image: "shop/web:1",
  command: null,
  entrypoint: null,
  environment: { MODE: "a", LANG: null },
  labels: { team: "shop" },
  stop_grace_period: "1m30s",
  expose: ["81/udp"],
  ports: [{ target: 80, published: "8080", host_ip: "127.0.0.1", protocol: "tcp", mode: "ingress" }],
  volumes: [
    { type: "volume", source: "data", target: "/data", volume: {} },
    { type: "bind", source: "/etc/x", target: "/x/", read_only: true, bind: { propagation: "rslave" } },
  ],
  deploy: {
    resources: { limits: { memory: "1024", cpus: 0.5 } },
    restart_policy: { condition: "on-failure", max_attempts: 3 },
  },
  cap_add: ["net_admin"],
  extra_hosts: ["a=10.0.0.1"],
  ulimits: { nofile: 10 },
  networks: { default: { aliases: ["api"] } },
};
const PLACE: ServicePlace = {
  project: "shop",
  serviceName: "web",
  containerName: "shop_web_1",
  model: { networks: { default: { name: "shop_default" } } },
  containerId: (name) => (name === "db" ? "d00d" : undefined),
};
const differs = (service: ComposeService, container = CONTAINER): string[] =>
  differsFromCreated(service, createdAs(container, IMAGE), PLACE);

test("other words for the same are no difference", () => {
  expect(differs(SERVICE)).toEqual([]);
  const { deploy: _deploy, ...plain } = SERVICE;
  const older: ComposeService = {
    ...plain,
    restart: "on-failure:3",
    mem_limit: "1024",
    cpus: 0.5,
    memswap_limit: "2048",
  };
  expect(differs({ ...older, cap_add: ["CAP_NET_ADMIN"], command: ["serve"], user: "app" })).toEqual([]);
  expect(differs({ ...older, scale: 3, profiles: ["a"], depends_on: {}, pull_policy: "always" })).toEqual([]);
});

test.each<[string, Partial<ComposeService>]>([
  ["command", { command: ["other"] }],
  ["entrypoint", { entrypoint: ["/other"], command: ["serve"] }],
  ["environment", { environment: { MODE: "b", LANG: null } }],
  ["environment", { environment: { MODE: "a" } }],
  ["labels", { labels: {} }],
  ["user", { user: "0" }],
  ["working_dir", { working_dir: "/w" }],
  ["hostname", { hostname: "h" }],
  ["stop_grace_period", { stop_grace_period: "5s" }],
  ["healthcheck", { healthcheck: { disable: true } }],
  ["healthcheck", { healthcheck: { retries: 9 } }],
  ["expose", { expose: [] }],
  ["ports", { ports: [{ target: 80, published: "8081" }] }],
  ["volumes", { volumes: [] }],
  ["networks", { networks: { default: null } }],
  ["restart", { deploy: { resources: SERVICE.deploy?.resources ?? {} } }],
  ["mem_limit", { deploy: { ...SERVICE.deploy, resources: { limits: { memory: "4096", cpus: 0.5 } } } }],
  ["cap_add", { cap_add: [] }],
  ["privileged", { privileged: true }],
  ["ulimits", { ulimits: { nofile: { soft: 1, hard: 10 } } }],
  ["pid", { pid: "service:db" }],
  ["shm_size", { shm_size: "1024" }],
  ["container_name", { container_name: "other" }],
  ["logging", { logging: { driver: "json-file", options: { "max-size": "1m" } } }],
  ["configs or secrets", { secrets: [{ source: "token" }] }],
])("a change of %s is one", (key, change) => {
  expect(differs({ ...SERVICE, ...change })).toContain(key);
});

test("a file that is mounted is a secret or a config as well as a volume", () => {
  const binds = [...(CONTAINER.HostConfig.Binds ?? []), "/srv/token:/run/secrets/token:ro"];
  const container = { ...CONTAINER, HostConfig: { ...CONTAINER.HostConfig, Binds: binds } };
  expect(differs({ ...SERVICE, secrets: [{ source: "token" }] }, container)).toEqual([]);
  expect(differs(SERVICE, container)).toEqual(["volumes"]);
});

describe("read back", () => {
  const project = {
    project: "shop",
    containers: [CONTAINER],
    images: [IMAGE],
    networks: [{ Id: "n1", Name: "shop_default", Driver: "bridge" }],
    volumes: [{ Name: "shop_data", Driver: "local" }],
  };

  test("a service is what a person would write, without what its image says", () => {
    const { model, notes } = reconstructProject(project);
    expect(model.services["web"]).toMatchObject({
      image: "shop/web:1",
      command: null,
      environment: { MODE: "a", LANG: null },
      labels: { team: "shop" },
      expose: ["81/udp"],
      restart: "on-failure:3",
      depends_on: { db: { condition: "service_healthy", required: true, restart: true } },
    });
    expect(Object.keys(model.services["web"] ?? {})).not.toContain("container_name");
    // Neither has a label of the project, so that they are somebody else's.
    expect(model.networks).toEqual({ shop_default: { name: "shop_default", external: true } });
    expect(model.volumes).toEqual({ shop_data: { name: "shop_data", external: true } });
    expect(notes).toHaveLength(1);
    const again = model.services["web"];
    expect(again && differsFromCreated(again, createdAs(CONTAINER, IMAGE), { ...PLACE, model })).toEqual([]);
  });

  test("without its image, or with containers that are not alike, that is said", () => {
    const other = { ...CONTAINER, Id: "beef", Config: { ...CONTAINER.Config, Env: ["MODE=b"] } };
    const { notes, model } = reconstructProject({ ...project, containers: [CONTAINER, other], images: [] });
    expect(notes.map(({ keyPath }) => keyPath)).toEqual(["services.web.image", "services.web", ""]);
    expect(model.services["web"]).toMatchObject({ scale: 2, command: ["serve"] });
  });
});
