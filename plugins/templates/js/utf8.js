// The engine that components get has no TextEncoder and no TextDecoder.

export function toBytes(text) {
  const escaped = encodeURIComponent(text).match(/%..|./g) ?? [];
  return Uint8Array.from(escaped, (one) => (one.length > 1 ? parseInt(one.slice(1), 16) : one.charCodeAt(0)));
}

/** Throws a URIError if they are not UTF-8. */
export function toText(bytes) {
  return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));
}
