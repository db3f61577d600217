// A process with simulated agents, started by workers.ts; it is told what to do by messages of its parent.
import { createAgent, noCounts, toldOf, type SimulatedAgent } from "./agent.ts";
import { createEchoSession, type EchoSession } from "./echo-client.ts";
import { enrolHosts, type Member } from "./enrol.ts";
import { createFigureSource } from "./figures.ts";
import { misbehave } from "./hostile.ts";
import { openLink, type Endpoint } from "./link.ts";
import type { AnswerMessage, OrderMessage, OrderName, Orders, Tally } from "./orders.ts";

type Handlers = { [Name in OrderName]: (order: Orders[Name]["order"]) => Promise<Orders[Name]["answer"]> };

// Connections that are opened at once for their handshake alone.
const HANDSHAKES_AT_ONCE = 16;
const SECOND_MS = 1_000;
// Host: 15 s of samples each 5 s; container: 30 s.
const figures = createFigureSource({ host: 3, container: 6 });
const counts = noCounts();
const members: Member[] = [];
const agents: SimulatedAgent[] = [];
const echoes: EchoSession[] = [];
const endpoint: { -readonly [Key in keyof Endpoint]: Endpoint[Key] } = {
  host: "",
  port: 0,
  localAddress: "",
  roots: "",
};
let misbehaving = 0;

const handlers: Handlers = {
  aim: async (order) => {
    Object.assign(endpoint, order.endpoint);
    return null;
  },
  enrol: async ({ token, hostnames }) => {
    members.push(...(await enrolHosts(endpoint, token, hostnames)));
    return { enrolled: members.length };
  },
  run: async ({ agents: wanted, perSecond }) => {
    const fresh = members
      .slice(agents.length, wanted)
      .map((member) => createAgent(member, { endpoint, figures, counts }));
    agents.push(...fresh);
    paced(fresh, perSecond, (agent) => agent.start());
    return null;
  },
  tally: async () => tally(),
  cut: async () => {
    for (const agent of agents) agent.cut();
    return null;
  },
  told: async ({ stackId, revision, kept }) =>
    agents.flatMap(({ told }) => told.get(toldOf(stackId, revision, kept)) ?? []),
  handshakes: async ({ count, resumed }) => ({ resumed: await handshakes(count, resumed) }),
  misbehave: ({ misdeed, forMs }) => {
    misbehaving++;
    const member = members.at(-misbehaving);
    if (member === undefined || members.length - misbehaving < agents.length)
      throw new Error("no host is left over to misbehave");
    return misbehave(endpoint, member, misdeed, forMs);
  },
  echo: async ({ sessions, perSecond }) => {
    const fresh = members.slice(echoes.length, sessions).map((member) => createEchoSession(() => endpoint, member));
    echoes.push(...fresh);
    paced(
      echoes.filter((one) => !one.open),
      perSecond,
      (one) => {
        one.start().catch(() => one.stop());
      },
    );
    return null;
  },
  echoTally: async () => ({
    open: echoes.filter((one) => one.open).length,
    resumed: echoes.filter((one) => one.resumed).length,
  }),
  rest: async () => {
    for (const one of [...agents, ...echoes]) one.stop();
    agents.length = 0;
    return null;
  },
};

function paced<Item>(items: readonly Item[], perSecond: number, act: (item: Item) => void): void {
  items.forEach((item, i) => setTimeout(() => act(item), (i * SECOND_MS) / perSecond));
}

function tally(): Tally {
  const spool = { made: 0, acknowledged: 0, dropped: 0, waiting: 0 };
  for (const agent of agents) {
    const own = agent.spool.counts();
    for (const key of ["made", "acknowledged", "dropped", "waiting"] as const) spool[key] += own[key];
  }
  return { agents: agents.length, welcomed: agents.filter((agent) => agent.welcomedAt > 0).length, counts, spool };
}

/** How many of them resumed. Each agent's ticket comes with its first connection, which is not one of those that count. */
async function handshakes(count: number, resumed: boolean): Promise<number> {
  const left = members.slice(0, count);
  let reused = 0;
  const one = async (): Promise<void> => {
    for (let member = left.shift(); member !== undefined; member = left.shift()) {
      const link = await openLink(endpoint, member, resumed ? tickets.get(member.hostId) : undefined, (ticket) =>
        tickets.set(member?.hostId ?? "", ticket),
      );
      if (link.socket.isSessionReused()) reused++;
      // The server's settings come after its tickets: both are there then.
      await new Promise((resolve) => link.http2.once("remoteSettings", resolve));
      link.close();
    }
  };
  await Promise.all(Array.from({ length: HANDSHAKES_AT_ONCE }, one));
  return reused;
}
const tickets = new Map<string, Buffer>();

process.on("message", (message: OrderMessage) => {
  const handler = handlers[message.name] as (order: unknown) => Promise<unknown>;
  const answer = (rest: Omit<AnswerMessage, "id">): void => void process.send?.({ id: message.id, ...rest });
  Promise.resolve()
    .then(() => handler(message.order))
    .then(
      (value) => answer({ answer: value }),
      (error: unknown) => answer({ problem: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
});
process.on("disconnect", () => process.exit(0));
