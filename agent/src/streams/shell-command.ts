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
}

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
  return user === place.ownUser ? { file: shell, args: ["-l"] } : { file: "su", args: ["-s", shell, "-", user] };
}
