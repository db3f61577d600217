import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { Counts } from "./agent.ts";
import type { AnswerMessage, OrderMessage, OrderName, Orders, Tally } from "./orders.ts";

/** Processes with simulated agents. */
export interface Workers {
  readonly count: number;
  /** Asks all of them, each with an order of its own. */
  all<Name extends OrderName>(
    name: Name,
    orderOf: (worker: number) => Orders[Name]["order"],
  ): Promise<Orders[Name]["answer"][]>;
  one<Name extends OrderName>(
    worker: number,
    name: Name,
    order: Orders[Name]["order"],
  ): Promise<Orders[Name]["answer"]>;
  /** Of all of them together. */
  tally(): Promise<Tally>;
  stop(): void;
}

export function startWorkers(count: number): Workers {
  const workers = Array.from({ length: count }, startWorker);
  const one: Workers["one"] = (worker, name, order) => {
    const asked = workers[worker];
    if (asked === undefined) throw new RangeError(`there is no worker ${worker}`);
    return asked.ask(name, order);
  };
  const all: Workers["all"] = (name, orderOf) =>
    Promise.all(workers.map((worker, index) => worker.ask(name, orderOf(index))));
  return {
    count,
    one,
    all,
    tally: async () => (await all("tally", () => ({}))).reduce(together),
    stop: () => {
      for (const worker of workers) worker.stop();
    },
  };
}

interface Worker {
  ask<Name extends OrderName>(name: Name, order: Orders[Name]["order"]): Promise<Orders[Name]["answer"]>;
  stop(): void;
}

function startWorker(): Worker {
  const child: ChildProcess = fork(join(import.meta.dirname, "worker.ts"), {
    execArgv: ["--conditions=@windflow/source", "--disable-warning=ExperimentalWarning"],
  });
  const waiting = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>();
  let asked = 0;
  let gone: string | undefined;
  child.on("message", ({ id, answer, problem }: AnswerMessage) => {
    const waiter = waiting.get(id);
    waiting.delete(id);
    if (problem === undefined) waiter?.resolve(answer as never);
    else waiter?.reject(new Error(problem));
  });
  child.on("exit", (code, signal) => {
    gone = `a process of simulated agents ended (${signal ?? code})`;
    for (const waiter of waiting.values()) waiter.reject(new Error(gone));
  });
  return {
    ask: (name, order) =>
      new Promise((resolve, reject) => {
        if (gone !== undefined) return reject(new Error(gone));
        const message: OrderMessage = { id: ++asked, name, order };
        waiting.set(message.id, { resolve, reject });
        child.send(message);
      }),
    stop: () => child.kill("SIGKILL"),
  };
}

function together(left: Tally, right: Tally): Tally {
  const { counts, spool } = right;
  return {
    agents: left.agents + right.agents,
    welcomed: left.welcomed + right.welcomed,
    counts: addCounts(left.counts, counts),
    spool: sums(left.spool, spool) as Tally["spool"],
  };
}

function addCounts(left: Counts, right: Counts): Counts {
  return {
    sessions: left.sessions + right.sessions,
    resumed: left.resumed + right.resumed,
    failed: left.failed + right.failed,
    bodies: left.bodies + right.bodies,
    ended: sums(left.ended, right.ended),
    errors: sums(left.errors, right.errors),
  };
}

function sums(left: Record<string, number>, right: Record<string, number>): Record<string, number> {
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return Object.fromEntries([...keys].map((key) => [key, (left[key] ?? 0) + (right[key] ?? 0)]));
}
