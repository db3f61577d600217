import type { ControlPlane } from "@windflow/installer";
import { join } from "node:path";

/** The lines that a person reads when everything is up. */
export function formatReport(controlPlane: ControlPlane, page: string, stateFolder: string): string {
  const { url, firstPassword } = controlPlane;
  const signIn =
    firstPassword === undefined
      ? ["  sign in   as before (forgotten: npm start -- --reset-admin-password)"]
      : [
          `  sign in   ${firstPassword.email}`,
          `  password  ${firstPassword.password}   (one time: you choose your own at the first sign-in)`,
        ];
  return [
    "",
    "WindFlow is up.",
    "",
    `  open      ${url}`,
    ...signIn,
    `  hello     ${page}`,
    `  logs      ${join(stateFolder, "logs")}`,
    "",
    `Ctrl-C stops it; what it has stays in ${stateFolder} for the next start.`,
    "",
  ].join("\n");
}
