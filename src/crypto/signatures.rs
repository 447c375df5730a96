//! Signatures of files, as `cosign sign-blob` makes them: ECDSA on P-256 over SHA-256, DER, in Base64.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A public key that verifies files.
#[derive(Clone)]
pub struct VerifyingKey(ParsedPublicKey);

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey")
    }
}

/// Why a text is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no public key on P-256 in PEM (`-----BEGIN PUBLIC KEY-----`)")]
pub struct NoKey;

impl VerifyingKey {
    /// Reads PEM (RFC 7468 section 13).
    ///
    /// # Errors
    /// [`NoKey`]
    pub fn from_pem(text: &str) -> Result<Self, NoKey> {
        let body = text.trim().strip_prefix("-----BEGIN PUBLIC KEY-----").ok_or(NoKey)?;
        let body = body.strip_suffix("-----END PUBLIC KEY-----").ok_or(NoKey)?;
        let packed: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(packed).map_err(|_| NoKey)?;
        ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, der).map(Self).map_err(|_| NoKey)
    }

    /// Whether `signature`, in Base64, is this key's over `file`.
    #[must_use]
    pub fn verifies(&self, file: &[u8], signature: &str) -> bool {
        let signature = STANDARD.decode(signature.trim());
        signature.is_ok_and(|signature| self.0.verify_sig(file, &signature).is_ok())
    }
}
