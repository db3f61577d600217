import {
  Activity,
  Boxes,
  Cable,
  CalendarClock,
  ChartSpline,
  CircleFadingArrowUp,
  Container,
  KeyRound,
  Layers,
  Rocket,
  ScanSearch,
  Server,
  Wrench,
} from "@lucide/vue";
import type { Component } from "vue";

export interface NavigationItem {
  /** Also the key of its label. */
  name:
    | "hosts"
    | "stacks"
    | "rollouts"
    | "drift"
    | "windows"
    | "updates"
    | "links"
    | "containers"
    | "discovered"
    | "explore"
    | "events"
    | "registries"
    | "tokens";
  icon: Component;
  permission: string;
}

export const NAVIGATION: NavigationItem[] = [
  { name: "hosts", icon: Server, permission: "hosts.read" },
  { name: "stacks", icon: Layers, permission: "stacks.read" },
  { name: "rollouts", icon: Rocket, permission: "rollouts.read" },
  { name: "drift", icon: Wrench, permission: "stacks.read" },
  { name: "windows", icon: CalendarClock, permission: "windows.read" },
  { name: "updates", icon: CircleFadingArrowUp, permission: "updates.read" },
  { name: "links", icon: Cable, permission: "links.read" },
  { name: "containers", icon: Boxes, permission: "containers.read" },
  { name: "discovered", icon: ScanSearch, permission: "containers.read" },
  { name: "explore", icon: ChartSpline, permission: "metrics.read" },
  { name: "events", icon: Activity, permission: "events.read" },
  { name: "registries", icon: Container, permission: "registries.read" },
  { name: "tokens", icon: KeyRound, permission: "apiTokens.read" },
];
