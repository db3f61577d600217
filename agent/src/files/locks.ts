/** Runs acts with one name one after the other. */
export type Locked = <T>(name: string, act: () => Promise<T>) => Promise<T>;

export function createLocks(): Locked {
  const last = new Map<string, Promise<unknown>>();
  return async (name, act) => {
    const before = last.get(name) ?? Promise.resolve();
    const mine = before.then(act, act);
    last.set(name, mine);
    try {
      return await mine;
    } finally {
      if (last.get(name) === mine) last.delete(name);
    }
  };
}
