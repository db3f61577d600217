import { expect, test } from "vitest";
import { shellCommand } from "./shell-command.ts";

const line = (over: Partial<Parameters<typeof shellCommand>[0]>): string => {
  const { file, args } = shellCommand({ systemd: false, user: "root", ownUser: "root", shell: "/bin/bash", ...over });
  return [file, ...args].join(" ");
};

test("with systemd a shell is a transient unit of the named user; without, it is that user's login shell", () => {
  expect(line({ systemd: true, user: "ops" })).toBe(
    "systemd-run --quiet --collect --pty --uid=ops --property=WorkingDirectory=~ --setenv=TERM=xterm-256color -- /bin/bash -l",
  );
  expect(line({ user: "ops" })).toBe("su -s /bin/bash - ops");
  expect(line({})).toBe("/bin/bash -l");
});
