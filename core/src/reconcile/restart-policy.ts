import type { ComposeService } from "../compose/model.ts";

export interface RestartPolicy {
  readonly name: "no" | "always" | "unless-stopped" | "on-failure";
  /** 0: without limit. */
  readonly maximumRetries: number;
}

/** `deploy.restart_policy` wins over `restart`, as in docker compose. */
export function restartPolicy(service: Pick<ComposeService, "restart" | "deploy">): RestartPolicy {
  const deployed = service.deploy?.restart_policy;
  if (deployed) return { name: policyName(deployed.condition ?? "any"), maximumRetries: deployed.max_attempts ?? 0 };
  const [name = "no", retries = "0"] = (service.restart ?? "no").split(":");
  return { name: policyName(name), maximumRetries: Number(retries) || 0 };
}

function policyName(condition: string): RestartPolicy["name"] {
  switch (condition) {
    case "any":
    case "always":
      return "always";
    case "unless-stopped":
    case "on-failure":
      return condition;
    default:
      return "no";
  }
}
