import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { commonErrors, ProblemError } from "../platform/index.ts";

const YEAR_S = 365 * 24 * 60 * 60;

/** The web application: its files, and its page for every other address that is not the API's. */
export async function addUi(app: FastifyInstance, folder: string): Promise<void> {
  const page = join(folder, "index.html");
  if (!existsSync(page)) return;
  const html = readFileSync(page);
  await app.register(fastifyStatic, {
    root: folder,
    index: false,
    wildcard: false,
    // The build puts a .br beside what gets smaller by it.
    preCompressed: true,
    // Names of built files carry the hash of their content.
    setHeaders: (response, path) => {
      response.header("cache-control", path.includes("/assets/") ? `public, max-age=${YEAR_S}, immutable` : "no-cache");
    },
  });
  const serve = (path: string): boolean => path !== "/v1" && !/^\/(v1|docs|metrics|install|openapi)([/.]|$)/.test(path);
  app.get("/", (_request, reply) =>
    reply.type("text/html; charset=utf-8").header("cache-control", "no-cache").send(html),
  );
  app.get("/*", (request, reply) => {
    const path = request.url.split("?")[0] ?? "/";
    if (!serve(path) || /\.\w+$/.test(path)) {
      throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is nothing at GET ${path}` });
    }
    return reply.type("text/html; charset=utf-8").header("cache-control", "no-cache").send(html);
  });
}
