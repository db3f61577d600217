import { type AgentConfig, type ConfigInput, readConfig } from "../config.ts";
import { loadOrCreateHostKeys } from "../enroll/host-keys.ts";
import { type Identity, loadIdentity } from "../enroll/identity.ts";
import { reasonOf } from "../platform/log.ts";
import { parseServerAddress } from "../session/server-address.ts";
import { openKnownTime } from "../state/known-time.ts";
import { askForEntry, judgeCertificate } from "./authorization.ts";
import { type Finding, type Hop, HOPS, doubtful, skipped, well, wrong } from "./finding.ts";
import { judgeCgroup, judgeDisk, judgeEngine, judgeSpool, judgeState } from "./local.ts";
import { walkWay } from "./way.ts";

/** Walks every hop from this program to its work, in their order; changes nothing, and disturbs no agent that runs. */
export async function examine(input: ConfigInput, environment: NodeJS.ProcessEnv): Promise<Finding[]> {
  let config: AgentConfig;
  try {
    config = readConfig(input);
  } catch (error) {
    const failed = wrong("config", {
      what: reasonOf(error),
      why: "The agent does not start with it.",
      fix: "Mend the option, or the unit that gives it: systemctl edit windflow-agent.",
    });
    return inOrder([failed], "config");
  }
  const found = [well("config", `state in ${config.stateDir}, engine at ${config.engineSocket}`), judgeState(config)];
  const engine = await judgeEngine(config);
  found.push(engine.finding, judgeDisk(config, engine.facts), judgeCgroup());
  if (found[1]?.status === "failed") return inOrder(found, "state");
  found.push(judgeSpool(config));
  return inOrder([...found, ...(await examineSession(config, environment))], "identity");
}

async function examineSession(config: AgentConfig, environment: NodeJS.ProcessEnv): Promise<Finding[]> {
  const identity = readIdentity(config.stateDir);
  if ("hop" in identity) return [identity];
  const named = well("identity", `${identity.hostName} (${identity.hostId}) of ${identity.server}`);
  const { hostKeyPem: privateKey } = loadOrCreateHostKeys(config.stateDir);
  const known = openKnownTime(config.stateDir);
  const now = Date.now();
  const clock =
    now >= known.floor() ? well("clock", "not behind what is known to have passed") : fellBack(now, known.floor());
  const certificate = judgeCertificate(identity.certificateChain, now);
  const address = parseServerAddress(identity.server);
  const way = await walkWay({ address, identity, privateKey, environment, timeFloor: known.floor() });
  const failed = way.find(({ status }) => status === "failed");
  if (failed !== undefined) return [named, clock, ...way, certificate, skipped("authorization", failed.hop)];
  const entry = await askForEntry({ address, identity, privateKey, timeFloor: () => known.floor(), now: Date.now });
  return [named, entry.clock ?? clock, ...way, certificate, entry.authorization];
}

function readIdentity(stateDir: string): Identity | Finding {
  try {
    const identity = loadIdentity(stateDir);
    if (identity !== undefined) return identity;
    return wrong("identity", {
      what: `this host is not enrolled: there is no identity in ${stateDir}`,
      why: "Without a certificate the control plane lets nobody in.",
      fix: "Paste the line from the control plane's page (Hosts, Add host).",
    });
  } catch (error) {
    const fix = "Restore identity.json from a backup, or enrol again.";
    return wrong("identity", { what: reasonOf(error), why: "Nobody is let in without it.", fix });
  }
}

function fellBack(now: number, floor: number): Finding {
  return doubtful("clock", {
    what: `the clock shows ${new Date(now).toISOString()}, but ${new Date(floor).toISOString()} has passed`,
    why: "Certificates seem not valid yet; the agent goes by the later time, other programs do not.",
    fix: "timedatectl set-ntp true; on a machine without a clock battery, install fake-hwclock.",
  });
}

/** @param last hop whose failure hides those that were not looked at */
function inOrder(found: readonly Finding[], last: Hop): Finding[] {
  return HOPS.map((hop) => found.find((finding) => finding.hop === hop) ?? skipped(hop, last));
}
