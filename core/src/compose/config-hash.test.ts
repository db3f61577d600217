import { describe, expect, test } from "vitest";
import { networkConfigHash, serviceConfigHash, volumeConfigHash } from "./config-hash.ts";
import { sha256Hex } from "../digest/sha256.ts";
import type { ComposeService } from "./model-service.ts";

const web: ComposeService = {
  image: "web:1",
  environment: { "10": "ten", "2": "two", A: "<b>&\u2028" },
  entrypoint: null,
  command: ["run"],
  networks: { default: null },
  deploy: { replicas: 3, placement: {}, resources: { limits: { memory: "1024", cpus: 0.5 } } },
};

describe("service", () => {
  test("hashes Go's bytes: declared order, sorted maps, HTML escapes, no replicas", () => {
    const bytes =
      '{"command":["run"],"deploy":{"resources":{"limits":{"cpus":0.5,"memory":"1024"}},"placement":{}},"entrypoint":null,' +
      '"environment":{"10":"ten","2":"two","A":"\\u003cb\\u003e\\u0026\\u2028"},"image":"web:1","networks":{"default":null}}';
    expect(serviceConfigHash(web)).toBe(sha256Hex(bytes));
  });

  test("what only steers the deployment changes nothing", () => {
    const steered: ComposeService = {
      ...web,
      scale: 2,
      pull_policy: "always",
      profiles: ["debug"],
      build: { context: "." },
      depends_on: { db: { condition: "service_started", required: true } },
    };
    expect(serviceConfigHash(steered)).toBe(serviceConfigHash(web));
  });

  test("older versions keep profiles and depends_on, and the oldest are unknown", () => {
    const debug: ComposeService = { ...web, profiles: ["debug"] };
    const dependent: ComposeService = {
      ...web,
      depends_on: { db: { condition: "service_started", required: true } },
    };
    const same = (service: ComposeService, composeVersion: string): boolean =>
      serviceConfigHash(service, { composeVersion }) === serviceConfigHash(web, { composeVersion });
    expect(same(debug, "2.31.0")).toBe(true);
    expect(same(debug, "2.30.3")).toBe(false);
    expect(same(dependent, "2.30.3")).toBe(true);
    expect(same(dependent, "v2.26.1")).toBe(false);
    expect(same(dependent, "2.24.6+ds1-0ubuntu2~22.04.1")).toBe(false);
    expect(serviceConfigHash(web, { composeVersion: "2.14.2" })).toBeUndefined();
    expect(serviceConfigHash(web, { composeVersion: "1.29.2" })).toBeUndefined();
    expect(serviceConfigHash(web, { composeVersion: "dev" })).toBeUndefined();
  });

  test("from 2.15 to 2.23 there is one replica, whatever is written, also without deploy", () => {
    const { deploy: _deploy, ...plain } = web;
    const bytes =
      '{"command":["run"],"deploy":{"replicas":1,"resources":{},"placement":{}},"entrypoint":null,' +
      '"environment":{"10":"ten","2":"two","A":"\\u003cb\\u003e\\u0026\\u2028"},"image":"web:1","networks":{"default":null},"scale":1}';
    for (const composeVersion of ["2.15.0", "2.23.3"]) {
      expect(serviceConfigHash(plain, { composeVersion })).toBe(sha256Hex(bytes));
      expect(serviceConfigHash({ ...web, scale: 4 }, { composeVersion })).toBe(
        serviceConfigHash(web, { composeVersion }),
      );
    }
  });

  test("every version from 2.31 on has the newest formula", () => {
    for (const composeVersion of ["2.31.0", "v2.40.3", "2.40.3-desktop.1", "5.0.0", "5.5.0"])
      expect(serviceConfigHash(web, { composeVersion })).toBe(serviceConfigHash(web));
  });

  test("a namespace shared with a service is hashed as the container's id", () => {
    const sidecar: ComposeService = { ...web, network_mode: "service:web", volumes_from: ["web:ro"] };
    const resolved: ComposeService = { ...web, network_mode: "container:abc", volumes_from: ["container:abc"] };
    expect(serviceConfigHash(sidecar)).toBeUndefined();
    expect(serviceConfigHash(sidecar, { containerId: () => "abc" })).toBe(serviceConfigHash(resolved));
  });
});

test("networks always carry ipam, volumes always a driver", () => {
  expect(networkConfigHash({ name: "shop_default" })).toBe(sha256Hex('{"name":"shop_default","ipam":{}}'));
  expect(volumeConfigHash({ name: "shop_data" })).toBe(sha256Hex('{"name":"shop_data","driver":"local"}'));
});
