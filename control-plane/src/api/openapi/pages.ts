import type { FastifyInstance } from "fastify";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { commonErrors, packagedAsset, ProblemError } from "../../platform/index.ts";
import { CONTROL_PLANE_VERSION } from "../../version.ts";
import type { Catalog } from "../catalog.ts";
import { openApiDocument } from "./document.ts";

// Served by these names, from assets of the same names in an executable.
const FILES: Record<string, string> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>WindFlow API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START = `window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  validatorUrl: null,
});
`;

// The page styles its parts from its script and draws icons from data: addresses; scripts stay our own files.
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** `/openapi.json`, and a page to browse it that loads nothing from elsewhere. */
export async function addApiDocs(app: FastifyInstance, catalog: Catalog): Promise<void> {
  const document = JSON.stringify(openApiDocument(catalog, CONTROL_PLANE_VERSION));
  app.get("/openapi.json", (_request, reply) => reply.type("application/json; charset=utf-8").send(document));
  app.get("/docs", (_request, reply) =>
    reply.header("content-security-policy", PAGE_POLICY).type("text/html; charset=utf-8").send(PAGE),
  );
  app.get("/docs/start.js", (_request, reply) => reply.type("text/javascript; charset=utf-8").send(START));
  app.get("/docs/:file", (request, reply) => {
    const { file } = request.params as { file: string };
    const type = FILES[file];
    const content = type === undefined ? undefined : swaggerFile(file);
    if (type === undefined || content === undefined) {
      throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no /docs/${file}` });
    }
    return reply.type(type).header("cache-control", "max-age=3600").send(content);
  });
}

// The plugin carries the files of Swagger UI; only those are used. A bundle that runs as a file has /openapi.json alone.
function swaggerFile(name: string): Buffer | undefined {
  const packaged = packagedAsset(name);
  if (packaged !== undefined) return packaged;
  try {
    return readFileSync(join(dirname(fileURLToPath(import.meta.resolve("@fastify/swagger-ui"))), "static", name));
  } catch {
    return undefined;
  }
}
