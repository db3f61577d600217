/** What decides how a shell on the host is started. */
export interface ShellPlace {
  /** The machine runs systemd. */
  readonly systemd: boolean;
  /** Whose shell it is. */
  readonly user: string;
  /** The agent's own user. */
  readonly ownUser: string;
  /** Absolute path of a shell that the machine has. */
  readonly shell: string;
  /** What /proc/self/cgroup says of the agent. */
  readonly cgroups: string;
}

/** Of the group that an installation without systemd puts the agent into: its controllers, none of them for cgroup 2. */
const OWN_GROUP = /^\d+:([^:]*):.*\/(?:openrc_)?windflow-agent$/gm;

/**
 * Leaves the agent's control groups and its place in the kernel's order of ends, as far as its user may, and becomes the command.
 * What people start in a shell must not end with the agent's memory limit, nor be ended first.
 */
const LEAVE = `{
  for procs in $1; do echo 0 >"$procs"; done
  echo 0 >/proc/self/oom_score_adj
} 2>/dev/null
shift
exec "$@"`;

/**
 * Command line of a login shell. With systemd it runs as a transient unit: the agent's own unit is shut in (read-only system,
 * few rights), and a shell that inherited that would lie to the person who types in it.
 */
export function shellCommand(place: ShellPlace): { readonly file: string; readonly args: readonly string[] } {
  const { shell, user } = place;
  if (place.systemd) {
    const unit = [
      "--quiet",
      "--collect",
      "--pty",
      `--uid=${user}`,
      "--property=WorkingDirectory=~",
      "--setenv=TERM=xterm-256color",
    ];
    return { file: "systemd-run", args: [...unit, "--", shell, "-l"] };
  }
  const login = user === place.ownUser ? [shell, "-l"] : ["su", "-s", shell, "-", user];
  return { file: "/bin/sh", args: ["-c", LEAVE, "sh", outside(place.cgroups).join(" "), ...login] };
}

/** Files that take a process into the groups above the agent's own. */
function outside(cgroups: string): string[] {
  const controllers = [...cgroups.matchAll(OWN_GROUP)].map(([, names = ""]) => names.replace(/^name=/, ""));
  // cgroup 2 alone, or beside cgroup 1.
  const folders = controllers.flatMap((names) => (names === "" ? ["", "/unified"] : [`/${names}`]));
  return folders.map((folder) => `/sys/fs/cgroup${folder}/cgroup.procs`);
}
