import { expect, it } from "vitest";
import { readOptions } from "./options.ts";

it("takes flags before the environment before the defaults", () => {
  expect(readOptions([], {})).toEqual({
    port: 8443,
    helloPort: 8080,
    smoke: false,
    resetAdminPassword: false,
    state: undefined,
  });
  expect(readOptions(["--state", "/srv/wf"], { WINDFLOW_HOME: "/other" })).toMatchObject({ state: "/srv/wf" });
  expect(readOptions(["--smoke"], { WINDFLOW_PORT: "9000" })).toMatchObject({ port: 9000, smoke: true });
  expect(readOptions(["--port", "1234", "--hello-port=80"], { WINDFLOW_PORT: "9000" })).toMatchObject({
    port: 1234,
    helloPort: 80,
  });
  expect(readOptions(["--help"], {})).toBe("help");
});

it("says which value makes no sense", () => {
  expect(() => readOptions(["--port", "70000"], {})).toThrow('--port has to be a port from 1 to 65535, not "70000".');
  expect(() => readOptions(["--hello-port", "x"], {})).toThrow("--hello-port");
  expect(() => readOptions(["--prot", "1"], {})).toThrow("--prot");
});
