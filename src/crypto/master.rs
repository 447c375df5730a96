//! The one key an operator must keep: everything sealed at rest is sealed under keys derived from it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::domain::{Random, Secret};

/// 256 random bits, written as 43 characters of base64url. Never used directly: each purpose has a
/// subkey of its own (HKDF-SHA-256, RFC 5869).
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// Why a text is no master key. The text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    #[error("a master key is written in base64")]
    NotBase64,
    #[error("a master key has 32 bytes; this one has {0}")]
    WrongLength(usize),
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// Reads base64 or base64url, with or without padding and white space around it.
    ///
    /// # Errors
    /// [`MasterKeyError`] if it is not 32 bytes in base64.
    pub fn from_base64(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim().trim_end_matches('=');
        let bytes = URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text));
        let bytes = Zeroizing::new(bytes.map_err(|_| MasterKeyError::NotBase64)?);
        let key = <[u8; 32]>::try_from(bytes.as_slice());
        key.map(|key| Self(Zeroizing::new(key))).map_err(|_| MasterKeyError::WrongLength(bytes.len()))
    }

    /// A fresh key and the text to keep it by.
    #[must_use]
    pub fn generate(random: &dyn Random) -> (Self, Secret) {
        let mut key = Zeroizing::new([0; 32]);
        random.fill(key.as_mut());
        let text = Secret::from_bytes(&*key);
        (Self(key), text)
    }

    /// Reads the key kept at `path`, or makes one there first (mode 0600, its folder must exist).
    ///
    /// Any number of processes may do this at once and all get the same key: each writes its own
    /// complete file and links it to `path`, which succeeds for one of them only; then all read.
    ///
    /// # Errors
    /// Any I/O error; `PermissionDenied` if others than the owner may read or write the file;
    /// `InvalidData` if it holds no key. The message names the path.
    pub fn load_or_create(path: &Path, random: &dyn Random) -> io::Result<Self> {
        match load(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path, random).and_then(|()| load(path)).map_err(|error| told(path, &error))
            }
            other => other.map_err(|error| told(path, &error)),
        }
    }

    /// Reads the key kept at `path`.
    ///
    /// # Errors
    /// As [`MasterKey::load_or_create`], and `NotFound`.
    pub fn load(path: &Path) -> io::Result<Self> {
        load(path).map_err(|error| told(path, &error))
    }

    /// The subkey for one purpose.
    #[expect(
        clippy::expect_used,
        reason = "HKDF-SHA-256 fails only beyond 255 * 32 bytes of output; this asks for 32"
    )]
    pub(super) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let root = Salt::new(HKDF_SHA256, b"palisade").extract(self.0.as_ref());
        let info = [purpose.as_bytes()];
        root.expand(&info, HKDF_SHA256).and_then(|okm| okm.fill(key.as_mut())).expect("32 bytes fit");
        key
    }
}

fn told(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the master key {}: {error}", path.display()))
}

fn load(path: &Path) -> io::Result<MasterKey> {
    let mut file = File::open(path)?;
    refuse_if_open_to_others(&file)?;
    // A little more than a key needs: a wrong path must not read a large file.
    let mut text = Zeroizing::new(String::with_capacity(128));
    io::Read::read_to_string(&mut io::Read::take(&mut file, 128), &mut text)?;
    MasterKey::from_base64(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn create(path: &Path, random: &dyn Random) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut tag = [0; 8];
    random.fill(&mut tag);
    let draft = folder.join(format!(".master-key.{}.{:016x}", std::process::id(), u64::from_be_bytes(tag)));
    let (_, text) = MasterKey::generate(random);
    let written = write_private(&draft, text.expose()).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()), // another process was first
        other => other,
    });
    fs::remove_file(&draft)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    written?;
    // The name must outlive a power cut, or what is sealed under the key is lost with it.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(unix)]
fn refuse_if_open_to_others(file: &File) -> io::Result<()> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions());
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("others may use it (mode {:o}); make it private with `chmod 600`", mode & 0o777),
    ))
}

#[cfg(not(unix))]
fn refuse_if_open_to_others(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;

    use super::*;
    use crate::domain::{OsRandom, SeededRandom};

    #[test]
    fn the_text_reads_back_as_the_same_key() {
        let (key, text) = MasterKey::generate(&SeededRandom::new(1));
        let again = MasterKey::from_base64(&format!(" {}=\n", text.expose())).unwrap();
        assert_eq!(key.0, again.0);
        assert_eq!(format!("{key:?}"), "MasterKey(…)");
    }

    #[test]
    fn what_is_no_key_is_refused_without_repeating_it() {
        assert_eq!(MasterKey::from_base64("not base64!").unwrap_err(), MasterKeyError::NotBase64);
        assert_eq!(MasterKey::from_base64("c2hvcnQ").unwrap_err(), MasterKeyError::WrongLength(5));
    }

    #[test]
    fn each_purpose_has_its_own_subkey() {
        let (key, _) = MasterKey::generate(&SeededRandom::new(1));
        assert_eq!(key.derive("a"), key.derive("a"));
        assert_ne!(key.derive("a"), key.derive("b"));
        assert_ne!(key.derive("a"), MasterKey::generate(&SeededRandom::new(2)).0.derive("a"));
    }

    #[test]
    fn all_who_start_at_once_get_the_same_key_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let barrier = Barrier::new(8);
        let keys: HashSet<[u8; 32]> = std::thread::scope(|scope| {
            let start = || {
                barrier.wait();
                *MasterKey::load_or_create(&path, &OsRandom).unwrap().0
            };
            let all: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(keys.len(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_private_and_one_open_to_others_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKey::load_or_create(&path, &OsRandom).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = MasterKey::load_or_create(&path, &OsRandom).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_damaged_key_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        write_private(&path, "half a k").unwrap();
        let error = MasterKey::load_or_create(&path, &OsRandom).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(fs::read_to_string(&path).unwrap(), "half a k\n");
    }
}
