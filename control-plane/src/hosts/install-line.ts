export interface InstallTarget {
  /** `https://host:port`, without a slash at the end. */
  serverUrl: string;
  /** Hex sha256 of GET /install/ca.pem. */
  caSha256: string;
}

/**
 * The line to paste as root on a new host. The first fetch trusts nobody (-k) and is compared with the hash in the line;
 * everything after it is checked against that authority. The token reaches the script by standard input: `printf` is part of
 * the shell, so it stands in no process list.
 */
export function installCommand(target: InstallTarget, secret: string): string {
  const { serverUrl, caSha256 } = target;
  return [
    `d=$(mktemp -d)`,
    `curl -fsSk '${serverUrl}/install/ca.pem' -o "$d/ca.pem"`,
    `echo "${caSha256}  $d/ca.pem" | sha256sum -c - >&2`,
    `curl -fsS --cacert "$d/ca.pem" '${serverUrl}/install/install.sh' -o "$d/install.sh"`,
    `printf %s '${secret}' | sh "$d/install.sh" --server '${serverUrl}' --ca-sha256 ${caSha256}`,
  ].join(" && ");
}

/**
 * The same where only a wget is that may check no certificate (busybox): the script is what the line says, byte for byte, and the
 * script knows the checksum of everything that it fetches. The token goes to nobody before the agent itself has checked the authority.
 * @param scriptSha256 hex, of GET /install/install.sh
 */
export function installCommandWget(target: InstallTarget, secret: string, scriptSha256: string): string {
  const { serverUrl, caSha256 } = target;
  return [
    `d=$(mktemp -d)`,
    `wget -q --no-check-certificate -O "$d/install.sh" '${serverUrl}/install/install.sh'`,
    `echo "${scriptSha256}  $d/install.sh" | sha256sum -c - >&2`,
    `printf %s '${secret}' | sh "$d/install.sh" --server '${serverUrl}' --ca-sha256 ${caSha256}`,
  ].join(" && ");
}

/** The line for a host that has the agent on its disk already. */
export function enrollCommand(target: InstallTarget, secret: string): string {
  return `printf %s '${secret}' | windflow-agent enroll --server ${target.serverUrl} --ca-sha256 ${target.caSha256}`;
}
