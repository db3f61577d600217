/** A certificate is renewed when half of its life is over: the other half is left for a control plane that is away. */
const RENEW_AT_SHARE = 0.5;
/** Spread over a tenth of the life, so that hosts enrolled together do not renew together. */
const SPREAD_SHARE = 0.1;

export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * When to ask for the next certificate, milliseconds since the epoch.
 * @param random 0 to 1, drawn once per host.
 */
export function renewalTime(validity: Validity, random: number): number {
  const life = validity.notAfter - validity.notBefore;
  return validity.notBefore + life * (RENEW_AT_SHARE + SPREAD_SHARE * random);
}

export function isExpired(validity: Validity, now: number): boolean {
  return now >= validity.notAfter;
}
