import { expect, test } from "vitest";
import { restPath } from "./path.ts";

test("paths become routes; a verb at the end keeps out of the variable before it", () => {
  expect(restPath("/v1/organizations/{organization}/hosts/{host_id}")).toEqual({
    route: "/v1/organizations/:organization/hosts/:host_id",
    template: "/v1/organizations/{organization}/hosts/{host_id}",
    fields: ["organization", "host_id"],
  });
  expect(restPath("/v1/{organization}/hosts/{host_id}:revoke").route).toBe(
    "/v1/:organization([^:/]+)/hosts/:host_id([^:/]+)::revoke",
  );
  expect(restPath("/v1/auth:signIn").route).toBe("/v1/auth::signIn");
  expect(() => restPath("/v1/{name=hosts/*}")).toThrow(/not supported/);
});
