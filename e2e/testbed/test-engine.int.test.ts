import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildImages } from "./images.ts";
import { postgres15 } from "./postgres.ts";
import { type TestEngine, startTestEngine } from "./test-engine.ts";

describe("an engine of a test's own", () => {
  let engine: TestEngine;
  let other: TestEngine;
  beforeAll(async () => {
    [engine, other] = await Promise.all([startTestEngine(), startTestEngine({ containerdSnapshotter: true })]);
    await buildImages(engine.docker, ["busybox"]);
  });
  afterAll(() => Promise.all([engine.stop(), other.stop()]));

  it("publishes ports inside its machine, and no other engine sees its containers", async () => {
    const container = await engine.docker.createContainer({
      Image: "wf/busybox:1",
      Cmd: ["sh", "-c", "echo here > /index.html; httpd -f -p 80 -h /"],
      ExposedPorts: { "80/tcp": {} },
      HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "8080" }] } },
    });
    await container.start();
    // By Node, not by wget or curl: a bare machine has neither.
    const ask = `const ask = () => fetch("http://127.0.0.1:8080/index.html").then((answer) => answer.text())
      .then(console.log, () => setTimeout(ask, 100)); ask();`;
    expect(await engine.machine.exec(["timeout", "20", process.execPath, "-e", ask])).toContain("here");
    expect(await other.docker.listContainers({ all: true })).toEqual([]);
  });

  it("comes back after a crash with what it had", async () => {
    await engine.crash();
    await expect(engine.docker.ping()).rejects.toThrow(/ENOENT|ECONNREFUSED|ECONNRESET/);
    await engine.restart();
    expect(await engine.docker.listContainers({ all: true })).toHaveLength(1);
  });

  it("leaves no folder behind", async () => {
    const third = await startTestEngine();
    expect(existsSync(third.machine.folder)).toBe(true);
    await third.stop();
    expect(existsSync(third.machine.folder)).toBe(false);
  });
});

it("a PostgreSQL 15 of a test's own starts and stops", async () => {
  const server = await postgres15();
  expect(server.url).toMatch(/^postgresql:\/\/windflow@127\.0\.0\.1:\d+\/postgres$/);
  await server.stop();
});
