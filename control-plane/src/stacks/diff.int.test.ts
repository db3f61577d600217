import type { Revision, RevisionDiff, Stack } from "@windflow/proto/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApp, type TestApp, type TestResponse } from "../testing/index.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  await app.stop();
});

const call = (method: string, rest: string, body?: unknown): Promise<TestResponse> =>
  app.rest.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);

test("two revisions are compared: files, effective model, variables by name; no secret is in the answer", async () => {
  const { id } = (await call("POST", "stacks", { name: "compared", placement: { allHosts: true } })).json as Stack;
  const revise = async (tag: string, password: string): Promise<Revision> => {
    const text = `services:\n  web:\n    image: shop/web:${tag}\n    environment:\n      PASSWORD: \${PASSWORD}\n      MODE: \${MODE}\n`;
    const variables = [
      { name: "PASSWORD", value: password, secret: true },
      { name: "MODE", value: "calm", secret: false },
    ];
    const answer = await call("POST", `stacks/${id}/revisions`, {
      source: { files: { "compose.yaml": text }, variables },
    });
    expect(answer.status).toBe(200);
    return answer.json as Revision;
  };
  await revise("1", "canary-77aa-first");
  await revise("2", "canary-77aa-second");
  await revise("2", "");
  const diff = async (from: number, to: number): Promise<TestResponse> =>
    call("GET", `stacks/${id}/revisions:diff?from=${from}&to=${to}`);
  const changed = await diff(1, 2);
  expect(changed.text).not.toContain("canary-77aa");
  const { files, model, variables, images, sameBody } = changed.json as RevisionDiff;
  expect(files).toMatchObject([
    {
      path: "compose.yaml",
      change: "changed",
      unified: expect.stringContaining("-    image: shop/web:1\n+") as string,
    },
  ]);
  expect(model).toContain('-      PASSWORD: "{{wf-secret:PASSWORD@1}}"\n-    image: shop/web:1\n+');
  expect(variables).toMatchObject([{ name: "PASSWORD", change: "changed", secret: true }]);
  expect(images.map(({ reference }) => reference)).toEqual(["shop/web:1", "shop/web:2"]);
  expect(sameBody ?? false).toBe(false);
  // A secret that is kept is no difference, and neither is the number of the revision.
  expect((await diff(2, 3)).json).toMatchObject({ files: [], variables: [], images: [], model: "" });
  expect((await diff(2, 2)).json).toMatchObject({ sameBody: true });
  expect(await diff(2, 9)).toMatchObject({ status: 404, json: { code: "WF_NOT_FOUND" } });
  expect((await diff(0, 1)).status).toBe(400);
  const elsewhere = await app.rest.call("GET", `/v1/organizations/org_other/stacks/${id}/revisions:diff?from=1&to=2`);
  expect(elsewhere.status).not.toBe(200);
});
