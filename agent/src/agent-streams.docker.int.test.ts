import type { OpenStreamCommand } from "@windflow/proto/agent";
import { type TestEngine, buildImages, startTestEngine } from "@windflow/e2e/testbed";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type AgentOnEngine, createAgentOnEngine } from "./testing/agent-on-engine.ts";
import type { TestStream } from "./testing/control-plane.ts";

let engine: TestEngine;
let host: AgentOnEngine;
let containerId: string;
let nextTicket = 1;

beforeAll(async () => {
  engine = await startTestEngine();
  await buildImages(engine.docker, ["busybox"]);
  const container = await engine.docker.createContainer({
    Image: "wf/busybox:1",
    Cmd: [
      "sh",
      "-c",
      "i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done; echo problem >&2; exec sleep 3600",
    ],
  });
  await container.start();
  containerId = container.id;
  host = await createAgentOnEngine(engine.socketPath, { allowHostShell: true });
  await host.start();
});
afterAll(async () => {
  await host.remove();
  await engine.stop();
});

const PATIENCE = { timeout: 20_000 };
async function open(kind: NonNullable<OpenStreamCommand["kind"]>): Promise<TestStream> {
  const ticket = `ticket-${nextTicket++}`;
  host.session().send({ $case: "openStream", value: { ticket, kind } });
  return vi.waitUntil(() => host.plane.streams.find((stream) => stream.ticket === ticket), PATIENCE);
}
const logs = (
  over: Partial<Extract<OpenStreamCommand["kind"], { $case: "logs" }>["value"]> = {},
): Promise<TestStream> =>
  open({ $case: "logs", value: { containerId, follow: false, tail: 0, since: undefined, until: undefined, ...over } });
const linesOf = (stream: TestStream): { text: string; stderr: boolean; at: Date | undefined }[] =>
  stream.received.flatMap((kind) => (kind.$case === "logs" ? kind.value.entries : []));
const outputOf = (stream: TestStream): string =>
  Buffer.concat(stream.received.flatMap((kind) => (kind.$case === "output" ? [kind.value] : []))).toString();
const endOf = (stream: TestStream): Promise<{ exitCode: number; problem: string; code: string }> =>
  vi.waitUntil(() => stream.received.flatMap((kind) => (kind.$case === "end" ? [kind.value] : []))[0], PATIENCE);
const input = (text: string): { $case: "input"; value: Uint8Array } => ({ $case: "input", value: Buffer.from(text) });
const close = { $case: "close", value: { exitCode: 0, problem: "", code: "" } } as const;

describe("logs", () => {
  test("all lines come in order with their times, errors marked, and the stream ends", async () => {
    const stream = await logs();
    await endOf(stream);
    const lines = linesOf(stream);
    expect(lines.filter((line) => !line.stderr).map((line) => line.text)).toEqual(
      Array.from({ length: 500 }, (_, i) => `line ${i}`),
    );
    expect(lines.find((line) => line.stderr)?.text).toBe("problem");
    expect(lines.every((line) => line.at instanceof Date)).toBe(true);
  });

  test("tail gives the last lines; following goes on until the reader closes", async () => {
    const stream = await logs({ follow: true, tail: 3 });
    await vi.waitFor(() => expect(linesOf(stream)).toHaveLength(3), PATIENCE);
    expect(stream.isOpen).toBe(true);
    stream.send(close);
    await vi.waitFor(() => expect(stream.isOpen).toBe(false), PATIENCE);
  });

  test("a container that is not there is told as a problem", async () => {
    expect(await endOf(await logs({ containerId: "nonexistent" }))).toMatchObject({
      code: "WF_ENGINE",
      problem: expect.stringMatching(/no such container/i),
    });
  });

  test("a reader that confirms nothing gets no more than its credit; one that confirms gets all", async () => {
    const big = await engine.docker.createContainer({
      Image: "wf/busybox:1",
      Cmd: ["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x | fold -w 100; echo; exec sleep 3600"],
    });
    await big.start();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const stream = await logs({ containerId: big.id });
    await new Promise((resolve) => setTimeout(resolve, 800));
    const unconfirmed = linesOf(stream).reduce((sum, line) => sum + line.text.length, 0);
    expect(unconfirmed).toBeGreaterThan(0);
    expect(unconfirmed).toBeLessThan(64 * 1024 + 20 * 1024);
    let confirmed = 0;
    await vi.waitUntil(() => {
      const bytes = linesOf(stream).reduce((sum, line) => sum + line.text.length, 0);
      if (bytes > confirmed) stream.send({ $case: "credit", value: BigInt(bytes - confirmed) });
      confirmed = bytes;
      return stream.received.at(-1)?.$case === "end";
    }, PATIENCE);
    expect(linesOf(stream)).toHaveLength(3_000);
    await big.remove({ force: true });
  });

  test("more than 32 at once are refused with a sentence, and a place is free when one closes", async () => {
    const streams = await Promise.all(Array.from({ length: 32 }, () => logs({ follow: true, tail: 1 })));
    await vi.waitFor(() => expect(streams.every((stream) => linesOf(stream).length > 0)).toBe(true), PATIENCE);
    expect(await endOf(await logs())).toMatchObject({
      code: "WF_STREAM_LIMIT",
      problem: expect.stringContaining("32 log streams"),
    });
    for (const stream of streams) stream.send(close);
    await vi.waitFor(async () => expect((await endOf(await logs({ tail: 1 }))).code).toBe(""), PATIENCE);
  });
});

describe("terminals", () => {
  const exec = (command: string[], tty: boolean): Promise<TestStream> =>
    open({ $case: "exec", value: { containerId, command, user: "", tty, columns: 90, rows: 20 } });

  test("a terminal echoes, is resized, and gives the exit code", async () => {
    const stream = await exec(["sh"], true);
    stream.send(input("stty size\n"));
    await vi.waitFor(() => expect(outputOf(stream)).toContain("20 90"), PATIENCE);
    stream.send({ $case: "resize", value: { columns: 132, rows: 43 } });
    await vi.waitFor(async () => {
      stream.send(input("stty size\n"));
      expect(outputOf(stream)).toContain("43 132");
    }, PATIENCE);
    stream.send(input("exit 7\n"));
    expect(await endOf(stream)).toMatchObject({ exitCode: 7, problem: "" });
  });

  test("what is typed and resized before the program runs is not lost", async () => {
    const stream = await exec(["sh"], true);
    stream.send({ $case: "resize", value: { columns: 101, rows: 31 } });
    stream.send(input("sleep 0.3; stty size; exit 0\n"));
    await endOf(stream);
    expect(outputOf(stream)).toContain("31 101");
  });

  test("without a terminal, output and errors come apart", async () => {
    const stream = await exec(["sh", "-c", "echo out; echo err >&2; exit 3"], false);
    expect(await endOf(stream)).toMatchObject({ exitCode: 3 });
    expect(outputOf(stream)).toBe("out\n");
    expect(stream.received.find((kind) => kind.$case === "errorOutput")).toBeDefined();
  });

  test("a shell on the host opens only where its owner allowed it", async () => {
    const stream = await open({ $case: "hostShell", value: { columns: 80, rows: 24, actor: "alice" } });
    stream.send(input("echo $((6*7)); exit 5\n"));
    expect(await endOf(stream)).toMatchObject({ exitCode: 5 });
    expect(outputOf(stream)).toContain("42");
    expect(host.logLines.join("")).toContain('"actor":"alice"');

    const other = await createAgentOnEngine(engine.socketPath);
    const session = await other.start();
    session.send({
      $case: "openStream",
      value: { ticket: "t", kind: { $case: "hostShell", value: { columns: 80, rows: 24, actor: "bob" } } },
    });
    const refused = await vi.waitUntil(() => other.plane.streams[0], PATIENCE);
    expect(await endOf(refused)).toMatchObject({
      code: "WF_NOT_ALLOWED",
      problem: expect.stringContaining("--allow-host-shell"),
    });
    await other.remove();
  });
});
