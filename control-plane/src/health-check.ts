import { get } from "node:https";

// As long as a check of a container may take; a database that recovers answers later than that.
const ANSWER_TIMEOUT_MS = 10_000;
// That of config.ts, which is not loaded here.
const DEFAULT_PORT = "8443";

/**
 * `health`: for whoever watches a container. Asks the control plane on this machine, at the port of `--port` or
 * WINDFLOW_PORT, whether it is ready to work. Rejects with what is the matter.
 */
export async function checkHealth(flags: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const given = flags[0] === "--port" ? flags[1] : undefined;
  const port = given ?? environment["WINDFLOW_PORT"] ?? DEFAULT_PORT;
  const trouble = await askReadiness(Number(port));
  if (trouble === undefined) return void process.stdout.write("ready\n");
  process.stderr.write(`windflow: ${trouble}\n`);
  process.exitCode = 1;
}

function askReadiness(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    // Nothing secret is sent, the answer is a status and nothing else, and a certificate of people's own need not name loopback.
    const options = { host: "127.0.0.1", port, path: "/readyz", rejectUnauthorized: false, timeout: ANSWER_TIMEOUT_MS };
    const call = get(options, (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      resolve(status === 200 ? undefined : `the control plane answers ${status}: it is not ready`);
    });
    call.on("timeout", () => call.destroy(new Error(`nothing answers within ${ANSWER_TIMEOUT_MS / 1000} s`)));
    call.on("error", (error) => resolve(`no control plane answers on port ${port}: ${error.message}`));
  });
}
