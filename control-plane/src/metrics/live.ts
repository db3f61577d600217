/** Keeps hosts sampling each second while somebody looks at them. */
export interface LiveLooks {
  /** Somebody just asked for what the host does now. */
  look(hostId: string): void;
  stop(): void;
}

// A page that stays open asks again well within this.
const LOOK_MS = 15_000;

export function createLiveLooks(gateway: { holdLive(hostId: string): () => void }): LiveLooks {
  const looks = new Map<string, { release: () => void; timer: NodeJS.Timeout }>();
  return {
    look: (hostId) => {
      const before = looks.get(hostId);
      clearTimeout(before?.timer);
      const release = before?.release ?? gateway.holdLive(hostId);
      const timer = setTimeout(() => {
        looks.delete(hostId);
        release();
      }, LOOK_MS);
      timer.unref();
      looks.set(hostId, { release, timer });
    },
    stop: () => {
      for (const { release, timer } of looks.values()) {
        clearTimeout(timer);
        release();
      }
      looks.clear();
    },
  };
}
