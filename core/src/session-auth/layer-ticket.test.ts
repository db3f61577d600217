import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { ticketSigner, verifyTicket } from "./index.ts";

const secret = randomBytes(32);
const keySha256 = createHash("sha256").update("a host's key").digest();
const digest = `sha256:${"a".repeat(64)}`;
const now = Date.parse("2026-11-23T02:00:00Z");

test("a ticket is good for its host, layer and organization, until it ends", () => {
  const signer = ticketSigner(secret, "org_1");
  const ticket = signer.sign({ keySha256, digest, expiresAt: now + 1_000 });
  expect(ticket).toHaveLength(72);
  const claim = { organizationId: "org_1", keySha256, digest, now };
  expect(verifyTicket(signer.publicKey, ticket, claim)).toBe(true);
  expect(verifyTicket(ticketSigner(secret, "org_1").publicKey, ticket, claim)).toBe(true);
  const other = createHash("sha256").update("another").digest();
  expect(verifyTicket(signer.publicKey, ticket, { ...claim, keySha256: other })).toBe(false);
  expect(verifyTicket(signer.publicKey, ticket, { ...claim, digest: digest.replace("a", "b") })).toBe(false);
  expect(verifyTicket(signer.publicKey, ticket, { ...claim, organizationId: "org_2" })).toBe(false);
  expect(verifyTicket(signer.publicKey, ticket, { ...claim, now: now + 1_000 })).toBe(false);
  expect(verifyTicket(ticketSigner(secret, "org_2").publicKey, ticket, claim)).toBe(false);
});

test("a later end cannot be written into a ticket, and garbage is not valid and does not throw", () => {
  const signer = ticketSigner(secret, "org_1");
  const ticket = Buffer.from(signer.sign({ keySha256, digest, expiresAt: now - 1 }));
  ticket.writeBigUInt64BE(BigInt(now + 60_000));
  const claim = { organizationId: "org_1", keySha256, digest, now };
  expect(verifyTicket(signer.publicKey, ticket, claim)).toBe(false);
  expect(verifyTicket(signer.publicKey, randomBytes(72), claim)).toBe(false);
  expect(verifyTicket(signer.publicKey, randomBytes(3), claim)).toBe(false);
  expect(verifyTicket(randomBytes(5), ticket, claim)).toBe(false);
});
