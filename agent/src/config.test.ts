import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

test("defaults are those of an installed agent, with nothing dangerous allowed", () => {
  expect(readConfig({})).toMatchObject({
    stateDir: "/var/lib/windflow-agent",
    stacksDir: "/var/lib/windflow/stacks",
    filesMaxBytes: 20 * 1024 ** 3,
    engineSocket: "/var/run/docker.sock",
    policyFile: "/etc/windflow/policy.json",
    allowHostShell: false,
    logLevel: "info",
  });
});

test("an agent with a state folder of its own has the files of its stacks in there, unless it is told otherwise", () => {
  expect(readConfig({ stateDir: "/tmp/other" }).stacksDir).toBe("/tmp/other/stacks");
  expect(readConfig({ stateDir: "/tmp/other", stacksDir: "/srv//stacks/" }).stacksDir).toBe("/srv/stacks");
  expect(() => readConfig({ stacksDir: "stacks" })).toThrow(/no absolute path/);
});

test("a wrong setting is refused with its name and what it may be", () => {
  expect(() => readConfig({ dockerHost: "tcp://1.2.3.4:2375" })).toThrow(/no unix socket/);
  expect(() => readConfig({ spoolMaxMegabytes: "1" })).toThrow(/from 4 to 65536/);
  expect(() => readConfig({ filesMaxMegabytes: "0" })).toThrow(/The size of all files of stacks "0"/);
  expect(() => readConfig({ hostShellUser: "-x; rm" })).toThrow(/no name of a user/);
  expect(() => readConfig({ logLevel: "loud" })).toThrow(/debug, info, warn, error/);
});
