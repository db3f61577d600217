import fc from "fast-check";
import type {
  ComposeDependency,
  ComposeService,
  ComposeServiceVolume,
  DependencyCondition,
} from "../../compose/model.ts";
import type { DesiredStack } from "../desired.ts";
import { HEALTHCHECK, service, stack } from "./small-world.ts";

const NAMES = ["a", "b", "c", "d"] as const;

interface Traits {
  image: string;
  environment: string;
  healthy: boolean;
  port: boolean;
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
  port: fc.boolean(),
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
    .record({ services: fc.dictionary(fc.constantFrom(...NAMES), traits, { maxKeys: 4 }), internal: fc.boolean() })
    .map(({ services, internal }) => {
      const built: Record<string, ComposeService> = {};
      for (const name of Object.keys(services).toSorted()) {
        const own = services[name];
        if (own) built[name] = serviceOf(name, own, built);
      }
      return stack(built, {
        revision,
        model: {
          networks: { default: { name: "shop_default", ipam: {} }, back: { name: "shop_back", ipam: {}, internal } },
          volumes: Object.fromEntries(NAMES.map((name) => [name, { name: `shop_${name}` }])),
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
    scale: own.fixedName || shares ? Math.min(own.replicas, 1) : own.replicas,
    ...(own.healthy ? { healthcheck: HEALTHCHECK } : {}),
    ...(own.port && !shares ? { ports: [{ target: 80, published: "80" }] } : {}),
    ...(mounts.length > 0 ? { volumes: mounts } : {}),
    ...(own.fixedName ? { container_name: `fixed-${name}` } : {}),
    ...(dependencies.length > 0 ? { depends_on: Object.fromEntries(dependencies) } : {}),
    ...(shares
      ? { network_mode: `service:${first}` }
      : { networks: own.back ? { back: null, default: null } : { default: null } }),
  });
  if (shares) delete built.networks;
  return built;
}

// A condition that can never come true would be a plan that never ends, and rightly so.
function canMeet(target: ComposeService, condition: DependencyCondition): boolean {
  if (target.scale === 0) return false;
  if (condition === "service_healthy") return target.healthcheck !== undefined && target.restart !== "no";
  const ends = target.restart === "no" || target.restart === "on-failure";
  return condition === "service_completed_successfully" ? ends : !ends;
}
