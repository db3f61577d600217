import type { ComposeModel } from "@windflow/core";
import { stringify } from "yaml";

/** Keys in which a compose file puts `$` as `$$`; everywhere, since every text is interpolated. */
function escaped(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("$", "$$$$");
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, escaped(member)]));
}

/** A model as the text of a compose file: rendered under the project's name, it is the model again. */
export function composeFileOf(model: ComposeModel): string {
  const { name: project, services, networks, volumes, ...rest } = model;
  const file = {
    ...rest,
    services: Object.fromEntries(
      Object.entries(services).map(([name, { command, entrypoint, ...service }]) => [
        name,
        {
          ...service,
          ...(entrypoint === null ? {} : { entrypoint }),
          ...(command === null ? {} : { command }),
        },
      ]),
    ),
    ...named("networks", networks, project),
    ...named("volumes", volumes, project),
  };
  return stringify(escaped(file), { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Definitions without the names and the empty settings that docker compose gives them anyway. */
function named(
  section: string,
  definitions: Readonly<Record<string, { name?: string; ipam?: object }>> | undefined,
  project: string,
): Record<string, unknown> {
  if (definitions === undefined) return {};
  const plain = Object.entries(definitions).map(([key, { name, ipam, ...more }]) => [
    key,
    {
      ...(name === `${project}_${key}` ? {} : { name }),
      ...(ipam === undefined || Object.keys(ipam).length === 0 ? {} : { ipam }),
      ...more,
    },
  ]);
  return { [section]: Object.fromEntries(plain) };
}
