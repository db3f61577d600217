import type { ComposePort, ComposeService } from "../compose/model.ts";
import { canonicalJson } from "../digest/canonical-json.ts";
import { filled, filledMap } from "./compact.ts";
import type { CreatedAs } from "./created.ts";

/**
 * The service as a person would write it: without what the image says, and without what the engine adds by itself.
 * @param several it has more than one container, so that what only one can have was chosen by the engine
 */
export function withoutDefaults({ service, image }: CreatedAs, several: boolean): ComposeService {
  const { environment, labels, expose, volumes, ports, cgroup: _cgroup, ...rest } = service;
  const sameEntrypoint = isSame(service.entrypoint, image.entrypoint);
  const ownCommand = !isSame(service.command, sameEntrypoint ? image.command : []);
  const published = new Set((ports ?? []).map((port) => `${port.target}/${port.protocol ?? "tcp"}`));
  const given = {
    environment: filledMap(without(environment ?? {}, image.environment)),
    labels: filledMap(without(labels ?? {}, image.labels)),
    expose: filled(
      (expose ?? [])
        .filter((port) => !image.exposed.includes(port) && !published.has(port))
        .map((port) => port.replace(/\/tcp$/, "")),
    ),
    volumes: filled(
      (volumes ?? []).filter(
        ({ type, source, target }) => type !== "volume" || source !== undefined || !image.volumes.includes(target),
      ),
    ),
    ports: filled(several ? (ports ?? []).map(withoutChoice) : (ports ?? [])),
    user: service.user === image.user ? undefined : service.user,
    working_dir: service.working_dir === (image.workingDirectory || "/") ? undefined : service.working_dir,
    stop_signal: service.stop_signal === image.stopSignal ? undefined : service.stop_signal,
    healthcheck: isSame(service.healthcheck, image.healthcheck) ? undefined : service.healthcheck,
  };
  const { user: _user, working_dir: _directory, stop_signal: _signal, healthcheck: _check, ...kept } = rest;
  return {
    ...kept,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    entrypoint: sameEntrypoint ? null : (service.entrypoint ?? null),
    command: ownCommand ? (service.command ?? null) : null,
  };
}

function withoutChoice(port: ComposePort): ComposePort {
  return port.published === "0" ? { ...port, published: "" } : port;
}

function without<Value>(
  map: Readonly<Record<string, Value>>,
  image: Readonly<Record<string, string>>,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(map).filter(([name, value]) => image[name] !== value));
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalJson(a ?? null) === canonicalJson(b ?? null);
}
