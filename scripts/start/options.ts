import { parseArgs } from "node:util";

/** What `npm start` was asked to do. */
export interface StartOptions {
  /** Wanted port of the control plane; another one is taken when it is in use. */
  port: number;
  /** Wanted port of the hello stack. */
  helloPort: number;
  /** Check that everything works, take it all down again, and end. */
  smoke: boolean;
  /** Give the administrator a new one-time password. */
  resetAdminPassword: boolean;
  /** Folder for all that is kept between starts; undefined for .windflow in the checkout. */
  state: string | undefined;
}

export const USAGE = `npm start [-- OPTIONS]

  --port N         port of the control plane (WINDFLOW_PORT, else 8443)
  --hello-port N   port of the hello stack (WINDFLOW_HELLO_PORT, else 8080)
  --smoke          start everything from nothing, check that it answers, take it down, exit 0 or 1
  --reset-admin-password
                   give the administrator a new one-time password and print it
  --state FOLDER   where everything is kept between starts (WINDFLOW_HOME, else .windflow in the checkout)
  --help`;

/** Reads the arguments and the environment; "help" when that was asked for. Throws a sentence when they make no sense. */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): StartOptions | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: "string" },
      "hello-port": { type: "string" },
      smoke: { type: "boolean", default: false },
      "reset-admin-password": { type: "boolean", default: false },
      state: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  return {
    port: portOf("--port", values.port ?? env["WINDFLOW_PORT"] ?? "8443"),
    helloPort: portOf("--hello-port", values["hello-port"] ?? env["WINDFLOW_HELLO_PORT"] ?? "8080"),
    smoke: values.smoke,
    resetAdminPassword: values["reset-admin-password"],
    state: values.state ?? env["WINDFLOW_HOME"],
  };
}

function portOf(name: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new Error(`${name} has to be a port from 1 to 65535, not "${text}".`);
}
