import { expect, it } from "vitest";
import { createTeardown } from "./teardown.ts";

it("ends what was started in the reverse order, once, and goes on after a failure", async () => {
  const said: string[] = [];
  const teardown = createTeardown((line) => said.push(line));
  teardown.add("the engine", async () => undefined);
  teardown.add("", async () => void said.push("(silent)"));
  teardown.add("the agent", () => Promise.reject(new Error("it hangs")));
  expect(await Promise.all([teardown.run(), teardown.run()])).toEqual([
    ["the agent: it hangs"],
    ["the agent: it hangs"],
  ]);
  expect(said).toEqual(["stopping the agent …", "(silent)", "stopping the engine …"]);
});

it("undoes at once what is added after the end", async () => {
  const said: string[] = [];
  const teardown = createTeardown((line) => said.push(line));
  await teardown.run();
  teardown.add("a late one", async () => undefined);
  await teardown.run();
  expect(said).toEqual(["stopping a late one …"]);
});
