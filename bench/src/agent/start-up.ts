import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { median } from "../measure/statistics.ts";
import { exporterCommand } from "./peers.ts";
import type { Site } from "./site.ts";

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 2;

/** Medians in milliseconds. */
export interface StartUp {
  /** From its start to the session that the control plane welcomed. */
  readonly startMs: number;
  /** To the end of `--version`: the runtime, and the program read. */
  readonly versionMs: number;
  /** node_exporter to its first answer; docker compose to the end of `version`. */
  readonly peers: Readonly<Record<string, number>>;
}

/** Starts each in turn. The agent of the site is stopped meanwhile, and runs again after it. */
export async function measureStartUp(site: Site, rounds: number): Promise<StartUp> {
  const { machine } = site;
  const exporter = await exporterCommand();
  const times = { session: [] as number[], version: [] as number[], exporter: [] as number[], compose: [] as number[] };
  const timed = async (into: number[], act: () => Promise<void>): Promise<void> => {
    const started = performance.now();
    await act();
    into.push(performance.now() - started);
  };
  const logFile = join(machine.folder, "start-up.log");
  const ended = async (command: readonly string[]): Promise<void> => {
    await (
      await machine.run(command, { logFile })
    ).ended;
  };
  await site.agent.stop();
  for (let round = 0; round < rounds; round++) {
    const agent = await machine.run(site.agentCommand, { logFile });
    // From the fork on: entering the machine is no part of it.
    await timed(times.session, async () => void (await agent.waitFor(/welcomed this host/, READY_TIMEOUT_MS)));
    await agent.stop();
    await timed(times.version, () => ended([site.agentProgram, "--version"]));
    await timed(times.compose, () => ended(["docker-compose", "version"]));
    const program = await machine.run(exporter, { logFile });
    await timed(times.exporter, () => untilAnswered(`http://${hostAddress(site)}:9100/metrics`));
    await program.stop();
  }
  await site.restartAgent();
  return {
    startMs: Math.round(median(times.session)),
    versionMs: Math.round(median(times.version)),
    peers: {
      node_exporter: Math.round(median(times.exporter)),
      "docker compose": Math.round(median(times.compose)),
    },
  };
}

function hostAddress({ installation }: Site): string {
  return installation.hosts[0]?.host.address ?? "";
}

async function untilAnswered(url: string): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const answered = await fetch(url).then(
      async (answer) => (await answer.text()) !== "",
      () => false,
    );
    if (answered) return;
    if (Date.now() > deadline) throw new Error(`${url} does not answer`);
    await sleep(POLL_MS);
  }
}
