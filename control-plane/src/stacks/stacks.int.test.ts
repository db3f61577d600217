import { StackBody } from "@windflow/proto/agent";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { emptyPlacement } from "../placement/index.ts";
import {
  commonErrors,
  createLog,
  openPlatform,
  systemClock,
  type Platform,
  type UnitOfWork,
} from "../platform/index.ts";
import { startTestDatabase, type TestDatabase } from "../testing/database.ts";
import { createFleet, type Fleet } from "../testing/fleet.ts";
import { stacksErrors } from "./errors.ts";
import type { StackVariable } from "./model.ts";
import { secretValues, type Stack } from "./index.ts";

const log = createLog({ level: "silent" });
let server: TestDatabase;
let platform: Platform;
let fleet: Fleet;

beforeAll(async () => {
  server = await startTestDatabase(log);
  platform = await openPlatform({ connection: server.connection, clock: systemClock, log });
  fleet = await createFleet(platform);
});
afterAll(async () => {
  await platform?.close();
  await server?.stop();
});

const CANARY = "canary-9f1c-do-not-show";
const inTenant = <Result>(work: (tx: UnitOfWork) => Promise<Result>): Promise<Result> =>
  platform.database.inOrganization(fleet.caller, work);
const newStack = (name: string): Promise<Stack> =>
  fleet.stacks.create(fleet.caller, { name, placement: { ...emptyPlacement, allHosts: true } });
const revise = (
  stackId: string,
  yaml: string,
  variables: StackVariable[] = [],
  files = {},
): ReturnType<Fleet["revisions"]["create"]> =>
  fleet.revisions.create(fleet.caller, {
    stackId,
    source: { files: { "compose.yaml": yaml, ...files }, composeFiles: [], variables, profiles: [], attachments: [] },
    message: "because",
  });
const values = (stackId: string, number: number): Promise<object[]> =>
  inTenant((tx) => secretValues(tx, fleet.vault, { organizationId: fleet.caller.organizationId, stackId, number }));

test("revisions are numbered, and the body is encoded once and named by its digest", async () => {
  const stack = await newStack("numbered");
  const first = await revise(stack.id, "services: {web: {image: shop/web:1}}");
  const second = await revise(stack.id, "services: {web: {image: shop/web:2}}");
  expect([first.number, second.number]).toEqual([1, 2]);
  const read = await inTenant((tx) => fleet.stacks.getRevision(tx, stack.id, 1));
  expect(read.bodyDigest).toBe(first.bodyDigest);
  const body = StackBody.decode(read.body);
  expect(JSON.parse(Buffer.from(body.modelJson).toString())).toMatchObject({
    name: "numbered",
    services: { web: { image: "shop/web:1" } },
  });
});

test("secrets are sealed, stand as references in the body, and keep their value and version while they are not changed", async () => {
  const stack = await newStack("secretive");
  const yaml = "services: {db: {image: db:1, environment: {PASSWORD: '${PASSWORD}', MODE: '${MODE}'}}}";
  const secret = (value: string): StackVariable => ({ name: "PASSWORD", value, secret: true });
  const mode = (value: string): StackVariable => ({ name: "MODE", value, secret: false });
  const first = await revise(stack.id, yaml, [secret(CANARY), mode("a")]);
  const second = await revise(stack.id, yaml, [secret(""), mode("b")]);
  await revise(stack.id, yaml, [secret("another"), mode("b")]);

  expect(StackBody.decode(second.body).secrets).toEqual(["PASSWORD@1"]);
  expect(await values(stack.id, 1)).toEqual([{ reference: "PASSWORD@1", value: CANARY }]);
  expect(await values(stack.id, 2)).toEqual([{ reference: "PASSWORD@1", value: CANARY }]);
  expect(await values(stack.id, 3)).toEqual([{ reference: "PASSWORD@3", value: "another" }]);
  expect(first.hasSecrets).toBe(true);
  expect(first.source.variables[0]).toEqual({ name: "PASSWORD", value: "", secret: true, version: 1 });
});

test("the text of a secret is in no table", async () => {
  const tables = await platform.database.asSystem(async (tx) => {
    const answer = await sql<{ name: string }>`SELECT relname AS name FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND has_table_privilege('windflow_system', oid, 'SELECT')`.execute(tx.queries);
    return answer.rows.map((row) => row.name);
  });
  const hex = Buffer.from(CANARY).toString("hex");
  const showing: string[] = [];
  for (const table of tables) {
    const found = await platform.database.asSystem((tx) =>
      sql`SELECT 1 FROM ${sql.table(table)} t WHERE strpos(t::text, ${CANARY}) > 0 OR strpos(t::text, ${hex}) > 0`.execute(
        tx.queries,
      ),
    );
    if (found.rows.length > 0) showing.push(table);
  }
  expect(tables).toContain("stack_revisions");
  expect(showing).toEqual([]);
});

test("an empty secret that never had a value is refused by name", async () => {
  const stack = await newStack("empty-secret");
  const made = revise(stack.id, "services: {db: {image: db:1}}", [{ name: "PASSWORD", value: "", secret: true }]);
  await expect(made).rejects.toMatchObject({
    code: commonErrors.WF_INVALID_ARGUMENT,
    violations: [{ path: "source.variables[0].value" }],
  });
});

test("errors in the files are named with file, line and column, and nothing is stored", async () => {
  const stack = await newStack("broken");
  const made = revise(stack.id, "services:\n  web:\n    image: web:1\n    imgae: web:2\n");
  await expect(made).rejects.toMatchObject({
    code: stacksErrors.WF_STACK_INVALID,
    violations: [{ line: 4, column: expect.any(Number), path: expect.stringContaining("imgae") }],
  });
  expect((await inTenant((tx) => fleet.stacks.get(tx, stack.id))).latestRevision).toBe(0);
});

test("what makes a container root on its host needs its own permission", async () => {
  const stack = await newStack("rooted");
  const yaml = "services: {web: {image: web:1, privileged: true}}";
  await expect(revise(stack.id, yaml)).rejects.toMatchObject({
    code: stacksErrors.WF_STACK_PRIVILEGED,
    violations: [{ path: "services.web.privileged" }],
  });
  const admin = { ...fleet.caller, permissions: new Set(["stacks.deploy.privileged"]) };
  const source = { files: { "compose.yaml": yaml }, composeFiles: [], variables: [], profiles: [], attachments: [] };
  const revision = await fleet.revisions.create(admin, { stackId: stack.id, source, message: "" });
  expect(revision.privilegedServices).toEqual(["web"]);
  // A stack follows its placement: who may not deploy it brings it to no other host that way either.
  const change = { stackId: stack.id, placement: { ...emptyPlacement, allHosts: true }, etag: "" };
  await expect(fleet.stacks.update(fleet.caller, change)).rejects.toMatchObject({
    code: commonErrors.WF_PERMISSION_DENIED,
  });
  expect(await fleet.stacks.update(admin, change)).toMatchObject({ id: stack.id });
});

test("texts of configs travel in the model, and a mount of what is on no host is refused by name", async () => {
  const stack = await newStack("configured");
  const yaml = "services: {web: {image: web:1, configs: [site]}}\nconfigs: {site: {file: ./conf/site.conf}}";
  const revision = await revise(stack.id, yaml, [], { "conf/site.conf": "listen 80;", "README.md": "not mounted" });
  const model = JSON.parse(Buffer.from(StackBody.decode(revision.body).modelJson).toString()) as object;
  expect(model).toMatchObject({ configs: { site: { content: "listen 80;" } } });
  expect(JSON.stringify(model)).not.toContain("not mounted");
  const relative = "services:\n  web:\n    image: web:1\n    volumes:\n      - ./html:/html\n";
  await expect(revise(stack.id, relative)).rejects.toMatchObject({
    code: stacksErrors.WF_STACK_INVALID,
    violations: [{ line: 5, message: expect.stringContaining("on no host") }],
  });
});

test("a name is taken once, an etag guards an update, and a stack on no host is gone at once", async () => {
  const stack = await newStack("unique");
  await expect(newStack("unique")).rejects.toMatchObject({ code: commonErrors.WF_ALREADY_EXISTS });
  const placement = { ...emptyPlacement, matchLabels: { site: "paris" } };
  const updated = await fleet.stacks.update(fleet.caller, { stackId: stack.id, placement, etag: "1" });
  expect(updated.placement.matchLabels).toEqual({ site: "paris" });
  await expect(fleet.stacks.update(fleet.caller, { stackId: stack.id, placement, etag: "1" })).rejects.toMatchObject({
    code: commonErrors.WF_ETAG_MISMATCH,
  });
  expect(await fleet.stacks.delete(fleet.caller, stack.id)).toBeUndefined();
  await expect(inTenant((tx) => fleet.stacks.get(tx, stack.id))).rejects.toMatchObject({
    code: commonErrors.WF_NOT_FOUND,
  });
});
