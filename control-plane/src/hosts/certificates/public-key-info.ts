const SEQUENCE = 0x30;
const EXPLICIT_VERSION = 0xa0;
const LONG_LENGTH = 0x80;
// Lengths that need more bytes are no certificate's.
const MOST_LENGTH_BYTES = 3;
// Serial number, signature algorithm, issuer, validity and subject stand between the version and the key (RFC 5280, 4.1).
const FIELDS_BEFORE_KEY = 5;

/**
 * The bytes of the subject public key info in a certificate that OpenSSL has read already: writing them anew from the key takes it
 * longer than the check of a signature. Undefined where they do not stand where they should.
 */
export function subjectPublicKeyInfo(der: Buffer): Buffer | undefined {
  const certificate = elementAt(der, 0);
  const toBeSigned = certificate && elementAt(der, certificate.content);
  if (toBeSigned === undefined) return undefined;
  let at = toBeSigned.content;
  if (der[at] === EXPLICIT_VERSION) at = elementAt(der, at)?.end ?? der.length;
  for (let field = 0; field < FIELDS_BEFORE_KEY; field++) at = elementAt(der, at)?.end ?? der.length;
  const info = elementAt(der, at);
  return info !== undefined && der[at] === SEQUENCE && info.end <= toBeSigned.end
    ? der.subarray(at, info.end)
    : undefined;
}

/** Where the content of the element begins, and where the element ends. */
function elementAt(der: Buffer, at: number): { content: number; end: number } | undefined {
  const first = der[at + 1];
  if (first === undefined) return undefined;
  const lengthBytes = first < LONG_LENGTH ? 0 : first - LONG_LENGTH;
  const content = at + 2 + lengthBytes;
  if (lengthBytes > MOST_LENGTH_BYTES || content > der.length) return undefined;
  const length = lengthBytes === 0 ? first % LONG_LENGTH : der.readUIntBE(at + 2, lengthBytes);
  return content + length <= der.length ? { content, end: content + length } : undefined;
}
