import type { PlanDraft } from "./plan-draft.ts";
import { stepId } from "./step-ids.ts";
import type { Survey } from "./survey.ts";
import { isRunning } from "./world-index.ts";

/** Lets each start wait until the ports that it needs are free: a port may go from one service of the stack to another. */
export function planPorts(draft: PlanDraft, survey: Survey): void {
  const leaving = survey.services.flatMap(({ slots }) =>
    slots.flatMap((slot) =>
      slot.outdated
        .filter(({ container }) => isRunning(container))
        .map(({ container }) => ({ slot, stop: stepId.stop(container), ports: container.ports })),
    ),
  );
  for (const { service, slots } of survey.services) {
    const wanted = new Set((service.ports ?? []).map(({ published }) => published));
    for (const slot of slots) {
      const others = leaving.filter((old) => old.slot !== slot);
      // What a stopped container will ask for is not shown, so one that comes back waits for all that go.
      const { previous, record } = slot.replacement ?? {};
      if (previous && record?.failure !== undefined)
        for (const { stop } of others) draft.putAfterStop(stepId.startPrevious(slot.name, previous), stop);
      for (const { stop, ports } of others)
        if (ports.some(({ hostPort }) => hostPort !== undefined && wanted.has(String(hostPort))))
          draft.putAfterStop(stepId.start(slot.name), stop);
    }
  }
}
