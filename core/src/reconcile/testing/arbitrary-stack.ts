import fc from "fast-check";
import type {
  ComposeDependency,
  ComposeService,
  ComposeServiceVolume,
  DependencyCondition,
} from "../../compose/model.ts";
import type { DesiredStack, ResolvedImage } from "../desired.ts";
import { HEALTHCHECK, imageId, service, stack } from "./small-world.ts";

const NAMES = ["a", "b", "c", "d"] as const;

interface Traits {
  image: string;
  environment: string;
  healthy: boolean;
  /** 0: none; else the last digit of the port: two services may swap theirs from one revision to the next. */
  port: number;
  hooks: boolean;
  built: boolean;
  volume: boolean;
  back: boolean;
  fixedName: boolean;
  restart: string;
  replicas: number;
  sharesFirst: boolean;
  dependsOn: readonly DependencyCondition[];
}

const traits: fc.Arbitrary<Traits> = fc.record({
  image: fc.constantFrom("app:1", "app:2"),
  environment: fc.constantFrom("1", "2"),
  healthy: fc.boolean(),
  port: fc.nat({ max: 3 }),
  hooks: fc.boolean(),
  built: fc.boolean(),
  volume: fc.boolean(),
  back: fc.boolean(),
  fixedName: fc.boolean(),
  restart: fc.constantFrom("no", "always", "unless-stopped", "on-failure"),
  replicas: fc.nat({ max: 3 }),
  sharesFirst: fc.boolean(),
  dependsOn: fc.array(
    fc.constantFrom<DependencyCondition>("service_started", "service_healthy", "service_completed_successfully"),
    { maxLength: 3 },
  ),
});

/** Revisions of one stack: any services with any of the traits that plans turn on, dependencies without cycles. */
export function arbitraryStack(revision: number): fc.Arbitrary<DesiredStack> {
  return fc
    .record({
      services: fc.dictionary(fc.constantFrom(...NAMES), traits, { maxKeys: 4 }),
      internal: fc.boolean(),
      volumeDriver: fc.constantFrom("local", "other"),
      recreateVolumes: fc.subarray([...NAMES]),
    })
    .map(({ services, internal, volumeDriver, recreateVolumes }) => {
      const built: Record<string, ComposeService> = {};
      for (const name of Object.keys(services).toSorted()) {
        const own = services[name];
        if (own) built[name] = withoutClash(serviceOf(name, own, built), built);
      }
      const references = Object.keys(built).map((name) => `shop-${name}`);
      return stack(built, {
        revision,
        recreateVolumes,
        images: Object.fromEntries(references.map((reference) => [reference, delivered(reference, revision)])),
        model: {
          networks: { default: { name: "shop_default", ipam: {} }, back: { name: "shop_back", ipam: {}, internal } },
          volumes: Object.fromEntries(NAMES.map((name) => [name, { name: `shop_${name}`, driver: volumeDriver }])),
        },
      });
    });
}

function serviceOf(name: string, own: Traits, earlier: Record<string, ComposeService>): ComposeService {
  const dependencies = own.dependsOn.flatMap((condition, i): [string, ComposeDependency][] => {
    const on = Object.keys(earlier)[i];
    const target = on === undefined ? undefined : earlier[on];
    if (on === undefined || target === undefined || !canMeet(target, condition)) return [];
    return [[on, { condition, required: true }]];
  });
  const [first] = Object.keys(earlier);
  const shares = own.sharesFirst && first !== undefined && canMeet(earlier[first] ?? service(), "service_started");
  const mounts: ComposeServiceVolume[] = own.volume ? [{ type: "volume", source: name, target: "/data" }] : [];
  const built = service({
    image: own.image,
    environment: { A: own.environment },
    restart: own.restart,
    scale: own.fixedName || shares || own.port > 0 ? Math.min(own.replicas, 1) : own.replicas,
    ...(own.healthy ? { healthcheck: HEALTHCHECK } : {}),
    ...(own.port > 0 && !shares ? { ports: [{ target: 80, published: `8${own.port}` }] } : {}),
    ...(own.hooks ? { post_start: [{ command: ["a"] }, { command: ["b"] }], pre_stop: [{ command: ["z"] }] } : {}),
    ...(mounts.length > 0 ? { volumes: mounts } : {}),
    ...(own.fixedName ? { container_name: `fixed-${name}` } : {}),
    ...(dependencies.length > 0 ? { depends_on: Object.fromEntries(dependencies) } : {}),
    ...(shares
      ? { network_mode: `service:${first}` }
      : { networks: own.back ? { back: null, default: null } : { default: null } }),
  });
  if (shares) delete built.networks;
  if (own.built) {
    delete built.image;
    built.build = { context: "/stack" };
  }
  return built;
}

// Two services of one revision on one port could never run.
function withoutClash(own: ComposeService, others: Readonly<Record<string, ComposeService>>): ComposeService {
  const taken = Object.values(others).flatMap(({ ports = [] }) => ports.map(({ published }) => published));
  if (!(own.ports ?? []).some(({ published }) => taken.includes(published))) return own;
  const { ports: _ports, ...rest } = own;
  return rest;
}

function delivered(reference: string, revision: number): ResolvedImage {
  const id = imageId(`${reference}:${revision}`);
  const image = { configDigest: id, configSizeBytes: 1, manifestDigest: "", layers: [], platform: "linux/amd64" };
  return { ids: [id], delivered: { ...image, tags: [reference] } };
}

// A condition that can never come true would be a plan that never ends, and rightly so.
function canMeet(target: ComposeService, condition: DependencyCondition): boolean {
  if (target.scale === 0) return false;
  if (condition === "service_healthy") return target.healthcheck !== undefined && target.restart !== "no";
  const ends = target.restart === "no" || target.restart === "on-failure";
  return condition === "service_completed_successfully" ? ends : !ends;
}
