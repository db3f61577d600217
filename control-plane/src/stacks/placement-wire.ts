import {
  PlacementStrategy as PlacementStrategyMessage,
  type HostPlacement,
  type Placement as PlacementMessage,
} from "@windflow/proto/api";
import {
  emptyPlacement,
  expressionMessage,
  expressionOf,
  type Placement,
  type PlacementDecision,
  type PlacementStrategy,
} from "../placement/index.ts";

const strategies: Record<PlacementStrategy, PlacementStrategyMessage> = {
  all: PlacementStrategyMessage.PLACEMENT_STRATEGY_ALL,
  spread: PlacementStrategyMessage.PLACEMENT_STRATEGY_SPREAD,
  binpack: PlacementStrategyMessage.PLACEMENT_STRATEGY_BINPACK,
};

export function placementOf(message: PlacementMessage | undefined): Placement {
  if (message === undefined) return emptyPlacement;
  const { matchLabels, hostIds, environmentId, allHosts, replicas, spreadBy, constraints } = message;
  const { hostGoneAfterSeconds, releasedHostIds } = message;
  return {
    matchLabels,
    hostIds,
    environmentId,
    allHosts,
    replicas,
    spreadBy,
    hostGoneAfterSeconds,
    releasedHostIds,
    expressions: message.expressions.map(expressionOf),
    strategy: keyOf(strategies, message.strategy) ?? "all",
    constraints: {
      arches: constraints?.arches ?? [],
      capabilities: constraints?.capabilities ?? [],
      freeCpus: constraints?.freeCpus ?? 0,
      freeMemoryBytes: Number(constraints?.freeMemoryBytes ?? 0n),
      freeDiskBytes: Number(constraints?.freeDiskBytes ?? 0n),
    },
    preferences: message.preferences.map(({ expression, weight }) => {
      if (expression === undefined) throw new Error("a preference passed validation without its expression");
      return { expression: expressionOf(expression), weight };
    }),
  };
}

export function placementMessage(placement: Placement): PlacementMessage {
  const { environmentId, allHosts, replicas, spreadBy, hostGoneAfterSeconds, constraints } = placement;
  return {
    environmentId,
    allHosts,
    replicas,
    spreadBy,
    hostGoneAfterSeconds,
    matchLabels: { ...placement.matchLabels },
    hostIds: [...placement.hostIds],
    releasedHostIds: [...placement.releasedHostIds],
    expressions: placement.expressions.map(expressionMessage),
    strategy: strategies[placement.strategy],
    constraints: {
      arches: [...constraints.arches],
      capabilities: [...constraints.capabilities],
      freeCpus: constraints.freeCpus,
      freeMemoryBytes: BigInt(constraints.freeMemoryBytes),
      freeDiskBytes: BigInt(constraints.freeDiskBytes),
    },
    preferences: placement.preferences.map(({ expression, weight }) => {
      return { expression: expressionMessage(expression), weight };
    }),
  };
}

export function decisionMessage({ host, chosen, reason, because }: PlacementDecision): HostPlacement {
  return { hostId: host.hostId, hostName: host.name, chosen, reason, because };
}

function keyOf<Key extends string, Value>(table: Readonly<Record<Key, Value>>, value: Value): Key | undefined {
  return (Object.keys(table) as Key[]).find((key) => table[key] === value);
}
