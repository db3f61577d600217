import { expect, test } from "vitest";
import { EngineError } from "../../reconcile/engine.ts";
import { engineError } from "./connection.ts";

test("a refusal keeps the engine's own words and its status", () => {
  const refused = Object.assign(new Error("(HTTP code 409) conflict - name in use "), {
    statusCode: 409,
    json: { message: "name in use" },
  });
  expect(engineError(refused)).toMatchObject({
    name: "EngineError",
    message: "name in use",
    status: 409,
    unreachable: false,
  });
});

test.each(["ENOENT", "ECONNREFUSED", "ECONNRESET", "EACCES"])(
  "%s of the socket means that the engine is away",
  (code) => {
    expect(engineError(Object.assign(new Error(`connect ${code}`), { code }))).toMatchObject({ unreachable: true });
  },
);

test("a fault of ours does not look like an engine that is away", () => {
  const fault = new Error("service:vpn needs a container of vpn, and there is none");
  expect(engineError(fault)).toBe(fault);
  expect(engineError(fault)).not.toBeInstanceOf(EngineError);
});
