import { secretPlaceholder, substituteSecrets, type ComposeModel, type ComposeService } from "@windflow/core";
import type { DriftStep } from "./model.ts";

/** Something that the containers do not tell, or that was left out. */
export interface AcceptNote {
  readonly keyPath: string;
  readonly what: string;
  readonly fix: string;
}

/** A secret of the revision, as text; it must not come into a model. */
export interface KnownSecret {
  readonly name: string;
  readonly version: number;
  readonly value: string;
}

export interface Acceptance {
  /** What the revision was made of. */
  readonly base: ComposeModel;
  /** What the containers of the host come to. */
  readonly found: ComposeModel;
  readonly steps: readonly DriftStep[];
  readonly secrets: readonly KnownSecret[];
  /** Where the stack's own folder is in models. */
  readonly ownFolder: string;
}

/** What an engine does not tell of a container: kept as the revision has it. */
const UNTOLD = ["build", "configs", "secrets", "profiles", "post_start", "pre_stop", "pull_policy", "deploy"] as const;
// A text in which a secret stands by chance is no secret: shorter ones are replaced only where they are the whole text.
const SHORTEST_PART = 6;

/**
 * The revision's model with the services that differ as the host has them. Services that no step names stay as they were
 * written, so that as little as possible is told by containers alone. Pure.
 */
export function acceptedModel(acceptance: Acceptance): { model: ComposeModel; notes: AcceptNote[] } {
  const { base, found, steps } = acceptance;
  const differs = new Set(steps.flatMap(({ service }) => (service === "" ? [] : [service])));
  const names = [...new Set([...Object.keys(base.services), ...Object.keys(found.services)])].toSorted();
  const notes: AcceptNote[] = [];
  const kept = names.flatMap((name): [string, ComposeService][] => {
    const was = base.services[name];
    const is = found.services[name];
    if (was !== undefined && !differs.has(name)) return [[name, was]];
    if (is !== undefined) return [[name, takenOver(was, is, acceptance)]];
    notes.push(leftOut(name));
    return [];
  });
  if (steps.some(({ service }) => service === "")) notes.push(NOT_OF_A_SERVICE);
  const services = Object.fromEntries(kept);
  const model = {
    ...base,
    services: Object.fromEntries(kept.map(([name, service]) => [name, withoutMissing(service, services)])),
    ...merged("networks", base.networks, found.networks),
    ...merged("volumes", base.volumes, found.volumes),
  };
  return { model, notes };
}

function takenOver(was: ComposeService | undefined, is: ComposeService, acceptance: Acceptance): ComposeService {
  const untold = was === undefined ? {} : pick(was, UNTOLD);
  const hidden = withoutSecrets(is, was, acceptance.secrets) as ComposeService;
  const volumes = hidden.volumes?.map((volume) => {
    const before = was?.volumes?.find(({ target }) => target === volume.target);
    if (before === undefined || volume.type !== "bind" || !isIn(acceptance.ownFolder, before.source)) return volume;
    // On the host the stack's folder lies where the agent put it; the next host has another.
    const same = (before.read_only ?? false) === (volume.read_only ?? false);
    return same ? before : { ...volume, source: before.source };
  });
  return { ...hidden, ...(volumes === undefined ? {} : { volumes }), ...untold } as ComposeService;
}

function isIn(folder: string, path: string | undefined): path is string {
  return path === folder || path?.startsWith(`${folder}/`) === true;
}

/** The value with each text that comes from a secret as its placeholder, as the revision has it at the same place or anywhere. */
function withoutSecrets(value: unknown, was: unknown, secrets: readonly KnownSecret[]): unknown {
  if (typeof value === "string")
    return typeof was === "string" && isWritten(was, value, secrets) ? was : hide(value, secrets);
  if (Array.isArray(value)) {
    const before: readonly unknown[] = Array.isArray(was) ? was : [];
    return value.map((item, i) => withoutSecrets(item, before[i], secrets));
  }
  if (typeof value !== "object" || value === null) return value;
  const before = typeof was === "object" && was !== null ? (was as Record<string, unknown>) : {};
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withoutSecrets(item, before[key], secrets)]),
  );
}

function isWritten(template: string, text: string, secrets: readonly KnownSecret[]): boolean {
  const values = new Map(secrets.map((secret) => [secretPlaceholder(secret), secret.value]));
  try {
    return substituteSecrets(template, (reference) => values.get(secretPlaceholder(reference))) === text;
  } catch {
    return false;
  }
}

function hide(text: string, secrets: readonly KnownSecret[]): string {
  // The longest first: one secret may be a part of another.
  const ordered = secrets.filter(({ value }) => value !== "").toSorted((a, b) => b.value.length - a.value.length);
  let hidden = text;
  for (const secret of ordered) {
    if (hidden === secret.value) return secretPlaceholder(secret);
    if (secret.value.length >= SHORTEST_PART) hidden = hidden.replaceAll(secret.value, secretPlaceholder(secret));
  }
  return hidden;
}

function withoutMissing(service: ComposeService, services: Record<string, ComposeService>): ComposeService {
  if (service.depends_on === undefined) return service;
  const there = Object.entries(service.depends_on).filter(([name]) => services[name] !== undefined);
  const { depends_on: _, ...rest } = service;
  return there.length === 0 ? rest : { ...rest, depends_on: Object.fromEntries(there) };
}

function merged<Definition>(
  section: "networks" | "volumes",
  base: Record<string, Definition> | undefined,
  found: Record<string, Definition> | undefined,
): Record<string, Record<string, Definition>> {
  const all = { ...found, ...base };
  return Object.keys(all).length === 0 ? {} : { [section]: all };
}

function pick<Value extends object, Key extends keyof Value>(value: Value, keys: readonly Key[]): Partial<Value> {
  return Object.fromEntries(
    keys.flatMap((key) => (value[key] === undefined ? [] : [[key, value[key]]])),
  ) as Partial<Value>;
}

function leftOut(service: string): AcceptNote {
  return {
    keyPath: `services.${service}`,
    what: `the host has no container of ${service}: the service is not in the revision`,
    fix: "correct the difference instead when the service is to run, or set its scale to 0 to keep its definition",
  };
}

const NOT_OF_A_SERVICE: AcceptNote = {
  keyPath: "",
  what: "networks and volumes are as the revision before has them, also where the host differs",
  fix: "write their settings into the compose file when they are to stay as the host has them",
};
