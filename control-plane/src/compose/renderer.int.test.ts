import { setImmediate } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { renderHere, type RenderRequest } from "./render-thread.ts";
import { createRenderer } from "./renderer.ts";
import { inputOf, problemLines } from "./testing/render-files.ts";

// As large ones; the real limit makes tests slow.
const renderer = createRenderer({ threadFrom: 1_000 });
afterAll(() => renderer.close());

function largeRequest(services: number): RenderRequest {
  const lines = Array.from({ length: services }, (_, i) => `  s${i}: { image: "app:${i}", ports: ["${i + 1}:80"] }`);
  return { mode: "hosts", input: inputOf({ "compose.yaml": `services:\n${lines.join("\n")}\n` }) };
}

test("a large source is rendered in a thread, to the same model, while this one goes on", async () => {
  const request = largeRequest(1_500);
  let turns = 0;
  let done = false;
  const rendering = renderer.render(request).finally(() => (done = true));
  while (!done) {
    await setImmediate();
    turns += 1;
  }
  const rendered = await rendering;
  expect(rendered).toEqual(renderHere(request));
  expect(Object.keys(rendered.model?.services ?? {})).toHaveLength(1_500);
  expect(turns).toBeGreaterThan(100);
});

test("broken large sources have the same problems at the same places", async () => {
  const { input } = largeRequest(1_500);
  const broken = `${input.files.get("compose.yaml")}  bad: { imag: x }\n`;
  const request: RenderRequest = { mode: "compose", input: inputOf({ "compose.yaml": broken }) };
  const rendered = await renderer.render(request);
  expect(rendered.model).toBeUndefined();
  expect(problemLines(rendered)).toEqual(problemLines(renderHere(request)));
});

test("a rendering that takes too long is stopped with a clear error, and the next one is rendered", async () => {
  const hasty = createRenderer({ deadlineMs: 1, threadFrom: 1_000 });
  const rendered = await hasty.render(largeRequest(1_500));
  expect(problemLines(rendered)).toEqual(["error compose.yaml:1:1 : the source is too large to be rendered"]);
  expect(rendered.problems[0]).toMatchObject({ code: "WF_COMPOSE_LIMIT", why: "it was stopped after 0.001 seconds" });
  await hasty.close();
  const again = await Promise.all([renderer.render(largeRequest(1_500)), renderer.render(largeRequest(1_400))]);
  expect(again.map(({ model }) => Object.keys(model?.services ?? {}).length)).toEqual([1_500, 1_400]);
});

test("more large sources than anybody waits for are refused", async () => {
  const some = Array.from({ length: 22 }, () => renderer.render(largeRequest(1_500)));
  const ends = await Promise.allSettled(some.slice(20));
  expect(ends.map((end) => (end.status === "rejected" ? String(end.reason) : "rendered"))).toEqual(
    Array(2).fill("ProblemError: WF_RATE_LIMITED: 20 other large sources are waiting to be rendered"),
  );
  await renderer.close();
});
