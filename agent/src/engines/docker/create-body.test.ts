import type { ComposeService } from "@windflow/core";
import { expect, test } from "vitest";
import type { CreateContainerRequest } from "../../reconcile/engine.ts";
import { createBody } from "./create-body.ts";

const NEW_API = 51;
const OLD_API = 41;

function bodyOf(
  service: Partial<ComposeService>,
  extra: Partial<CreateContainerRequest> = {},
  apiMinor = NEW_API,
): Record<string, unknown> {
  return createBody(request(service, extra), apiMinor).body as Record<string, unknown>;
}

function request(
  service: Partial<ComposeService>,
  extra: Partial<CreateContainerRequest> = {},
): CreateContainerRequest {
  return {
    name: "shop-web-1",
    imageId: "sha256:aa",
    service: { command: null, entrypoint: null, ...service },
    labels: {},
    networks: [],
    volumeNames: { data: "shop_data" },
    inherited: [],
    shares: {},
    links: [],
    ...extra,
  };
}

function hostConfig(
  service: Partial<ComposeService>,
  extra: Partial<CreateContainerRequest> = {},
  apiMinor = NEW_API,
): Record<string, unknown> {
  return bodyOf(service, extra, apiMinor)["HostConfig"] as Record<string, unknown>;
}

test.each<[keyof ComposeService, Partial<ComposeService>, Record<string, unknown>]>([
  ["command", { command: ["a", "b"] }, { Cmd: ["a", "b"] }],
  ["entrypoint", { entrypoint: [] }, { Entrypoint: [] }],
  ["environment", { environment: { A: "1", GONE: null, EMPTY: "" } }, { Env: ["A=1", "GONE", "EMPTY="] }],
  ["hostname", { hostname: "h", domainname: "d" }, { Hostname: "h", Domainname: "d" }],
  ["user", { user: "1000:1000", working_dir: "/w" }, { User: "1000:1000", WorkingDir: "/w" }],
  ["tty", { tty: true, stdin_open: true }, { Tty: true, OpenStdin: true }],
  ["stop_signal", { stop_signal: "SIGINT", stop_grace_period: "1m30s" }, { StopSignal: "SIGINT", StopTimeout: 90 }],
  ["stop_grace_period", { stop_grace_period: "1500ms" }, { StopTimeout: 2 }],
  [
    "healthcheck",
    {
      healthcheck: {
        test: ["CMD", "x"],
        interval: "10s",
        timeout: "3s",
        retries: 2,
        start_period: "1m",
        start_interval: "200ms",
      },
    },
    {
      Healthcheck: {
        Test: ["CMD", "x"],
        Interval: 1e10,
        Timeout: 3e9,
        Retries: 2,
        StartPeriod: 6e10,
        StartInterval: 2e8,
      },
    },
  ],
  ["healthcheck", { healthcheck: { disable: true } }, { Healthcheck: { Test: ["NONE"] } }],
  [
    "expose",
    { expose: ["80", "53/udp", "90-91"] },
    { ExposedPorts: { "80/tcp": {}, "53/udp": {}, "90/tcp": {}, "91/tcp": {} } },
  ],
])("%s of the container", (_key, service, expected) => {
  expect(bodyOf(service)).toMatchObject(expected);
});

test.each<[keyof ComposeService, Partial<ComposeService>, Record<string, unknown>]>([
  ["restart", { restart: "on-failure:3" }, { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 } }],
  ["restart", {}, { RestartPolicy: { Name: "no", MaximumRetryCount: 0 } }],
  [
    "deploy",
    { restart: "no", deploy: { restart_policy: { condition: "any" } } },
    { RestartPolicy: { Name: "always", MaximumRetryCount: 0 } },
  ],
  [
    "ports",
    { ports: [{ target: 80, published: "8080", host_ip: "127.0.0.1" }, { target: 80 }] },
    {
      PortBindings: {
        "80/tcp": [
          { HostIp: "127.0.0.1", HostPort: "8080" },
          { HostIp: "", HostPort: "" },
        ],
      },
    },
  ],
  [
    "volumes",
    { volumes: [{ type: "volume", source: "data", target: "/d", read_only: true }] },
    { Binds: ["shop_data:/d:ro"] },
  ],
  [
    "volumes",
    { volumes: [{ type: "volume", source: "data", target: "/d", volume: { nocopy: true } }] },
    { Binds: ["shop_data:/d:rw,nocopy"] },
  ],
  [
    "volumes",
    { volumes: [{ type: "bind", source: "/s", target: "/d", bind: { propagation: "rslave", selinux: "z" } }] },
    { Binds: ["/s:/d:rw,z,rslave"] },
  ],
  [
    "volumes",
    { volumes: [{ type: "bind", source: "/s", target: "/d", bind: { create_host_path: false } }] },
    { Mounts: [{ Type: "bind", Source: "/s", Target: "/d", BindOptions: { CreateMountpoint: false } }] },
  ],
  [
    "volumes",
    { volumes: [{ type: "tmpfs", target: "/t", tmpfs: { size: "1024", mode: 0o700 } }] },
    { Mounts: [{ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1024, Mode: 448 } }] },
  ],
  [
    "volumes",
    { volumes: [{ type: "volume", target: "/anonymous" }] },
    { Mounts: [{ Type: "volume", Target: "/anonymous" }] },
  ],
  ["tmpfs", { tmpfs: ["/run", "/tmp:size=64m,noexec"] }, { Tmpfs: { "/run": "", "/tmp": "size=64m,noexec" } }],
  [
    "deploy",
    {
      deploy: {
        resources: { limits: { cpus: 0.5, memory: "67108864", pids: 10 }, reservations: { memory: "33554432" } },
      },
    },
    { NanoCpus: 5e8, Memory: 67108864, PidsLimit: 10, MemoryReservation: 33554432 },
  ],
  [
    "deploy",
    { deploy: { resources: { reservations: { devices: [{ capabilities: ["gpu"], driver: "nvidia" }] } } } },
    { DeviceRequests: [{ Capabilities: [["gpu"]], Count: -1, Driver: "nvidia" }] },
  ],
  [
    "mem_limit",
    { mem_limit: "1024", memswap_limit: "-1", mem_swappiness: "60" },
    { Memory: 1024, MemorySwap: -1, MemorySwappiness: 60 },
  ],
  [
    "ulimits",
    { ulimits: { nofile: 1024, nproc: { soft: 1, hard: 2 } } },
    {
      Ulimits: [
        { Name: "nofile", Soft: 1024, Hard: 1024 },
        { Name: "nproc", Soft: 1, Hard: 2 },
      ],
    },
  ],
  [
    "devices",
    { devices: [{ source: "/dev/a", target: "/dev/b", permissions: "r" }] },
    { Devices: [{ PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "r" }] },
  ],
  [
    "cap_add",
    { cap_add: ["NET_ADMIN"], cap_drop: ["ALL"], security_opt: ["no-new-privileges"] },
    { CapAdd: ["NET_ADMIN"], CapDrop: ["ALL"], SecurityOpt: ["no-new-privileges"] },
  ],
  ["sysctls", { sysctls: { "net.core.somaxconn": "1024" } }, { Sysctls: { "net.core.somaxconn": "1024" } }],
  [
    "dns",
    { dns: ["1.1.1.1"], dns_opt: ["ndots:1"], dns_search: ["lan"] },
    { Dns: ["1.1.1.1"], DnsOptions: ["ndots:1"], DnsSearch: ["lan"] },
  ],
  ["extra_hosts", { extra_hosts: ["a=10.0.0.1", "b=::1"] }, { ExtraHosts: ["a:10.0.0.1", "b:::1"] }],
  [
    "logging",
    { logging: { driver: "json-file", options: { "max-size": "1m" } } },
    { LogConfig: { Type: "json-file", Config: { "max-size": "1m" } } },
  ],
  [
    "init",
    { init: true, read_only: true, privileged: true, shm_size: "1024" },
    { Init: true, ReadonlyRootfs: true, Privileged: true, ShmSize: 1024 },
  ],
  [
    "group_add",
    { group_add: ["1"], oom_score_adj: 5, runtime: "runc", userns_mode: "host", uts: "host" },
    { GroupAdd: ["1"], OomScoreAdj: 5, Runtime: "runc", UsernsMode: "host", UTSMode: "host" },
  ],
  [
    "cgroup",
    { cgroup: "private", cgroup_parent: "/x", cpuset: "0,1", cpu_shares: 5 },
    { CgroupnsMode: "private", CgroupParent: "/x", CpusetCpus: "0,1", CpuShares: 5 },
  ],
  [
    "storage_opt",
    { storage_opt: { size: "1G" }, annotations: { a: "b" } },
    { StorageOpt: { size: "1G" }, Annotations: { a: "b" } },
  ],
])("%s of the host", (_key, service, expected) => {
  expect(hostConfig(service)).toMatchObject(expected);
});

test("the network of the highest priority comes first, each with its names and addresses", () => {
  const service = { networks: { back: { ipv4_address: "10.1.0.5", aliases: ["api"] }, front: { priority: 10 } } };
  const networks = ["back", "front"].map((key) => ({ key, name: `shop_${key}`, aliases: ["shop-web-1", "web"] }));
  expect(bodyOf(service, { networks })).toMatchObject({
    HostConfig: { NetworkMode: "shop_front" },
    NetworkingConfig: {
      EndpointsConfig: {
        shop_front: { Aliases: ["shop-web-1", "web"] },
        shop_back: { Aliases: ["shop-web-1", "web", "api"], IPAMConfig: { IPv4Address: "10.1.0.5" } },
      },
    },
  });
});

test("an old engine gets one network at creation and is connected to the others after", () => {
  const networks = ["a", "b"].map((key) => ({ key, name: `shop_${key}`, aliases: [] }));
  const { body, later } = createBody(request({ networks: { a: null, b: null } }, { networks }), OLD_API);
  expect(Object.keys((body["NetworkingConfig"] as { EndpointsConfig: object }).EndpointsConfig)).toEqual(["shop_a"]);
  expect(later.map(({ name }) => name)).toEqual(["shop_b"]);
});

test("start_interval is left out for an engine that does not know it", () => {
  expect(bodyOf({ healthcheck: { test: ["CMD", "x"], start_interval: "1s" } }, {}, OLD_API)["Healthcheck"]).toEqual({
    Test: ["CMD", "x"],
  });
});

test("namespaces and volumes of another service are those of its container", () => {
  const service = {
    network_mode: "service:vpn",
    pid: "service:vpn",
    ipc: "service:vpn",
    volumes_from: ["vpn:ro", "container:other"],
  };
  expect(hostConfig(service, { shares: { vpn: "c0ffee" } })).toMatchObject({
    NetworkMode: "container:c0ffee",
    PidMode: "container:c0ffee",
    IpcMode: "container:c0ffee",
    VolumesFrom: ["c0ffee:ro", "other"],
  });
  expect(() => hostConfig(service)).toThrow("service:vpn needs a container of vpn, and there is none");
});

test("a volume that the image declares is taken over instead of made anew", () => {
  const volumes = [{ type: "volume" as const, target: "/d" }];
  expect(hostConfig({ volumes }, { inherited: [{ name: "abc", destination: "/d" }] })).toMatchObject({
    Binds: ["abc:/d:rw"],
  });
});

test("a volume whose name is a path is no way to a folder of the host", () => {
  const volumes = [
    { type: "volume", source: "/etc", target: "/a" },
    { type: "volume", source: "data", target: "/b" },
  ] as unknown as NonNullable<ComposeService["volumes"]>;
  const { Binds, Mounts } = bodyOf({ volumes }, { volumeNames: { data: "/root" } })["HostConfig"] as Record<
    string,
    unknown
  >;
  expect(Binds).toBeUndefined();
  // The engine refuses these names.
  expect(Mounts).toMatchObject([
    { Type: "volume", Source: "/etc" },
    { Type: "volume", Source: "/root" },
  ]);
});

test("a mount of the stack's own files comes from where they stand on this host", () => {
  const source = "/var/lib/windflow/stacks/shop/conf";
  const volumes = [
    { type: "bind", source, target: "/conf", read_only: true },
    { type: "bind", source: "/etc/hosts", target: "/hosts" },
  ] as unknown as NonNullable<ComposeService["volumes"]>;
  const host = bodyOf({ volumes }, { bindSources: { [source]: "/trees/1/conf" } })["HostConfig"] as Record<
    string,
    unknown
  >;
  expect(host["Binds"]).toEqual(["/trees/1/conf:/conf:ro", "/etc/hosts:/hosts:rw"]);
});
