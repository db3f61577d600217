import { join } from "node:path";
import { readIfThere, writeDurably } from "../platform/durable-file.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import type { MemoryStore, ReconcileMemory } from "../reconcile/options.ts";

const FILE = "reconcile.json";

/** What the reconciler remembers: pinned images, operator holds, what ran before the boot. */
export interface FileMemory extends MemoryStore {
  /** As last loaded or saved. */
  readonly latest: ReconcileMemory | undefined;
}

export function openReconcileMemory(folder: string, log: Log): FileMemory {
  const path = join(folder, FILE);
  let text: string | undefined;
  let latest: ReconcileMemory | undefined;
  return {
    get latest() {
      return latest;
    },
    load: () => {
      text = readIfThere(path)?.toString();
      if (text === undefined) return undefined;
      try {
        const value: unknown = JSON.parse(text);
        latest = isMemory(value) ? value : undefined;
      } catch (error) {
        log("warn", "The reconciler's memory cannot be read; holds and pins start anew.", {
          path,
          reason: reasonOf(error),
        });
      }
      return latest;
    },
    save: (memory) => {
      const next = JSON.stringify(memory);
      latest = memory;
      if (next === text) return;
      writeDurably(path, next);
      text = next;
    },
  };
}

function isMemory(value: unknown): value is ReconcileMemory {
  if (typeof value !== "object" || value === null) return false;
  const { pins, holds, running, bootId }: Partial<Record<string, unknown>> = { ...value };
  return Array.isArray(pins) && Array.isArray(holds) && Array.isArray(running) && typeof bootId === "string";
}
