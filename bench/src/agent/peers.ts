import { nodeExporter } from "@windflow/e2e/testbed";
import type { Program } from "@windflow/installer";
import { join } from "node:path";
import type { Site } from "./site.ts";
import type { Subject } from "./window.ts";
import { countWire } from "./wire.ts";

const EXPORTER_PORT = 9100;
/** As Prometheus does where nobody says otherwise for a fleet. */
const SCRAPE_EVERY_MS = 15_000;
const READY_TIMEOUT_MS = 30_000;

/** What others run for a part of the same. */
export interface Peers {
  readonly subjects: readonly Subject[];
  stop(): Promise<void>;
}

/** node_exporter, scraped as by Prometheus, and docker compose attached to the containers of a project. */
export async function startPeers(site: Site, project: string): Promise<Peers> {
  const { machine, installation } = site;
  const [host] = installation.hosts;
  const exporter = await machine.run(await exporterCommand(), {
    logFile: join(machine.folder, "node-exporter.log"),
  });
  await exporter.waitFor(/Listening on/i, READY_TIMEOUT_MS);
  const wire = await countWire(machine, "local", EXPORTER_PORT);
  const url = `http://${host?.host.address ?? ""}:${EXPORTER_PORT}/metrics`;
  const scrape = (): void => {
    // Prometheus asks for gzip, as fetch does.
    fetch(url).then(
      (answer) => answer.text(),
      () => undefined,
    );
  };
  const scraping = setInterval(scrape, SCRAPE_EVERY_MS);
  // The plugin itself, without the command that starts it.
  const follow = ["docker-compose", "-p", project, "logs", "--follow"];
  const compose: Program = await machine.run(follow, {
    env: { DOCKER_HOST: `unix://${host?.host.engine.socketPath ?? ""}` },
    logFile: join(machine.folder, "compose.log"),
  });
  return {
    subjects: [
      { name: "node_exporter", pid: exporter.pid, wire },
      { name: "docker compose", pid: compose.pid },
    ],
    stop: async () => {
      clearInterval(scraping);
      await compose.kill();
      await exporter.stop();
    },
  };
}

export async function exporterCommand(): Promise<string[]> {
  return [await nodeExporter(), `--web.listen-address=:${EXPORTER_PORT}`];
}
