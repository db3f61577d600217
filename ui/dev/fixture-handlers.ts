import type { Host, Rollout, StackSource, WatchEventsResponse } from "@windflow/proto/client";
import { FixtureProblem, type Handler } from "./fixture-router.ts";
import { logs, metrics, needsBuild, plan, render, revision } from "./fixture-answers.ts";
import { makeDeployingHandlers } from "./fixture-deploying.ts";
import { makeArrivalHandlers } from "./fixture-arrivals.ts";
import { makeLinkHandlers } from "./fixture-links.ts";
import { makeUpdateHandlers } from "./fixture-updates.ts";
import { makeDriftHandlers } from "./fixture-drift.ts";
import { makeFleetHandlers, matches } from "./fixture-fleet.ts";
import { makeRollingHandlers } from "./fixture-rolling.ts";
import { makeRollouts } from "./fixture-history.ts";
import { ago, countHosts, makeHost } from "./fixture-hosts.ts";
import { found, paged, sleep, text } from "./fixture-rows.ts";
import { builtServices } from "./fixture-source.ts";
import type { World } from "./fixture-world.ts";

/** Lines of a log in the large fleet. */
const LARGE_LOG = Number(process.env["WINDFLOW_FIXTURE_LINES"] ?? 1_000_000);
/** How long after its line is shown a fixture host comes in. */
const ARRIVES_MS = 2_500;

/** The API's answers from a world in memory: a double for screenshots and for work on the pages, not the control plane. */
export function makeHandlers(world: World): Record<string, Handler> {
  const watchers = new Set<(change: WatchEventsResponse) => void>();
  const tell = (change: WatchEventsResponse): void => watchers.forEach((watcher) => watcher(change));
  const host = (id: unknown): Host =>
    found(
      world.hosts.find((one) => one.id === id),
      "host",
    );
  const stack = (id: unknown) =>
    found(
      world.stacks.find((one) => one.id === id),
      "stack",
    );
  let signedIn = true;

  return {
    ...makeDeployingHandlers(world),
    ...makeFleetHandlers(world),
    ...makeDriftHandlers(world),
    ...makeRollingHandlers(world),
    ...makeUpdateHandlers(world),
    ...makeLinkHandlers(world),
    ...makeArrivalHandlers(world, (id) => tell({ kind: "host", id, change: "updated" })),
    "auth.getMe": () => {
      if (!signedIn) throw new FixtureProblem(401, "WF_UNAUTHENTICATED", "You are not signed in.");
      return world.me;
    },
    "auth.signIn": ({ password }) => {
      if (password === "wrong") throw new FixtureProblem(401, "WF_SIGN_IN_REFUSED", "E-mail or password is wrong.");
      signedIn = true;
      world.me.mustChangePassword = password === "first";
      return { me: world.me };
    },
    "auth.signOut": () => void (signedIn = false),
    "auth.changePassword": () => void (world.me.mustChangePassword = false),
    "auth.listApiTokens": () => ({ tokens: world.tokens }),
    "auth.createApiToken": ({ name, permissions }) => {
      const token = {
        id: `tok_${world.tokens.length + 1}`,
        name: String(name),
        permissions: permissions as string[],
        prefix: "wfa_New0",
        createdAt: ago(0),
        expiresAt: ago(-7_776_000),
        createdBy: world.me.email,
      };
      world.tokens.unshift(token);
      return { token, secret: "wfa_New0fixtureFixtureFixture0000" };
    },
    "hosts.listHosts": ({ filter, orderBy, page }) => {
      const words = text(filter).split(" ").filter(Boolean);
      const fits = (one: Host): boolean => words.every((word) => matches(one, word));
      const { rows, ...rest } = paged(sorted(world.hosts.filter(fits), text(orderBy) || "name"), page);
      return { hosts: rows, counts: countHosts(world.hosts), ...rest };
    },
    "hosts.getHost": ({ hostId }) => host(hostId),
    "hosts.updateHost": ({ hostId, name, labels }) => Object.assign(host(hostId), { name, labels }),
    "hosts.approveHost": ({ hostId }) => {
      tell({ kind: "host", id: String(hostId), change: "updated" });
      return Object.assign(host(hostId), { awaitingApproval: false });
    },
    "hosts.revokeHost": ({ hostId }) =>
      Object.assign(host(hostId), {
        presence: "PRESENCE_REVOKED",
        presenceSince: ago(0),
        presenceCause: "Revoked by camille@northwind.example.",
      }),
    "enrollmentTokens.listEnrollmentTokens": () => ({
      tokens: [
        {
          id: "ent_9",
          name: "plant north",
          prefix: "wfj_a81x",
          environmentName: "prod",
          labels: { site: "metz" },
          maxUses: 25,
          uses: 7,
          createdAt: ago(40_000),
          expiresAt: ago(-500_000),
          createdBy: "camille@northwind.example",
        },
      ].filter(() => world.hosts.length > 0),
    }),
    "enrollmentTokens.createEnrollmentToken": ({ labels, maxUses, hostLabelKeys }) => {
      const token = {
        id: "ent_1",
        labels: labels as Record<string, string>,
        maxUses: Number(maxUses),
        hostLabelKeys: (hostLabelKeys ?? []) as string[],
        uses: 0,
        createdAt: ago(0),
        expiresAt: ago(-3_600),
      };
      setTimeout(() => {
        const next = {
          ...makeHost(world.hosts.length),
          name: "paris-edge-77",
          labels: token.labels,
          enrolledAt: ago(0),
          presence: "PRESENCE_ONLINE" as const,
          presenceCause: "Heartbeats arrive every 15 s.",
          awaitingApproval: false,
        };
        world.hosts.push(next);
        tell({ kind: "host", id: next.id, change: "created" });
      }, ARRIVES_MS);
      const pin = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
      return {
        token,
        secret: "wfe_fixture",
        installCommand: `d=$(mktemp -d) && curl -fsSk 'https://wind.example:8443/install/ca.pem' -o "$d/ca.pem" && echo "${pin}  $d/ca.pem" | sha256sum -c - >&2 && curl -fsS --cacert "$d/ca.pem" 'https://wind.example:8443/install/install.sh' -o "$d/install.sh" && printf %s 'wfe_2mQ8fixture' | sh "$d/install.sh" --server 'https://wind.example:8443' --ca-sha256 ${pin}`,
        installCommandWget: `d=$(mktemp -d) && wget -q --no-check-certificate -O "$d/install.sh" 'https://wind.example:8443/install/install.sh' && echo "${pin}  $d/install.sh" | sha256sum -c - >&2 && printf %s 'wfe_2mQ8fixture' | sh "$d/install.sh" --server 'https://wind.example:8443' --ca-sha256 ${pin}`,
        enrollCommand: `printf %s 'wfe_2mQ8fixture' | windflow-agent enroll --server https://wind.example:8443 --ca-sha256 ${pin}`,
      };
    },
    "stacks.listStacks": ({ filter, page }) => {
      const { rows, ...rest } = paged(
        world.stacks.filter((one) => one.name!.includes(text(filter))),
        page,
      );
      return { stacks: rows, ...rest };
    },
    "stacks.getStack": ({ stackId }) => stack(stackId),
    "stacks.createStack": ({ name, placement }) => {
      if (world.stacks.some((one) => one.name === name))
        throw new FixtureProblem(409, "WF_NAME_TAKEN", `A stack named ${String(name)} exists already.`);
      const next = {
        id: `stk_${world.stacks.length}`,
        name: String(name),
        placement: placement as object,
        createdAt: ago(0),
        updatedAt: ago(0),
        latestRevision: 0,
        currentRevision: 0,
        etag: "1",
      };
      world.stacks.push(next);
      return next;
    },
    "stacks.updateStack": ({ stackId, placement, policy }) =>
      Object.assign(stack(stackId), placement ? { placement } : {}, policy ? { policy } : {}),
    "stacks.renderStack": ({ source }) => render(source as StackSource),
    "stacks.planStack": ({ stackId, source }) => {
      const missing = source && !world.built ? builtServices(source as StackSource) : [];
      const problems = [...(source ? render(source as StackSource).problems : []), ...missing.map(needsBuild)];
      const hosts = missing.length > 0 ? [] : world.hosts.slice(0, 3);
      return { hosts: hosts.map((one, index) => plan(one, stack(stackId).name!, index)), problems };
    },
    "stacks.createRevision": ({ stackId, source, message }) => {
      const one = stack(stackId);
      one.latestRevision = (one.latestRevision ?? 0) + 1;
      return { stackId: one.id, number: one.latestRevision, source, message };
    },
    "stacks.listRevisions": ({ stackId }) => ({
      revisions: Array.from({ length: stack(stackId).latestRevision ?? 0 }, (_, index) =>
        revision(stack(stackId).latestRevision! - index, false),
      ),
    }),
    "stacks.getRevision": ({ number }) => revision(Number(number), true),
    "rollouts.listRollouts": ({ stackId, page }) => {
      const { rows, nextPageToken } = paged(
        world.rollouts.filter((one) => !stackId || one.stackId === stackId),
        page,
      );
      return { rollouts: rows, nextPageToken };
    },
    "rollouts.getRollout": ({ rolloutId }) =>
      found(
        world.rollouts.find((one) => one.id === rolloutId),
        "rollout",
      ),
    "rollouts.createRollout": ({ stackId, revision: number }) => {
      const next = {
        ...makeRollouts([stack(stackId)], world.hosts)[0]!,
        id: `rol_${world.rollouts.length}`,
        revision: Number(number),
      };
      world.rollouts.unshift(next);
      return next;
    },
    "rollouts.cancelRollout": ({ rolloutId }) =>
      Object.assign(world.rollouts.find((one) => one.id === rolloutId) ?? {}, {
        state: "STATE_CANCELLED",
        endedAt: ago(0),
      }),
    "rollouts.watchRollout": async function* ({ rolloutId }, { signal }): AsyncGenerator<Rollout> {
      const one = found(
        world.rollouts.find((rollout) => rollout.id === rolloutId),
        "rollout",
      );
      while (!signal.aborted) {
        const pulling = one.hosts?.[0]?.services?.[1];
        if (pulling) pulling.pullPercent = Math.min(100, (pulling.pullPercent ?? 0) + 1);
        yield one;
        await sleep(1_000);
      }
    },
    "containers.listContainers": ({ hostId, stackId, filter, page }) => {
      const fits = world.containers.filter(
        (one) =>
          (!hostId || one.hostId === hostId) &&
          (!stackId || one.stackId === stackId) &&
          `${one.name} ${one.image}`.includes(text(filter)),
      );
      const { rows, ...rest } = paged(fits, page);
      return { containers: rows, ...rest };
    },
    "containers.getContainer": ({ hostId, containerId }) =>
      found(
        world.containers.find((one) => one.hostId === hostId && one.id === containerId),
        "container",
      ),
    "containers.startContainer": () => sleep(400),
    "containers.stopContainer": () => sleep(400),
    "containers.restartContainer": () => sleep(400),
    "containers.streamLogs": ({ tail }, { signal }) =>
      logs(world.name === "large" ? LARGE_LOG : Number(tail ?? 200), signal),
    "containers.createExecTicket": () => ({ path: "/v1/terminals/fixture" }),
    "containers.createHostShellTicket": () => ({ path: "/v1/terminals/fixture" }),
    "events.listEvents": ({ hostId, stackId, page }) => {
      const { rows, nextPageToken } = paged(
        world.events.filter((one) => (!hostId || one.hostId === hostId) && (!stackId || one.stackId === stackId)),
        page,
      );
      return { events: rows, nextPageToken };
    },
    "events.watchEvents": async function* (_, { signal }): AsyncGenerator<WatchEventsResponse> {
      const queue: WatchEventsResponse[] = [];
      const watcher = (change: WatchEventsResponse): void => void queue.push(change);
      watchers.add(watcher);
      signal.addEventListener("abort", () => watchers.delete(watcher));
      while (!signal.aborted) {
        yield* queue.splice(0);
        await sleep(100);
      }
    },
    "metrics.queryHostMetrics": ({ from, to }) => metrics(String(from), String(to), true),
    "metrics.queryContainerMetrics": ({ from, to }) => metrics(String(from), String(to), false),
  };
}

function sorted(hosts: Host[], orderBy: string): Host[] {
  const turn = orderBy.startsWith("-") ? -1 : 1;
  const field = orderBy
    .replace("-", "")
    .replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) as keyof Host;
  return hosts.toSorted(
    (a, b) =>
      turn *
      (typeof a[field] === "number"
        ? (a[field] as number) - (b[field] as number)
        : JSON.stringify(a[field]).localeCompare(JSON.stringify(b[field]))),
  );
}
