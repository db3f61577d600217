import { EnvFileError, parseEnvFile, parseRawEnvFile } from "./dotenv.ts";
import { type MapNode, mapItems, mapMembers, member, scalar, stringOf, withMember } from "./node.ts";
import { fail } from "./problem.ts";
import type { WorkspaceFile } from "./workspace.ts";

type Get = (name: string) => string | undefined;

/** Reads an env file and turns its errors into problems at the right line. */
export function parseEnvText(
  file: WorkspaceFile,
  get: Get,
  { format, earlier }: { readonly format?: string | undefined; readonly earlier?: Get } = {},
): ReadonlyMap<string, string> {
  try {
    return format === "raw" ? parseRawEnvFile(file.text, get) : parseEnvFile(file.text, get, earlier);
  } catch (error) {
    if (!(error instanceof EnvFileError)) throw error;
    fail("WF_COMPOSE_ENV_FILE", { file: file.name, line: error.line, column: 1 }, [], {
      what: `the env file ${file.name} cannot be read`,
      why: error.message,
      fix: "write one KEY=value a line",
    });
  }
}

/** Gives the items of a service's `environment` list that name a variable only its value. */
export function resolveOwnEnvironment(model: MapNode, environment: ReadonlyMap<string, string>): MapNode {
  const services = member(model, "services");
  if (services?.kind !== "map") return model;
  const resolved = mapMembers(services, (service) => {
    const list = member(service, "environment");
    if (service.kind !== "map" || list?.kind !== "seq") return service;
    const items = mapItems(list, (item) => {
      const name = stringOf(item) ?? "";
      const value = environment.get(name);
      return value === undefined ? item : scalar(`${name}=${value}`, item.at);
    });
    return items === list ? service : withMember(service, "environment", items);
  });
  return resolved === services ? model : withMember(model, "services", resolved);
}
