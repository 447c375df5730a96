//! The answer.

use std::fmt;

use sha2::{Digest, Sha256};

/// A policy that brought the answer about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Determining {
    /// `@id`: `guardrails.account-suspended`.
    pub id: String,
    /// `@code`: the word a client is told. Every forbid has one.
    pub code: Option<String>,
    /// `@about("principal")`: the reason concerns the caller alone, so telling it betrays nothing of the resource.
    pub about_principal: bool,
}

/// Allow or deny, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub allowed: bool,
    /// The permits of an allow, the forbids of a deny, sorted by id. Empty on a deny: nothing permitted it,
    /// or an evaluation failed (then `errors` says which).
    pub determining: Vec<Determining>,
    /// What went wrong while evaluating, one sentence each. With any error the answer is deny: Cedar alone would
    /// skip the failing policy, and a forbid that is skipped because a fact is missing is a hole.
    pub errors: Vec<String>,
    /// The policies this was decided by.
    pub version: PolicyVersion,
}

/// A question that could not be decided. Never an allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The question or its facts contradict the schema: an unknown action, a resource of the wrong type, an
    /// attribute missing or of the wrong type. A defect of the caller.
    #[error("the question does not fit the schema: {0}")]
    BadQuestion(String),
}

/// Which policies: the first 12 hexadecimal digits of the SHA-256 over the names and contents of all their files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PolicyVersion([u8; 6]);

impl PolicyVersion {
    pub(super) fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut hash = Sha256::new();
        for (name, text) in files {
            // Lengths first, so that no two folders can run together to the same bytes.
            for part in [name, text] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        let mut short = [0; 6];
        for (to, from) in short.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(short)
    }
}

impl fmt::Display for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where a policy stands and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    pub id: String,
    /// `@why`: one sentence.
    pub why: String,
    /// The file's name within the policies folder.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
}
