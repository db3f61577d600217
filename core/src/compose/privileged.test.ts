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
