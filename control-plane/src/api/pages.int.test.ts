import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestDoors, type TestDoors } from "../testing/doors.ts";
import type { TestResponse } from "../testing/index.ts";

let doors: TestDoors;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "windflow-ui-"));
  await mkdir(join(folder, "assets"));
  await writeFile(join(folder, "index.html"), "<!doctype html><title>app</title>");
  await writeFile(join(folder, "assets", "app-1234.js"), "export {};");
  doors = await startTestDoors({ register: () => undefined, uiFolder: folder, metricsToken: "m3trics" });
});
afterAll(async () => {
  await doors?.stop();
  await rm(folder, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string | undefined> = {}): Promise<TestResponse> =>
  doors.rest.call("GET", path, undefined, { authorization: undefined, ...headers });

test("the application's page stands for every address of its own, its files keep their names", async () => {
  for (const path of ["/", "/hosts", "/stacks/stk_1?tab=revisions", "/v1things"]) {
    expect((await get(path)).text).toContain("<title>app</title>");
  }
  const file = await get("/assets/app-1234.js");
  expect([file.status, file.headers["cache-control"]]).toEqual([200, "public, max-age=31536000, immutable"]);
  expect((await get("/assets/missing.js")).status).toBe(404);
  expect((await get("/v1/nothing")).json).toMatchObject({ code: "WF_NOT_FOUND" });
  for (const path of ["/../package.json", "/%2e%2e/package.json", "/assets/..%2f..%2fetc/passwd"]) {
    expect((await get(path)).text).not.toContain("root:");
  }
});

test("pages may load from here only and stand in no frame", async () => {
  const { headers } = await get("/");
  const policy = String(headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none';script-src 'self';style-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|https?:/);
  expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
});

test("health is open, figures need their token", async () => {
  expect((await get("/healthz")).json).toEqual({ status: "ok" });
  expect((await get("/readyz")).json).toEqual({ status: "ready" });
  expect((await get("/metrics")).status).toBe(401);
  expect((await get("/metrics", { authorization: "Bearer wrong" })).status).toBe(401);
  await get("/v1/auth/me");
  const figures = await get("/metrics", { authorization: "Bearer m3trics" });
  expect(figures.status).toBe(200);
  expect(figures.text).toContain("process_cpu_seconds_total");
  expect(figures.text).toContain(
    'windflow_api_calls_total{method="/windflow.api.v1.AuthService/GetMe",outcome="WF_UNAUTHENTICATED"} 1',
  );
});
