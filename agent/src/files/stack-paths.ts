import type { ComposeFileObject, ComposeModel, ComposeService } from "@windflow/core";
import { STACK_PLACEHOLDER, isBelow } from "./manifest.ts";

/** A path of the model on this host: below the stack's own folder when it is one of the stack's own files. */
export function onHost(path: string, folder: string): string {
  if (path === STACK_PLACEHOLDER) return folder;
  return isBelow(path, STACK_PLACEHOLDER) ? folder + path.slice(STACK_PLACEHOLDER.length) : path;
}

/** Path below the stack's folder, empty for the folder itself; undefined for any other path of the host. */
export function belowFolder(path: string, folder: string | undefined): string | undefined {
  if (folder === undefined) return undefined;
  if (path === folder) return "";
  return isBelow(path, folder) ? path.slice(folder.length + 1) : undefined;
}

/**
 * The model as `docker compose` reads it in the stack's folder, so that the config hashes are equal: exactly the keys whose relative
 * paths it makes absolute.
 */
export function modelOnHost(model: ComposeModel, folder: string): ComposeModel {
  const at = (path: string): string => onHost(path, folder);
  const services = Object.fromEntries(
    Object.entries(model.services).map(([name, service]) => [name, serviceOnHost(service, at)]),
  );
  return {
    ...model,
    services,
    ...(model.configs === undefined ? {} : { configs: objectsOnHost(model.configs, at) }),
    ...(model.secrets === undefined ? {} : { secrets: objectsOnHost(model.secrets, at) }),
  };
}

type At = (path: string) => string;

function serviceOnHost(service: ComposeService, at: At): ComposeService {
  const changed: ComposeService = { ...service };
  if (service.volumes !== undefined)
    changed.volumes = service.volumes.map((mount) =>
      mount.type === "bind" && mount.source !== undefined ? { ...mount, source: at(mount.source) } : mount,
    );
  if (service.env_file !== undefined)
    changed.env_file = service.env_file.map((file) => ({ ...file, path: at(file.path) }));
  if (service.label_file !== undefined) changed.label_file = service.label_file.map(at);
  const watch = service.develop?.watch;
  if (watch !== undefined)
    changed.develop = { ...service.develop, watch: watch.map((rule) => ({ ...rule, path: at(rule.path) })) };
  return changed;
}

function objectsOnHost(objects: Record<string, ComposeFileObject>, at: At): Record<string, ComposeFileObject> {
  return Object.fromEntries(
    Object.entries(objects).map(([name, object]) => [
      name,
      object.file === undefined ? object : { ...object, file: at(object.file) },
    ]),
  );
}
