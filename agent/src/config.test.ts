import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

test("defaults are those of an installed agent, with nothing dangerous allowed", () => {
  expect(readConfig({})).toMatchObject({
    stateDir: "/var/lib/windflow-agent",
    engineSocket: "/var/run/docker.sock",
    policyFile: "/etc/windflow/policy.json",
    allowHostShell: false,
    logLevel: "info",
  });
});

test("a wrong setting is refused with its name and what it may be", () => {
  expect(() => readConfig({ dockerHost: "tcp://1.2.3.4:2375" })).toThrow(/no unix socket/);
  expect(() => readConfig({ spoolMaxMegabytes: "1" })).toThrow(/from 4 to 65536/);
  expect(() => readConfig({ hostShellUser: "-x; rm" })).toThrow(/no name of a user/);
  expect(() => readConfig({ logLevel: "loud" })).toThrow(/debug, info, warn, error/);
});
