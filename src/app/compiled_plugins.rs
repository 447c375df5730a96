//! The machine code of compiled plugins, kept in the data folder from one start to the next.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use tempfile::NamedTempFile;

use crate::crypto::CodeSeal;

/// A folder of sealed code, one file for each plugin. What is not whole, not ours or not there is compiled again, so
/// nothing is lost with it.
#[derive(Debug)]
pub struct CompiledPlugins {
    folder: PathBuf,
    seal: CodeSeal,
}

impl CompiledPlugins {
    /// The folder is made when there is something to keep.
    #[must_use]
    pub const fn new(folder: PathBuf, seal: CodeSeal) -> Self {
        Self { folder, seal }
    }

    pub(super) fn get(&self, plugin: &str, name: &str) -> Option<Vec<u8>> {
        let sealed = fs::read(self.path(plugin)).ok()?;
        let code = self.seal.open(&sealed_name(plugin, name), sealed);
        if code.is_none() {
            tracing::info!(target: "plugin", plugin, "kept code is of another version or not ours; compiling");
        }
        code
    }

    pub(super) fn put(&self, plugin: &str, name: &str, code: &[u8]) {
        let sealed = self.seal.seal(&sealed_name(plugin, name), code);
        if let Err(error) = self.write(plugin, &sealed) {
            let error = error.to_string();
            tracing::warn!(target: "plugin", plugin, error, "its compiled code cannot be kept; the next start compiles");
        }
    }

    /// Whole or not at all, and for the owner only: the file of a temporary name has mode 0600.
    fn write(&self, plugin: &str, sealed: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = NamedTempFile::new_in(&self.folder)?;
        file.write_all(sealed)?;
        file.persist(self.path(plugin))?;
        Ok(())
    }

    /// A plugin's id is letters, digits and dashes.
    fn path(&self, plugin: &str) -> PathBuf {
        self.folder.join(format!("{plugin}.code"))
    }
}

fn sealed_name(plugin: &str, name: &str) -> String {
    format!("{plugin} {name}")
}
