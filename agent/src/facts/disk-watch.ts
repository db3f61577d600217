import type { Clock } from "../platform/clock.ts";
import type { DiskRoom } from "./host-report.ts";

/** A disk fills by a pull within seconds; what is told less often than this is a matter of the figures, which come each 15 s. */
const LOOK_MS = 30_000;
/** Of the whole disk: less changes no decision. */
const TOLD_SHARE = 0.05;
/** Each telling is a new greeting. */
const LEAST_BETWEEN_MS = 300_000;

/** Says when the room on the engine's disk is no longer what the control plane was told. */
export interface DiskWatch {
  /** The control plane was told this. */
  told(room: DiskRoom): void;
  stop(): void;
}

export function createDiskWatch(parts: {
  readonly clock: Clock;
  look(): DiskRoom;
  /** A greeting ends the session, and with it builds and terminals, which a figure is not worth. */
  isBusy(): boolean;
  onMoved(): void;
}): DiskWatch {
  const { clock } = parts;
  let last: { readonly room: DiskRoom; readonly at: number } | undefined;
  let cancel: () => void = () => undefined;
  const watch = (): void => {
    cancel = clock.after(LOOK_MS, () => {
      watch();
      if (last === undefined || clock.now() - last.at < LEAST_BETWEEN_MS || parts.isBusy()) return;
      const { freeBytes, totalBytes } = parts.look();
      if (Math.abs(freeBytes - last.room.freeBytes) >= totalBytes * TOLD_SHARE) parts.onMoved();
    });
  };
  watch();
  return {
    told: (room) => void (last = { room, at: clock.now() }),
    stop: () => cancel(),
  };
}
