import { mergeService } from "./merge.ts";
import { isNull, type MapNode, map, member, type Node, positionOf, stringOf, withEntries, withMember } from "./node.ts";
import { fail, type KeyPath, type Position } from "./problem.ts";
import { applyResets, type ResetPaths } from "./reset.ts";

/** Services of another file, with the paths that the file resets. */
export interface ExtendedFile {
  readonly path: string;
  readonly services: Node | undefined;
  readonly resets: ResetPaths;
}

export interface ExtendsPort {
  /** Reads the file that an `extends.file` names; its own extends are not applied yet. */
  readonly load: (file: string, at: Position, path: KeyPath) => ExtendedFile;
}

// Longer chains than this are a mistake, and each link costs stack.
const MAX_CHAIN = 100;

interface Source {
  readonly file: string;
  readonly services: Map<string, Node>;
  readonly resets: readonly ResetPaths[];
  /** Files that services of this one extend, read once. */
  readonly others: Map<string, Source>;
}

interface Link {
  readonly file: string;
  readonly service: string;
}

/** Replaces every `extends` of a file by what it extends, laid under the service. */
export function applyExtends(model: MapNode, file: string, resets: ResetPaths, port: ExtendsPort): MapNode {
  const services = member(model, "services");
  if (services === undefined || isNull(services)) return model;
  if (services.kind !== "map") return refuseServices(services);
  if (![...services.entries.values()].some((service) => member(service, "extends") !== undefined)) {
    return model;
  }
  const source: Source = { file, services: new Map(services.entries), resets: [resets], others: new Map() };
  for (const name of services.entries.keys()) extended(name, source, [], port);
  return withMember(model, "services", withEntries(services, source.services));
}

function extended(name: string, source: Source, chain: readonly Link[], port: ExtendsPort): Node | undefined {
  const service = source.services.get(name);
  if (service === undefined || isNull(service)) return service;
  const path = ["services", name];
  if (service.kind !== "map") return service;
  const clause = member(service, "extends");
  if (clause === undefined) return service;
  const { ref, file, at } = readClause(clause, [...path, "extends"]);
  const base = file === undefined ? source : otherSource(file, source, at, [...path, "extends"], port);
  if (!base.services.has(ref)) {
    fail("WF_COMPOSE_EXTENDS", at, [...path, "extends"], {
      what: `the service "${ref}" that "${name}" extends does not exist`,
      why: `${base.file} has no service of that name`,
      fix: `correct the name; known are ${[...base.services.keys()].slice(0, 10).join(", ") || "none"}`,
    });
  }
  const longer = withLink(chain, { file: base.file, service: name }, at, path);
  const below = extended(ref, base, longer, port);
  if (below === undefined || isNull(below)) return service;
  if (below.kind !== "map") return refuseServices(below);
  const merged = withMember(mergeService(reset(below, name, source.resets), service, name), "extends", undefined);
  const placed: Node = service.keyAt === undefined ? merged : { ...merged, keyAt: service.keyAt };
  source.services.set(name, placed);
  return placed;
}

function readClause(clause: Node, path: KeyPath): { ref: string; file?: string; at: Position } {
  const at = positionOf(clause);
  const short = stringOf(clause);
  if (short !== undefined) return { ref: short, at };
  const ref = stringOf(member(clause, "service"));
  if (ref === undefined) {
    return fail("WF_COMPOSE_EXTENDS", at, path, {
      what: "extends names no service",
      why: "there is nothing to extend",
      fix: "add service: the name of the service to extend",
    });
  }
  const file = member(clause, "file");
  const fileName = stringOf(file);
  if (file !== undefined && !isNull(file) && fileName === undefined) {
    return fail("WF_COMPOSE_EXTENDS", positionOf(file), [...path, "file"], {
      what: "extends.file is not text",
      why: "it names a file",
      fix: "write the path of the file",
    });
  }
  return { ref, at: positionOf(file ?? clause), ...(fileName === undefined ? {} : { file: fileName }) };
}

function otherSource(file: string, source: Source, at: Position, path: KeyPath, port: ExtendsPort): Source {
  const known = source.others.get(file);
  if (known !== undefined) return known;
  const loaded = port.load(file, at, path);
  if (loaded.services?.kind !== "map") {
    fail("WF_COMPOSE_EXTENDS", at, path, {
      what: `${file} has no services to extend`,
      why: "its services section is missing or not a map",
      fix: "name a file with services",
    });
  }
  const other: Source = {
    file: loaded.path,
    services: new Map(loaded.services.entries),
    resets: [...source.resets, loaded.resets],
    others: new Map(),
  };
  source.others.set(file, other);
  return other;
}

function withLink(chain: readonly Link[], link: Link, at: Position, path: KeyPath): readonly Link[] {
  const cyclic = chain.some(({ file, service }) => file === link.file && service === link.service);
  if (cyclic || chain.length >= MAX_CHAIN) {
    const names = [...chain, link].map(({ service }) => service);
    fail(cyclic ? "WF_COMPOSE_CYCLE" : "WF_COMPOSE_LIMIT", at, [...path, "extends"], {
      what: cyclic ? "services extend each other in a circle" : "the chain of extends is too long",
      why: names.length > 12 ? `${names.slice(0, 12).join(" → ")} → …` : names.join(" → "),
      fix: "remove one extends of the chain",
    });
  }
  return [...chain, link];
}

// A reset in the extending file also holds for what the service inherits; one in the extended file does not take its own values away.
function reset(base: MapNode, name: string, resets: readonly ResetPaths[]): MapNode {
  let services = map(new Map<string, Node>([[name, base]]), base.at);
  for (const paths of resets) {
    const inServices = paths.flatMap(([head, ...rest]) => (head === "services" ? [rest] : []));
    services = applyResets(services, inServices);
  }
  const kept = services.entries.get(name);
  return kept?.kind === "map" ? kept : map(new Map(), base.at);
}

function refuseServices(node: Node): never {
  fail("WF_COMPOSE_SCHEMA", positionOf(node), ["services"], {
    what: "services is not a map",
    why: "each service has a name",
    fix: "write the name of each service as a key below services",
  });
}
