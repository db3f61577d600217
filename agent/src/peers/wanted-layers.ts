import { createHash } from "node:crypto";

/** What a host says of a layer that another one asks it for. */
export type LayerStanding = "have" | "fetching" | "asking" | "none";

export interface PeerAnswer {
  readonly hostId: string;
  readonly standing: LayerStanding;
}

/**
 * Which host of a site fetches a layer over the link while the others wait for it. Nobody leads: a host that wants a layer first says so
 * (`begin`), then asks all others what they say of it, and decides. Two that ask at the same moment see each other: either one has
 * decided when the other one asks, or both hear of the other before they decide, and then the rank decides.
 */
export interface WantedLayers {
  /** This host wants the layer, and asks the others now. */
  begin(digest: string): void;
  /** What this host says of a layer that is not here; the one that asks wants it itself. */
  answer(digest: string, askingHostId: string): Exclude<LayerStanding, "have">;
  /**
   * After the others were asked: `fetch` it over the link (the others wait from now on), `take` it from one that has it, or `wait` and
   * ask again.
   */
  decide(
    digest: string,
    answers: readonly PeerAnswer[],
  ): { act: "fetch" } | { act: "wait" } | { act: "take"; from: string[] };
  /** It is here, or nobody here looks for it any more. */
  end(digest: string): void;
}

interface Wanting {
  standing: "asking" | "fetching";
  /** One that comes before us asked while we did. */
  gaveWay: boolean;
}

export function createWantedLayers(ownHostId: string): WantedLayers {
  const wanted = new Map<string, Wanting>();
  const isBefore = (digest: string, hostId: string): boolean => rank(digest, hostId) < rank(digest, ownHostId);
  return {
    begin: (digest) => void wanted.set(digest, { standing: "asking", gaveWay: false }),
    answer: (digest, askingHostId) => {
      const own = wanted.get(digest);
      if (own === undefined) return "none";
      if (own.standing === "asking" && isBefore(digest, askingHostId)) own.gaveWay = true;
      return own.standing;
    },
    decide: (digest, answers) => {
      const own = wanted.get(digest);
      const having = answers.filter(({ standing }) => standing === "have").map(({ hostId }) => hostId);
      const mustWait = answers.some(
        ({ hostId, standing }) => standing === "fetching" || (standing === "asking" && isBefore(digest, hostId)),
      );
      if (having.length > 0) {
        // Who asks us meanwhile finds the one that has it as well.
        wanted.delete(digest);
        return { act: "take", from: having };
      }
      if (mustWait || own?.gaveWay === true) return { act: "wait" };
      wanted.set(digest, { standing: "fetching", gaveWay: false });
      return { act: "fetch" };
    },
    end: (digest) => void wanted.delete(digest),
  };
}

// Another order for each layer, so that the layers of an image come over the links of different hosts.
function rank(digest: string, hostId: string): string {
  return createHash("sha256").update(`${digest} ${hostId}`).digest("hex");
}
