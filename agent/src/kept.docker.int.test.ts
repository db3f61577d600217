import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { seal, sealRandomness, secretPlaceholder, secretsContext } from "@windflow/core";
import { type DesiredStack, type ObservedStack, SecretValues } from "@windflow/proto/agent";
import { type TestEngine, buildImages, startTestEngine } from "@windflow/e2e/testbed";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type AgentOnEngine, createAgentOnEngine } from "./testing/agent-on-engine.ts";
import { stackBody, wantedStack } from "./testing/stack-body.ts";

let engine: TestEngine;
let host: AgentOnEngine;

beforeAll(async () => {
  engine = await startTestEngine();
  await buildImages(engine.docker, ["busybox"]);
});
afterAll(async () => engine.stop());
beforeEach(async () => {
  host = await createAgentOnEngine(engine.socketPath);
  await host.start();
});
afterEach(async () => {
  await host.remove();
  for (const container of await engine.docker.listContainers({ all: true }))
    await engine.docker.getContainer(container.Id).remove({ force: true });
});

const PATIENCE = { timeout: 25_000, interval: 100 };
const IDLE = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"];

/** A new image under a tag that moves from one revision to the next, as people use `latest`. */
async function moveTag(mark: string): Promise<string> {
  const made = await engine.docker.createContainer({
    Image: "wf/busybox:1",
    Cmd: ["sh", "-c", `echo ${mark} > /mark`],
  });
  await made.start();
  await made.wait();
  const committed: unknown = await made.commit({ repo: "shop", tag: "latest" });
  const { Id } = committed as { readonly Id: string };
  await made.remove();
  return Id;
}
function revision(
  number: number,
  over: Partial<DesiredStack> = {},
  service: Record<string, unknown> = {},
): DesiredStack {
  const environment = { PASSWORD: secretPlaceholder({ name: "PASSWORD", version: number }), REVISION: String(number) };
  const bytes = stackBody({
    revision: number,
    secrets: [`PASSWORD@${number}`],
    service: { image: "shop:latest", command: IDLE, environment, ...service },
  });
  const values = [{ reference: `PASSWORD@${number}`, value: `secret-of-${number}` }];
  host.plane.secrets.set(
    `stk_1/${number}`,
    seal(
      host.session().hello.sealingKey,
      SecretValues.encode({ values }).finish(),
      secretsContext("stk_1", number),
      sealRandomness(randomBytes(44)),
    ),
  );
  return wantedStack({
    stackId: "stk_1",
    revision: number,
    bodyDigest: host.plane.putBody(bytes),
    attempt: `rol_${number}`,
    ...over,
  });
}
const environmentOf = async (): Promise<string[]> => {
  const running = await engine.docker.listContainers();
  if (running.length !== 1) return [`${running.length} run`];
  const { Config, Image } = await engine.docker.getContainer(running[0]?.Id ?? "").inspect();
  return [...(Config.Env ?? []).filter((entry) => /^(PASSWORD|REVISION)=/.test(entry)).toSorted(), Image];
};
const runs = (number: number, image: string): Promise<void> =>
  vi.waitFor(
    async () => expect(await environmentOf()).toEqual([`PASSWORD=secret-of-${number}`, `REVISION=${number}`, image]),
    PATIENCE,
  );
const stack = (): ObservedStack | undefined => host.observed()?.stacks[0];
const told = (): string[] =>
  [...host.plane.spools.values()]
    .flat()
    .flatMap((entry) => (entry.kind?.$case === "event" ? [entry.kind.value.type] : []))
    .filter((type) => type.startsWith("stack."));
const keeps = (...numbers: number[]): Promise<void> =>
  vi.waitFor(() => expect(stack()?.keptRevisions).toEqual(numbers), PATIENCE);

/** Revisions 1 to `last`, each deployed until it has run for a while. */
async function deployed(last: number, keepRevisions = 3): Promise<string[]> {
  const images: string[] = [""];
  const policy = { reportDrift: false, heal: {}, keepRevisions };
  for (let number = 1; number <= last; number++) {
    images.push(await moveTag(`${number}`));
    await host.desire(BigInt(number), revision(number, { policy }, { pull_policy: "missing" }));
    await runs(number, images[number] ?? "");
    await vi.waitFor(() => expect(stack()?.keptRevisions).toContain(number), PATIENCE);
  }
  return images;
}

/** The whole program, as root runs it beside a service that was installed. */
function command(...args: string[]): Promise<{ readonly code: number | null; readonly out: string }> {
  const main = join(import.meta.dirname, "main.ts");
  const flags = ["--conditions=@windflow/source", "--no-warnings", main, ...args, "--state-dir", host.config.stateDir];
  const child = spawn(process.execPath, flags);
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (out += chunk.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, out })));
}

test("the last revisions are kept with their bodies, secrets and images through pruning, and no more of them", async () => {
  const images = await deployed(3, 2);
  await keeps(2, 3);
  await engine.docker.pruneImages();
  const there = (await engine.docker.listImages()).map(({ Id }) => Id);
  expect(there).toEqual(expect.arrayContaining([images[2], images[3]]));
  expect(there).not.toContain(images[1]);
  const bodies = readFileSync(join(host.config.stateDir, "desired/kept.json"), "utf8");
  expect((JSON.parse(bodies) as { revisions: { revision: number }[] }).revisions.map((one) => one.revision)).toEqual([
    3, 2,
  ]);
  await host.desire(9n);
  const names = async (): Promise<string[]> =>
    (await engine.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
  await vi.waitFor(
    async () => expect((await names()).filter((name) => name.startsWith("windflow-kept/"))).toEqual([]),
    PATIENCE,
  );
});

test("with no control plane, no registry and after a prune, root goes back, holds, and releases", async () => {
  const images = await deployed(2);
  await host.plane.stop();
  await engine.docker.pruneImages();
  const rolledBack = await host.askLocally({ command: "rollback", stack: "shop" });
  expect(rolledBack).toMatchObject({
    text: expect.stringMatching(/^shop is held at revision 1[\s\S]*create-container shop-web-1/),
  });
  expect(rolledBack.code).toBeUndefined();
  await runs(1, images[1] ?? "");
  // Neither another agent nor a power cut forgets it.
  await host.stopAgent();
  await engine.crash();
  await engine.restart();
  host.start().catch(() => undefined);
  await runs(1, images[1] ?? "");
  expect((await host.askLocally({ command: "stacks" })).text).toMatch(/^shop +revision 1 +held; wanted is 2 +kept: /);
  expect((await host.askLocally({ command: "release", stack: "stk_1" })).text).toContain(
    "what is wanted is revision 2",
  );
  await runs(2, images[2] ?? "");
  expect((await host.askLocally({ command: "release", stack: "shop" })).text).toBe(
    "shop was not held; nothing has changed.",
  );
});

test("while a stack is held, what is wanted of it is stored and not done, unless it overrides the hold", async () => {
  const images = await deployed(2);
  await host.askLocally({ command: "rollback", stack: "shop", to: 1 });
  await runs(1, images[1] ?? "");
  await vi.waitFor(() => expect(stack()).toMatchObject({ revision: 1, heldRevision: 1, converged: true }), PATIENCE);
  images.push(await moveTag("3"));
  expect(await host.desire(3n, revision(3))).toMatchObject({ refused: "" });
  await vi.waitFor(() => expect(host.observed()?.generation?.n).toBe(3n), PATIENCE);
  // Also a state without the stack does not take away what root holds.
  await host.desire(4n);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await runs(1, images[1] ?? "");
  await host.desire(5n, revision(3, { overrideHold: true }));
  await runs(3, images[3] ?? "");
  await vi.waitFor(() => expect(stack()).toMatchObject({ revision: 3, heldRevision: 0 }), PATIENCE);
  await vi.waitFor(() => expect(told()).toEqual(["stack.held", "stack.hold-overridden"]), PATIENCE);
  // The same state met that hold once: a later one is not ended by it.
  await keeps(1, 2, 3);
  await host.askLocally({ command: "rollback", stack: "shop", to: 2 });
  await runs(2, images[2] ?? "");
  await host.desire(6n, revision(3, { overrideHold: true }));
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await runs(2, images[2] ?? "");
});

test("what is asked wrongly is refused with what there is", async () => {
  await deployed(1);
  expect(await host.askLocally({ command: "rollback", stack: "shop" })).toMatchObject({ code: "WF_REVISION_NOT_KEPT" });
  expect(await host.askLocally({ command: "rollback", stack: "shop", to: 7 })).toMatchObject({
    code: "WF_REVISION_NOT_KEPT",
  });
  expect(await host.askLocally({ command: "release", stack: "none" })).toMatchObject({
    code: "WF_STACK_UNKNOWN",
    text: expect.stringContaining("It runs: shop."),
  });
  // No agent of the command line runs with this state: the one under test is inside this process.
  expect(await command("stacks")).toMatchObject({ code: 1, out: expect.stringContaining("WF_NOT_RUNNING") });
  expect(existsSync(join(host.config.stateDir, "desired/kept.json"))).toBe(true);
});
