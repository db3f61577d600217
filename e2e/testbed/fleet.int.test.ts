import { createServer } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Fleet, type FleetHost, createFleet } from "./fleet.ts";

let fleet: Fleet;
let host: FleetHost;
const server = createServer((_request, response) => response.end("control plane"));
const program = `fetch("http://control-plane:8080/", { signal: AbortSignal.timeout(2000) })
  .then((response) => response.text()).then(console.log, (error) => console.log(error.name));`;
const ask = [process.execPath, "-e", program];

beforeAll(async () => {
  fleet = await createFleet({ hosts: 2 });
  const [first] = fleet.hosts;
  if (first === undefined) throw new Error("the fleet is empty");
  host = first;
  await new Promise<void>((resolve) => server.listen(8080, fleet.address, resolve));
});
afterAll(async () => {
  server.close();
  await fleet.remove();
});

it("reaches this process from a host, not over a cut cable, and again after it is healed", async () => {
  expect(await host.exec(ask)).toContain("control plane");
  await host.cut();
  // Nothing answers, nothing refuses.
  expect(await host.exec(ask)).toContain("TimeoutError");
  await host.heal();
  expect(await host.exec(ask)).toContain("control plane");
});

it("ends every process of a host in a power cut, and powers on again", async () => {
  const agent = await host.start(["sleep", "600"]);
  await host.powerCut();
  await agent.ended;
  await expect(host.engine.docker.ping()).rejects.toThrow(/ENOENT|ECONNREFUSED|ECONNRESET/);
  await host.powerOn();
  expect(await host.exec(["hostname"])).toContain("host1");
  expect((await host.engine.docker.ping()).toString()).toBe("OK");
  expect(await host.exec(ask)).toContain("control plane");
});
