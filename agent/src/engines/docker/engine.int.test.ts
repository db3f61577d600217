import { setTimeout as sleep } from "node:timers/promises";
import { buildImages, startTestEngine, startTestPodman, type TestEngine } from "@windflow/e2e/testbed";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ComposeService } from "@windflow/core";
import type { CreateContainerRequest, EngineEvent } from "../../reconcile/engine.ts";
import type { OutputChunk } from "../streams-engine.ts";
import { IDLE } from "../../reconcile/testing/services.ts";
import { createDockerEngine, type DockerEngine } from "./index.ts";

const RESIZE_REST_MS = 500;
const DOCKER_ABSENT = "No such container: nobody";
const PODMAN_ABSENT = 'no container with name or ID "nobody" found: no such container';

describe.each([
  ["Docker 28.5", () => startTestEngine(), DOCKER_ABSENT],
  ["Docker 28.5 with the containerd store", () => startTestEngine({ containerdSnapshotter: true }), DOCKER_ABSENT],
  ["Docker 20.10", () => startTestEngine({ release: "20.10" }), DOCKER_ABSENT],
  ["Podman 4.3", () => startTestPodman(), PODMAN_ABSENT],
])("%s", (_name, start, absent) => {
  let machine: Pick<TestEngine, "docker" | "socketPath" | "stop">;
  let engine: DockerEngine;

  beforeAll(async () => {
    machine = await start();
    await buildImages(machine.docker, ["busybox"]);
    engine = createDockerEngine({ socketPath: machine.socketPath });
  });
  afterAll(async () => machine.stop());

  async function create(
    name: string,
    service: Partial<ComposeService>,
    extra: Partial<CreateContainerRequest> = {},
  ): Promise<string> {
    const images = await engine.listImages();
    const imageId = images.find(({ tags }) => tags.some((tag) => tag.endsWith("wf/busybox:1")))?.id ?? "";
    return engine.createContainer({
      name,
      imageId,
      service: { command: IDLE, entrypoint: null, ...service },
      labels: {},
      networks: [],
      volumeNames: {},
      inherited: [],
      shares: {},
      links: [],
      ...extra,
    });
  }

  async function textOf(output: AsyncIterable<OutputChunk>): Promise<{ stdout: string; stderr: string }> {
    const texts = { stdout: "", stderr: "" };
    for await (const chunk of output) texts[chunk.stream] += chunk.bytes.toString();
    return texts;
  }

  test("facts name the engine and a version of the API that both speak", async () => {
    const facts = await engine.facts();
    expect(facts.apiVersion).toMatch(/^1\.(41|51)$/);
    expect(facts.storageDriver).not.toBe("");
  });

  test("a container is listed with its networks, mounts, state, health and exit code", async () => {
    await engine.createNetwork("net-a", {}, { a: "b" });
    await engine.createNetwork("net-b", {}, {});
    await engine.createVolume("vol-a", {}, {});
    const networks = ["net-a", "net-b"].map((name) => ({ key: name, name, aliases: ["web"] }));
    const id = await create(
      "listed",
      {
        networks: { "net-a": null, "net-b": null },
        volumes: [{ type: "volume", source: "vol-a", target: "/d" }],
        healthcheck: { test: ["CMD", "true"], interval: "1s" },
        ports: [{ target: 80, published: "18100" }],
      },
      { networks, volumeNames: { "vol-a": "vol-a" }, labels: { x: "y" } },
    );
    await engine.startContainer(id);
    const [listed] = (await engine.listContainers()).filter((container) => container.id === id);
    expect(listed).toMatchObject({ name: "listed", state: "running", labels: { x: "y" }, networkMode: "net-a" });
    expect(listed?.networks.map(({ name }) => name).toSorted()).toEqual(["net-a", "net-b"]);
    expect(listed?.mounts).toMatchObject([{ type: "volume", name: "vol-a", destination: "/d" }]);
    expect(listed?.ports[0]).toMatchObject({ hostPort: 18100, containerPort: 80, protocol: "tcp" });
    const detail = await engine.containerDetail(id);
    expect(detail?.startedAt).toBeGreaterThan(detail?.createdAt ?? Number.POSITIVE_INFINITY);
    await engine.stopContainer(id);
    const [stopped] = (await engine.listContainers()).filter((container) => container.id === id);
    expect(stopped).toMatchObject({ state: "exited", exitCode: 0 });
    await engine.removeContainer(id);
    await engine.removeContainer(id);
    expect(await engine.containerDetail(id)).toBeUndefined();
    const networkIds = (await engine.listNetworks()).filter(({ name }) => name.startsWith("net-"));
    for (const network of networkIds) await engine.removeNetwork(network.id);
    expect((await engine.listVolumes()).map(({ name }) => name)).toContain("vol-a");
  });

  test("events come from the moment the subscription is there, without those of execs", async () => {
    const events: EngineEvent[] = [];
    const subscription = await engine.subscribe((event) => void events.push(event));
    const id = await create("told", {});
    await engine.startContainer(id);
    const session = await engine.exec(id, { command: ["true"], tty: false, signal: new AbortController().signal });
    await textOf(session.output);
    await engine.stopContainer(id);
    await engine.removeContainer(id);
    await expect.poll(() => events.some(({ action }) => action === "destroy")).toBe(true);
    subscription.close();
    await subscription.ended;
    const actions = events.filter((event) => event.id === id).map(({ action }) => action);
    expect(actions).toEqual(expect.arrayContaining(["create", "start", "die", "destroy"]));
    expect(actions.filter((action) => action.startsWith("exec"))).toEqual([]);
    expect(events[0]?.at).toBeGreaterThan(1_600_000_000_000);
    // Who was away for a moment asks from the last one that it heard of.
    const died = events.find(({ id: of, action }) => of === id && action === "die");
    const again: EngineEvent[] = [];
    const later = await engine.subscribe((event) => void again.push(event), (died?.at ?? 0) - 1_000);
    await expect.poll(() => again.some((event) => event.id === id && event.action === "destroy")).toBe(true);
    later.close();
    await later.ended;
    expect(again).toContainEqual(died);
  });

  test("logs: the last lines of both streams, then what follows, until it is aborted", async () => {
    const command = ["sh", "-c", "echo one; echo two >&2; echo three; sleep 0.5; echo four; sleep 3600"];
    const id = await create("logging", { command, init: true, stop_grace_period: "1s" });
    await engine.startContainer(id);
    await expect
      .poll(async () =>
        textOf(
          engine.containerLogs(id, { follow: false, tail: 3, timestamps: false, signal: new AbortController().signal }),
        ),
      )
      .toEqual({ stdout: "one\nthree\n", stderr: "two\n" });
    const aborter = new AbortController();
    let text = "";
    for await (const chunk of engine.containerLogs(id, {
      follow: true,
      tail: 1,
      timestamps: true,
      signal: aborter.signal,
    })) {
      text += chunk.bytes.toString();
      if (text.includes("four")) aborter.abort();
    }
    expect(text).toMatch(/^\d{4}-\d\d-\d\dT.*Z (two|three|four)\n/);
    await engine.stopContainer(id);
    await engine.removeContainer(id);
  });

  test("logs of a container that is not there say so", async () => {
    const logs = engine.containerLogs("nobody", {
      follow: true,
      timestamps: false,
      signal: new AbortController().signal,
    });
    await expect(textOf(logs)).rejects.toThrow(absent);
  });

  test("exec: output of both streams, input, exit code; with a tty its size", async () => {
    const id = await create("shell", {});
    await engine.startContainer(id);
    const signal = new AbortController().signal;
    const plain = await engine.exec(id, { command: ["sh", "-c", "cat; echo err >&2; exit 7"], tty: false, signal });
    await plain.write(Buffer.from("typed\n"));
    plain.end();
    expect(await textOf(plain.output)).toEqual({ stdout: "typed\n", stderr: "err\n" });
    expect(await plain.exitCode()).toBe(7);

    const terminal = await engine.exec(id, {
      command: ["sh"],
      tty: true,
      columns: 100,
      rows: 30,
      signal,
      user: "0",
      environment: { A: "b" },
    });
    // Podman answers before a terminal has its size, and may swap two that come at once; a person takes longer than that.
    await sleep(RESIZE_REST_MS);
    await terminal.resize(120, 40);
    const sized = '[ "$(stty size)" = "40 120" ]';
    const wait = `i=0; until ${sized} || [ $i -ge 50 ]; do sleep 0.1; i=$((i+1)); done`;
    await terminal.write(Buffer.from(`${wait}; stty size; echo $A; exit 3\n`));
    const { stdout } = await textOf(terminal.output);
    expect(stdout).toContain("\r\n40 120\r\n");
    expect(stdout).toContain("\r\nb\r\n");
    expect(await terminal.exitCode()).toBe(3);

    const aborter = new AbortController();
    const closed = await engine.exec(id, { command: ["sleep", "60"], tty: true, signal: aborter.signal });
    aborter.abort();
    await textOf(closed.output);
    await engine.stopContainer(id);
    await engine.removeContainer(id);
  });

  test("figures of a container", async () => {
    const id = await create("measured", {});
    await engine.startContainer(id);
    const figures = await engine.containerStats(id);
    expect(figures.memoryBytes).toBeGreaterThan(0);
    expect(figures.cpuNanoseconds).toBeGreaterThan(0);
    await engine.stopContainer(id);
    await engine.removeContainer(id);
  });

  test("an engine that is not there is unreachable; a refusal is the engine's own words", async () => {
    const nobody = createDockerEngine({ socketPath: "/nonexistent/docker.sock" });
    await expect(nobody.listContainers()).rejects.toMatchObject({ name: "EngineError", unreachable: true });
    await expect(engine.startContainer("nobody")).rejects.toMatchObject({
      message: absent,
      status: 404,
      unreachable: false,
    });
  });
});
