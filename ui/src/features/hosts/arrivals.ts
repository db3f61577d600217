import type { EnrollmentToken, Host } from "@windflow/proto/client";
import { ref, watch, type Ref } from "vue";
import { useApi } from "../../app/api.ts";
import { onChanges, useLive } from "../../app/live.ts";
import { useSession } from "../../app/session.ts";

/** Whether the host came in through the token, as far as can be told: enrolled since, with the token's labels. */
export function cameWith(host: Host, token: EnrollmentToken): boolean {
  const enrolled = Date.parse(host.enrolledAt ?? "");
  if (!(enrolled >= Math.floor(Date.parse(token.createdAt ?? "") / 1000) * 1000)) return false;
  return Object.entries(token.labels ?? {}).every(([key, value]) => host.labels?.[key] === value);
}

/** The hosts that have enrolled since the token was made, as they come and go online. */
export function useArrivals(token: Ref<EnrollmentToken | undefined>): Ref<Host[]> {
  const api = useApi();
  const session = useSession();
  const live = useLive();
  const hosts = ref<Host[]>([]);

  function take(host: Host): void {
    if (token.value === undefined || !cameWith(host, token.value)) return;
    hosts.value = [...hosts.value.filter((known) => known.id !== host.id), host].toSorted((a, b) =>
      (a.enrolledAt ?? "").localeCompare(b.enrolledAt ?? ""),
    );
  }
  async function readOne(hostId: string): Promise<void> {
    const host = await api.hosts.getHost({ organization: session.organization, hostId }).catch(() => undefined);
    if (host) take(host);
  }
  /** Finds who came while no stream was open. */
  async function readAll(): Promise<void> {
    if (token.value === undefined) return;
    const request = { organization: session.organization, orderBy: "-last_seen_at", page: { size: 50 } };
    const answer = await api.hosts.listHosts(request).catch(() => undefined);
    for (const host of answer?.hosts ?? []) take(host);
  }
  onChanges((changes) => {
    if (token.value === undefined) return;
    if (changes.some((change) => change.kind === "reset")) void readAll();
    const ids = new Set(changes.filter((change) => change.kind === "host").map((change) => change.id ?? ""));
    for (const id of ids) void readOne(id);
  });
  watch(
    () => live.state,
    (state) => state === "live" && void readAll(),
  );
  return hosts;
}
