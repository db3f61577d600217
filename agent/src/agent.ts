import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { join } from "node:path";
import type { EngineFacts } from "@windflow/core";
import type { Heartbeat, Hello, HostReport, Welcome } from "@windflow/proto/agent";
import { forgetBuilds } from "./builds/index.ts";
import type { AgentConfig } from "./config.ts";
import { createStatusKeeper } from "./control/agent-status.ts";
import { createDesiredIntake } from "./control/desired-intake.ts";
import type { LocalAnswer, LocalCommand } from "./control/local-commands.ts";
import { frameHandlers } from "./control/frame-handlers.ts";
import { type DockerEngine, createDockerEngine } from "./engines/docker/index.ts";
import { type HostKeys, loadOrCreateHostKeys } from "./enroll/host-keys.ts";
import { createIdentityKeeper } from "./enroll/identity-keeper.ts";
import { ownIdentity } from "./enroll/own-identity.ts";
import { AgentError } from "./errors.ts";
import { createDiskWatch } from "./facts/disk-watch.ts";
import { bootId, engineDisk, hostReport } from "./facts/host-report.ts";
import type { ContentSource } from "./files/index.ts";
import { type HostSide, createHostSide } from "./host-side.ts";
import { type Link, linkText, openLink } from "./link/index.ts";
import { type AgentState, type LifecycleEvent, transition } from "./lifecycle.ts";
import { type Clock, systemClock } from "./platform/clock.ts";
import { type Log, reasonOf } from "./platform/log.ts";
import { fetchFile, fetchImage, fetchRegistryAuth } from "./session/channel.ts";
import { createPeers } from "./peers/index.ts";
import { keepSession } from "./session/keeper.ts";
import { type SessionEnd, type SessionLink, runSession } from "./session/session.ts";
import { createWireMeter } from "./session/wire-meter.ts";
import { type SpoolSender, startSpoolSender } from "./spool/spool-sender.ts";
import { openBodyPieces } from "./state/body-pieces.ts";
import { openKnownTime } from "./state/known-time.ts";
import { readLocalPolicy } from "./state/local-policy.ts";
import { createStreams } from "./streams/index.ts";
import { type FaultPoint, type Installation, type Updater, createUpdater } from "./update/index.ts";
import { AGENT_COMMIT, AGENT_VERSION, IS_DEVELOPMENT, RELEASE_KEYS } from "./version.ts";

/** What a test or a simulation may put in place of the real thing. */
export interface AgentParts {
  readonly log: Log;
  /** Where that log is kept; absent where the journal has it. */
  readonly logFile?: string | undefined;
  readonly clock?: Clock;
  /** 0 to 1. */
  readonly random?: () => number;
  readonly engine?: DockerEngine;
  /** How it was started, when it was installed so that it can replace itself. */
  readonly installation?: Installation | undefined;
  /** Moments of an update at which tests end the process. */
  readonly updateFaults?: FaultPoint;
}

export interface RunningAgent {
  readonly hostId: string;
  readonly state: AgentState;
  /** Called with each state that the agent comes to. */
  onState(listener: (state: AgentState) => void): void;
  /** Does what root on this host asks for. */
  askLocally(command: LocalCommand): Promise<LocalAnswer>;
  /** Called once when another agent is to take this one's place: stop, and end as installer/launch.sh says. */
  onHandOver(listener: () => void): void;
  /** Called once when an identity of its own is ready for this machine: stop, and start again. */
  onReenrolled(listener: () => void): void;
  /** Says goodbye, lets what is being done end, and leaves every container running. */
  stop(): Promise<void>;
}

/**
 * Starts an enrolled agent. Enforcement begins at once from what is on disk; the control plane is dialled beside it.
 * @throws AgentError WF_NOT_ENROLLED, WF_STATE_UNREADABLE
 */
export function startAgent(config: AgentConfig, parts: AgentParts): RunningAgent {
  const { log } = parts;
  const clock = parts.clock ?? systemClock;
  const random = parts.random ?? Math.random;
  const identity = ownIdentity(config.stateDir);
  const keys = loadOrCreateHostKeys(config.stateDir);
  const knownTime = openKnownTime(config.stateDir);
  const wire = createWireMeter();
  const hostLink = openLink({
    folder: config.stateDir,
    clock,
    log,
    now: () => Math.max(clock.now(), knownTime.floor()),
  });
  const identities = createIdentityKeeper({
    link: () => ({ shaper: hostLink.shaper }),
    folder: config.stateDir,
    identity,
    keys,
    wire,
    clock,
    knownTime,
    log,
    spread: random(),
  });
  const engine = parts.engine ?? createDockerEngine({ socketPath: config.engineSocket });
  const stop = new AbortController();
  const instanceId = randomUUID();
  let link: SessionLink | undefined;
  let sender: SpoolSender | undefined;
  /** What Hello of this session said of the engine; undefined until it was sent. */
  let told: { readonly engine: EngineFacts | undefined } | undefined;
  let renew = new AbortController();
  let state: AgentState = "connecting";
  let listener: (state: AgentState) => void = () => undefined;
  let handOver: () => void = () => undefined;
  let reenrolled: () => void = () => undefined;

  const enter = (event: LifecycleEvent): void => {
    const next = transition(state, event);
    if (next === state) return;
    log("info", "The agent changed its state.", { from: state, to: next, kind: event.type });
    state = next;
    statusKeeper.entered(next);
    listener(next);
  };
  const peers = createPeers({
    identity: {
      hostId: identity.hostId,
      organizationId: identity.organizationId,
      certificate: () => {
        const { certificateChain, trustedRoots } = identities.identity;
        return { chain: certificateChain, key: keys.hostKeyPem, roots: trustedRoots };
      },
    },
    address: config.peerAddress,
    clock,
    log,
    isAllowed: () => hostLink.settings.peers,
    onBytes: (count) => hostLink.shaper.fromPeer(count),
  });
  const host = createHostSide({
    config,
    identity,
    keys,
    engine,
    clock,
    log,
    wire,
    fileSource: () => link && filesOver(link),
    images: {
      ask: () => {
        const session = link;
        return session && ((request) => fetchImage(session.client, request));
      },
      layers: () => link && filesOver(link),
      source: () => hostLink.settings.images,
      site: peers.layers,
    },
    onProgress: (progress) => void link?.send({ $case: "progress", value: progress }),
    // Facts travel in Hello only.
    onEngineChanged: (facts) => {
      if (told !== undefined && !isDeepStrictEqual(facts, told.engine)) renew.abort();
    },
  });
  host.metrics.setIntervals({ ...hostLink.pace, live: false });
  const statusKeeper = createStatusKeeper({
    version: AGENT_VERSION,
    clock,
    spoolMaxBytes: config.spoolMaxBytes,
    logFile: parts.logFile,
    spool: host.spool,
    engine: () => host.loop.observed()?.engine,
    engineProblem: () => host.engineProblem(),
    wireBytes: () => wire.bytes(),
  });
  host.spool.onDurable(() => sender?.pump());
  const buildsFolder = join(config.stateDir, "builds");
  forgetBuilds(buildsFolder);
  const streams = createStreams({
    engine,
    hostShellUser: config.allowHostShell ? config.hostShellUser : undefined,
    builds: {
      engine,
      folder: buildsFolder,
      registries: host.registries,
      allowsPrivileged: () => readLocalPolicy(config.policyFile).privilegedStacks.includes("*"),
    },
    log,
  });
  const disk = createDiskWatch({
    clock,
    look: () => engineDisk(told?.engine),
    isBusy: () => streams.isBusy,
    onMoved: () => renew.abort(),
  });
  const intake = createDesiredIntake({
    store: host.store,
    pieces: openBodyPieces(join(config.stateDir, "desired", "pieces")),
    clock,
    log,
    random,
    onTaken: () => {
      host.forgetRegistries();
      host.loop.wake("desired");
    },
    onOverridden: (stackId) => host.tellOverridden(stackId),
  });

  const updater = createUpdater({
    stateDir: config.stateDir,
    installation: parts.installation,
    build: {
      version: AGENT_VERSION,
      commit: AGENT_COMMIT,
      development: IS_DEVELOPMENT,
      arch: process.arch,
      keys: RELEASE_KEYS,
    },
    clock,
    random,
    log,
    ...(parts.updateFaults === undefined ? {} : { at: parts.updateFaults }),
    onHandOver: () => handOver(),
  });

  const welcome = (message: Welcome, session: SessionLink): void => {
    link = session;
    updater.welcomed(session);
    host.registries.attach({
      fetch: async (request) => (await fetchRegistryAuth(session.client, request)).sealed,
    });
    enter({ type: "welcomed" });
    log("info", "The control plane welcomed this host.", { hostId: identity.hostId, epoch: String(message.epoch) });
    if (message.serverTime !== undefined) knownTime.learn(message.serverTime.getTime());
    if (message.intervals !== undefined) host.metrics.setIntervals(message.intervals);
    identities.attach(session, message.trustedRoots);
    hostLink.attach(session);
    host.reporter.attach(session, message.wantsObserved);
    startSpoolSender(host.spool, session, message.spoolAcked, clock).then(
      (started) => (sender = started),
      (error: unknown) => log("error", "The spool cannot be sent.", { reason: reasonOf(error) }),
    );
  };
  const attempt = async (stopping: AbortSignal): Promise<SessionEnd> => {
    let channel: Awaited<ReturnType<typeof identities.open>> | undefined;
    try {
      const facts = host.facts();
      told = undefined;
      renew = new AbortController();
      channel = await identities.open();
      return await runSession(
        {
          client: channel.client,
          shaper: hostLink.shaper,
          hostId: identity.hostId,
          hostKey: keys.hostKey,
          clock,
          log,
          hello: async () => {
            told = { engine: (await facts) ?? (await host.facts()) };
            disk.told(engineDisk(told.engine));
            return hello({ config, keys, host, hostLink, updater, instanceId, clock, engine: told.engine });
          },
          heartbeat: () => heartbeat(host, clock),
          onWelcome: welcome,
          onReenroll: async (asked) => {
            await identities.enrolAnew(asked, reportOf(config, told?.engine));
            reenrolled();
          },
          handlers: (session) =>
            frameHandlers(
              {
                engine,
                registries: host.registries,
                clock,
                engineName: () => host.loop.observed()?.engine.name ?? "",
                loop: host.loop,
                store: host.store,
                intake,
                updater,
                knownTime,
                log,
                openStream: (command, over) => streams.open(command, over),
                takeLink: (settings) => hostLink.take(settings),
                setIntervals: (intervals) => host.metrics.setIntervals(intervals),
                spoolAcknowledged: (spoolId, sequence) => sender?.acknowledged(spoolId, sequence),
                sendObserved: () => host.reporter.sendNow(),
                takePeers: (message) => peers.take(message),
              },
              session,
            ),
        },
        stopping,
        renew.signal,
      );
    } catch (error) {
      const nothing = { welcomed: false, returnWithinMs: 0, goodbye: undefined, refused: false, renewed: false };
      return { ...nothing, reason: reasonOf(error) };
    } finally {
      channel?.close();
    }
  };
  const onEnded = (end: SessionEnd): void => {
    link = undefined;
    updater.ended(end);
    statusKeeper.ended(end);
    host.registries.attach(undefined);
    sender = undefined;
    enter({ type: "session-ended" });
  };

  host.start();
  peers.start();
  const kept = keepSession({ clock, log, random, attempt, onEnded }, stop.signal);
  return {
    hostId: identity.hostId,
    get state() {
      return state;
    },
    onState: (callback) => {
      listener = callback;
    },
    onHandOver: (callback) => {
      handOver = callback;
    },
    onReenrolled: (callback) => {
      reenrolled = callback;
    },
    askLocally: async (command) => {
      switch (command.command) {
        case "link":
          return { text: linkText(hostLink) };
        case "status":
          return { text: JSON.stringify(statusKeeper.tell()) };
        case "go-back":
          return goBackLocally(updater);
        default:
          return host.askLocally(command);
      }
    },
    stop: async () => {
      enter({ type: "stop-asked" });
      stop.abort();
      disk.stop();
      hostLink.stop();
      peers.stop();
      updater.stop();
      await kept;
      await host.stop();
      enter({ type: "drained" });
    },
  };
}

function goBackLocally(updater: Updater): LocalAnswer {
  try {
    return { text: updater.goBack() };
  } catch (error) {
    return { text: reasonOf(error), code: error instanceof AgentError ? error.code : "WF_UPDATE_IMPOSSIBLE" };
  }
}

function filesOver(link: SessionLink): ContentSource {
  return (digest, offset) => fetchFile(link.client, { digest, offset }, link.ended);
}

interface HelloParts {
  readonly config: AgentConfig;
  readonly keys: HostKeys;
  readonly host: HostSide;
  readonly hostLink: Link;
  readonly updater: Updater;
  readonly instanceId: string;
  readonly clock: Clock;
  readonly engine: EngineFacts | undefined;
}

function hello(parts: HelloParts): Omit<Hello, "protocolVersion" | "nonceSignature"> {
  const { config, host } = parts;
  return {
    agentVersion: AGENT_VERSION,
    host: reportOf(config, parts.engine),
    bootId: bootId(),
    instanceId: parts.instanceId,
    generation: host.store.generation,
    observedDigest: host.reporter.digest,
    spoolId: host.spool.spoolId,
    agentTime: new Date(parts.clock.now()),
    sealingKey: parts.keys.sealingPublicKey,
    agentUpdate: parts.updater.status,
    build: parts.updater.build,
    linkDigest: parts.hostLink.settings.digest,
    peerAddress: config.peerAddress?.text ?? "",
  };
}

function reportOf({ name, allowHostShell }: AgentConfig, engine: EngineFacts | undefined): HostReport {
  return hostReport({ name, hostShellAllowed: allowHostShell, engine });
}

function heartbeat(host: HostSide, clock: Clock): Heartbeat {
  const problem = host.engineProblem();
  return { agentTime: new Date(clock.now()), engineOk: problem === "", engineProblem: problem };
}
