import { expect, test } from "vitest";
import type { ComposeModel } from "./model.ts";
import type { ComposeService } from "./model-service.ts";
import { privilegedUses } from "./privileged.ts";

function keysOf(service: Partial<ComposeService>, volumes: ComposeModel["volumes"] = {}): string[] {
  const model: ComposeModel = {
    name: "shop",
    services: { web: { command: null, entrypoint: null, image: "web", ...service } },
    volumes,
  };
  return privilegedUses(model, { allowedBindRoots: ["/srv/stacks"] }).map((use) => `${use.key}=${use.value}`);
}

test("an ordinary service asks for nothing", () => {
  expect(
    keysOf({
      volumes: [
        { type: "bind", source: "/srv/stacks/shop/conf", target: "/conf" },
        { type: "volume", source: "data", target: "/data" },
        { type: "tmpfs", target: "/tmp" },
      ],
      security_opt: ["no-new-privileges:true"],
      cap_drop: ["ALL"],
      network_mode: "none",
    }),
  ).toEqual([]);
});

test("each way to become root on the host is named", () => {
  expect(
    keysOf({
      privileged: true,
      pid: "host",
      ipc: "container:other",
      network_mode: "host",
      cap_add: ["SYS_ADMIN"],
      security_opt: ["seccomp:unconfined"],
      devices: [{ source: "/dev/sda", target: "/dev/sda" }],
      device_cgroup_rules: ["c 1:3 mr"],
      post_start: [{ command: ["true"], privileged: true }],
    }),
  ).toEqual([
    "privileged=true",
    "pid=host",
    "ipc=container:other",
    "network_mode=host",
    "cap_add[0]=SYS_ADMIN",
    "security_opt[0]=seccomp:unconfined",
    "devices[0]=/dev/sda",
    "device_cgroup_rules[0]=c 1:3 mr",
    "post_start[0].privileged=true",
  ]);
});

test.each([
  "/var/run/docker.sock",
  "/run/podman/podman.sock",
  "/etc",
  "/",
  "/srv/stacks/../../etc",
  "/srv/stacksother",
])("mounting %s is privileged", (source) => {
  expect(keysOf({ volumes: [{ type: "bind", source, target: "/x" }] })).toEqual([`volumes[0].source=${source}`]);
});

test("the socket stays privileged inside an allowed folder", () => {
  expect(keysOf({ volumes: [{ type: "bind", source: "/srv/stacks/docker.sock", target: "/x" }] })).toHaveLength(1);
});

test("a named volume that binds a host folder is found", () => {
  expect(
    keysOf(
      { volumes: [{ type: "volume", source: "root", target: "/x" }] },
      { root: { driver: "local", driver_opts: { type: "none", o: "bind", device: "/" } } },
    ),
  ).toEqual(["volumes[0].source=/"]);
});

test.each([
  [{ type: "overlay", device: "overlay", o: "lowerdir=/etc,upperdir=/root/u,workdir=/root/w" }, "overlay"],
  [{ type: "none", o: "bind", device: "../../etc" }, "../../etc"],
  [{ type: "tmpfs", o: "rw,bind", device: "etc" }, "etc"],
  [{ type: "nfs", o: "addr=10.0.0.1, rbind", device: ":/export" }, ":/export"],
  [{ type: "ext4", device: "/dev/sda1" }, "/dev/sda1"],
  [{ type: "ext4", o: "loop", device: "/srv/stacks/disk" }, "/srv/stacks/disk"],
])("a volume with the options %j is a mount of the host", (options, device) => {
  const volumes = [{ type: "volume" as const, source: "data", target: "/x" }];
  expect(keysOf({ volumes }, { data: { driver_opts: options } })).toEqual([`volumes[0].source=${device}`]);
});

test.each([
  { type: "tmpfs", device: "tmpfs", o: "size=100m,uid=1000" },
  { type: "nfs", device: ":/export", o: "addr=10.0.0.1,rw" },
  { type: "none", o: "bind", device: "/srv/stacks/shop/data" },
  { size: "10G" },
])("a volume with the options %j is none", (options) => {
  const volumes = [{ type: "volume" as const, source: "data", target: "/x" }];
  expect(keysOf({ volumes }, { data: { driver_opts: options as Record<string, string> } })).toEqual([]);
});

test("the host's network counts by whichever key it is joined", () => {
  const model: ComposeModel = {
    name: "shop",
    services: { web: { command: null, entrypoint: null, networks: { outside: null, inside: null } } },
    networks: { outside: { name: "host", external: true }, inside: { name: "shop_inside" } },
  };
  expect(privilegedUses(model, { allowedBindRoots: [] })).toMatchObject([{ key: "networks.outside", value: "host" }]);
});

test("the stack's own files are no paths of the host, and nothing passes for one of them", () => {
  const found = (source: string, propagation?: string): string[] => {
    const bind = propagation === undefined ? {} : { bind: { propagation } };
    const volumes = [{ type: "bind" as const, source, target: "/x", ...bind }];
    const model: ComposeModel = { name: "shop", services: { web: { command: null, entrypoint: null, volumes } } };
    return privilegedUses(model, { allowedBindRoots: [], ownFolder: "/stack" }).map((use) => use.value);
  };
  for (const own of ["/stack", "/stack/conf", "/stack/run/docker.sock", "/stack/..data"])
    expect(found(own)).toEqual([]);
  for (const other of ["/stack-evil/conf", "/stack/../etc", "/stack/a/../../etc/shadow", "/", "/stac", "/srv/stack"]) {
    expect(found(other)).toEqual([other]);
  }
  expect(found("/stack/conf", "rshared")).toEqual(["/stack/conf"]);
});
