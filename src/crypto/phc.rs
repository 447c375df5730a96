//! Password hashes as text: the PHC string format, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.

use argon2::{Algorithm, Params, PasswordHash, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// One stored hash, taken apart: ours is Argon2id version 1.3 (RFC 9106), an imported one may be any Argon2.
pub(super) struct Stored {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) params: Params,
    pub(super) salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

/// Bounds of what is computed for a stored hash, so that a damaged row cannot stop the server:
/// 1 GiB, 64 passes.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 64;

impl Stored {
    /// `None` if it is not such a text, or asks for more than the bounds allow.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parsed = PasswordHash::new(text).ok()?;
        let algorithm = Algorithm::new(parsed.algorithm.as_str()).ok()?;
        // A text without a version is of the first (the reference implementation's encoding).
        let version = Version::try_from(parsed.version.unwrap_or(Version::V0x10.into())).ok()?;
        let params = Params::try_from(&parsed).ok()?;
        if params.m_cost() > MAX_MEMORY_KIB || params.t_cost() > MAX_PASSES {
            return None;
        }
        let (salt, hash) = (parsed.salt?, parsed.hash?);
        let (salt, hash) = (salt.as_ref().to_vec(), hash.as_bytes().to_vec());
        Some(Self { algorithm, version, params, salt, hash })
    }

    /// Whether it was made as a new hash would be made.
    pub(super) fn is_made_with(&self, ours: &Params, length: usize) -> bool {
        self.algorithm == Algorithm::Argon2id
            && self.version == Version::V0x13
            && self.params.m_cost() == ours.m_cost()
            && self.params.t_cost() == ours.t_cost()
            && self.params.p_cost() == ours.p_cost()
            && self.hash.len() == length
    }
}

pub(super) fn print(params: &Params, salt: &[u8], hash: &[u8]) -> String {
    format!(
        "$argon2id$v={}$m={},t={},p={}${}${}",
        u32::from(Version::V0x13),
        params.m_cost(),
        params.t_cost(),
        params.p_cost(),
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(hash),
    )
}
