import { expect, test } from "vitest";
import { certificateNames, helpText, publicUrl, readConfig } from "./config.ts";

test("flags win over the environment, and the environment over defaults", () => {
  const config = readConfig(["--port", "9443", "--names=a.example,10.0.0.1"], {
    WINDFLOW_PORT: "1",
    WINDFLOW_ADDRESS: "127.0.0.1",
  });
  expect(config).toMatchObject({
    port: 9443,
    address: "127.0.0.1",
    names: ["a.example", "10.0.0.1"],
    state: "/var/lib/windflow",
    logLevel: "info",
  });
  expect(publicUrl(config, 9443)).toBe("https://a.example:9443");
  expect(certificateNames(config)).toEqual(expect.arrayContaining(["a.example", "10.0.0.1", "localhost", "127.0.0.1"]));
});

test("what is wrong is refused with the name of the setting", () => {
  const refused = (flags: string[], environment = {}): string => {
    try {
      readConfig(flags, environment);
      return "accepted";
    } catch (error) {
      return error instanceof Error ? error.message : "";
    }
  };
  expect(refused(["--prot", "1"])).toContain("there is no setting --prot");
  expect(refused(["--port"])).toContain("--port needs a value");
  expect(refused(["--port", "99999"])).toContain("--port (WINDFLOW_PORT) is not a port");
  expect(refused([], { WINDFLOW_LOG_LEVEL: "loud" })).toContain("--log-level (WINDFLOW_LOG_LEVEL) is none of");
  expect(refused(["--url", "http://x"])).toContain("is not an https:// address");
  expect(refused(["--tls-key", "x"])).toContain("belong together");
});

test("a switch needs no value, and a secret does not print", () => {
  const config = readConfig(["--reset-admin-password", "--metrics-token", "s3cret"], {});
  expect(config.resetAdminPassword).toBe(true);
  expect(config.metricsToken?.reveal()).toBe("s3cret");
  expect(`${JSON.stringify(config)}${String(config.metricsToken)}`).not.toContain("s3cret");
});

test("help names every setting with its flag and its variable", () => {
  expect(helpText()).toMatch(/--database-url +DATABASE_URL +PostgreSQL 15/);
});
