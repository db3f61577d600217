// The few forms of ASN.1 DER that certificate requests, and the certificate of the self-test, are made of.

const BOOLEAN = 0x01;
const OCTET_STRING = 0x04;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
/** Context-specific, constructed, number 0. */
const CONTEXT_0 = 0xa0;
const CONTEXT_3 = 0xa3;
/** Context-specific, primitive, number 7: an address among the names of a certificate. */
const IP_NAME = 0x87;

function encode(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(body.length)]), body]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  if (length < 0x10000) return [0x82, length >> 8, length & 0xff];
  throw new RangeError("longer than any certificate request");
}

export const derSequence = (...content: readonly Uint8Array[]): Buffer => encode(SEQUENCE, ...content);
export const derSet = (...content: readonly Uint8Array[]): Buffer => encode(SET, ...content);
export const derContext0 = (...content: readonly Uint8Array[]): Buffer => encode(CONTEXT_0, ...content);
/** 0 to 127. */
export const derSmallInteger = (value: number): Buffer => encode(INTEGER, Buffer.from([value]));
export const derBitString = (bytes: Uint8Array): Buffer => encode(BIT_STRING, Buffer.from([0]), bytes);
export const derContext3 = (...content: readonly Uint8Array[]): Buffer => encode(CONTEXT_3, ...content);
export const derBoolean = (value: boolean): Buffer => encode(BOOLEAN, Buffer.from([value ? 0xff : 0]));
export const derOctetString = (bytes: Uint8Array): Buffer => encode(OCTET_STRING, bytes);
export const derIpName = (bytes: readonly number[]): Buffer => encode(IP_NAME, Buffer.from(bytes));
/** To the second, before 2050: `YYMMDDHHMMSSZ`. */
export const derUtcTime = (atMs: number): Buffer =>
  encode(UTC_TIME, Buffer.from(`${new Date(atMs).toISOString().slice(2, 19).replace(/[-:T]/g, "")}Z`));
export const derUtf8 = (text: string): Buffer => encode(UTF8_STRING, Buffer.from(text));

/** @param identifier dotted, as `2.5.4.3`. */
export function derObjectIdentifier(identifier: string): Buffer {
  const [first = 0, second = 0, ...rest] = identifier.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return encode(OBJECT_IDENTIFIER, Buffer.from(bytes));
}
