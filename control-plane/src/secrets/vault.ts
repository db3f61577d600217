import { randomBytes } from "node:crypto";
import { createSealer, type Clock, type Sealer, type UnitOfWork } from "../platform/index.ts";
import { insertSealedKey, readSealedKey } from "./store.ts";

/**
 * Seals what belongs to an organization with that organization's data key (AES-256-GCM). The data key stands in the
 * database, sealed with the installation key: a copy of the database alone opens nothing.
 */
export interface Vault {
  /** @param context what the value is, e.g. `stk_…/revision/3`: a sealed value moved elsewhere does not open. */
  seal(tx: UnitOfWork, organizationId: string, plaintext: Uint8Array, context: string): Promise<Uint8Array>;
  /** Throws when the bytes, the organization or the context are not those of `seal`. */
  open(tx: UnitOfWork, organizationId: string, sealed: Uint8Array, context: string): Promise<Uint8Array>;
}

const DATA_KEY_BYTES = 32;
const keyContext = (organizationId: string): string => `organization/${organizationId}/data-key`;

export function createVault(parts: { readonly installation: Sealer; readonly clock: Clock }): Vault {
  const { installation, clock } = parts;
  const known = new Map<string, Sealer>();

  async function sealerOf(tx: UnitOfWork, organizationId: string): Promise<Sealer> {
    const cached = known.get(organizationId);
    if (cached !== undefined) return cached;
    const sealedKey = (await readSealedKey(tx, organizationId)) ?? (await makeKey(tx, organizationId));
    const sealer = createSealer(installation.open(sealedKey, keyContext(organizationId)));
    // A key that was made in a transaction that is rolled back must not be kept.
    tx.afterCommit(() => {
      known.set(organizationId, sealer);
    });
    return sealer;
  }

  async function makeKey(tx: UnitOfWork, organizationId: string): Promise<Uint8Array> {
    const sealedKey = installation.seal(randomBytes(DATA_KEY_BYTES), keyContext(organizationId));
    await insertSealedKey(tx, { organizationId, sealedKey, createdAt: clock.now() });
    const kept = await readSealedKey(tx, organizationId);
    if (kept === undefined) throw new Error("the data key of the organization was not stored");
    return kept;
  }

  return {
    seal: async (tx, organizationId, plaintext, context) =>
      (await sealerOf(tx, organizationId)).seal(plaintext, context),
    open: async (tx, organizationId, sealed, context) => (await sealerOf(tx, organizationId)).open(sealed, context),
  };
}
