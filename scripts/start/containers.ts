import { request } from "node:http";

// Containers get ten seconds to end, as everywhere else.
const GRACE_SECONDS = 10;

/** Stops the containers that WindFlow runs for the organization on this engine; they and their volumes stay on the disk. */
export async function stopContainers(socketPath: string, organizationId: string): Promise<void> {
  const filters = JSON.stringify({ label: [`dev.windflow.organization=${organizationId}`], status: ["running"] });
  const listed = await call(socketPath, "GET", `/containers/json?filters=${encodeURIComponent(filters)}`);
  const containers = JSON.parse(listed) as { Id: string }[];
  await Promise.all(containers.map(({ Id }) => call(socketPath, "POST", `/containers/${Id}/stop?t=${GRACE_SECONDS}`)));
}

function call(socketPath: string, method: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const one = request({ socketPath, method, path }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("error", reject);
      // 304: it had stopped already.
      response.on("end", () => {
        if ((response.statusCode ?? 500) < 400) resolve(body);
        else reject(new Error(`the engine answered ${response.statusCode} to ${method} ${path}: ${body}`));
      });
    });
    one.on("error", reject);
    one.end();
  });
}
