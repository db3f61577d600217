// Prints two samples of every running container of an engine, a second apart, as JSON. Runs where the engine runs.
import { createDockerEngine } from "../../engines/docker/index.ts";
import { createContainerSampler } from "../container-sampler.ts";

async function main(): Promise<void> {
  const engine = createDockerEngine({ socketPath: process.argv[2] ?? "" });
  let asked = 0;
  const sampler = createContainerSampler({
    inspectContainer: (id) => engine.inspectContainer(id),
    containerStats: (id) => {
      asked++;
      return engine.containerStats(id);
    },
  });
  const running = (await engine.listContainers()).filter((container) => container.state === "running");
  await sampler.sample(Date.now(), running);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const samples = await sampler.sample(Date.now(), running);
  const figures = Object.fromEntries([...samples].map(([id, sample]) => [id, Object.fromEntries(sample)]));
  process.stdout.write(`${JSON.stringify({ asked, figures })}\n`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(String(error));
    process.exit(1);
  },
);
