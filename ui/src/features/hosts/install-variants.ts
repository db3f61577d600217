/** Which line a person pastes: by the tools of the machine. */
export type InstallWay = "install" | "wget" | "container" | "enroll";
/** What is special about a machine; empty: nothing. */
export interface InstallVariant {
  /** "http://proxy.example:3128" */
  proxy: string;
  /** "site=metz,line=l2": what the machine asks to be labelled with. */
  labels: string;
  /** The agent runs as a user of its own. */
  ownUser: boolean;
}
/** The lines that the control plane has made for a token. */
export interface MadeLines {
  install: string;
  wget: string;
  enroll: string;
}
const AGENT_USER = "windflow";
const IMAGE = "windflow/agent";
const STATE = "-v windflow-agent:/var/lib/windflow-agent -v /var/run/docker.sock:/var/run/docker.sock";
const RUN = `docker run -d --name windflow-agent --restart unless-stopped --network host --pid host ${STATE} -v /var/lib/windflow:/var/lib/windflow`;
const PROGRAM = "windflow-agent enroll";

export type VariantFault = "proxy" | "labels";
/** What cannot stand in a line; nothing that a shell would read otherwise is let through. */
export function variantFaults({ proxy, labels }: InstallVariant): VariantFault[] {
  const faults: VariantFault[] = [];
  if (proxy !== "" && !/^https?:\/\/[\w.:@%[\]~-]+\/?$/.test(proxy)) faults.push("proxy");
  if (labels !== "" && !/^[\w./-]+=[\w./:@+-]*(?:,[\w./-]+=[\w./:@+-]*)*$/.test(labels)) faults.push("labels");
  return faults;
}

/** The line for a machine; what is faulty of the variant is left out. `version`: of the image, for the container. */
export function installLine(way: InstallWay, lines: MadeLines, variant: InstallVariant, version: string): string {
  const faults = variantFaults(variant);
  const proxy = faults.includes("proxy") ? "" : variant.proxy;
  const labels = variant.labels === "" || faults.includes("labels") ? "" : ` --labels '${variant.labels}'`;
  if (way === "container") {
    const env = proxy === "" ? "" : ` -e HTTPS_PROXY='${proxy}'`;
    const image = `${IMAGE}:${version}`;
    const enroll = lines.enroll.replace(PROGRAM, `docker run -i --rm --network host${env} ${STATE} ${image} enroll`);
    return `${enroll}${labels} && ${RUN}${env} ${image} run`;
  }
  const before = proxy === "" ? "" : `export HTTPS_PROXY='${proxy}' && `;
  const user = way === "enroll" || !variant.ownUser ? "" : ` --user ${AGENT_USER}`;
  return `${before}${lines[way]}${labels}${user}`;
}
