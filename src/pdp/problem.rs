//! What is wrong with a folder of policies, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

use miette::Diagnostic;

/// Why a folder of policies was refused. Shown with one problem on each line.
#[derive(Debug)]
pub enum LoadError {
    /// A file or the folder cannot be read.
    Unreadable { path: PathBuf, source: io::Error },
    /// The files were read and are wrong.
    Refused(Vec<Problem>),
}

/// One thing to mend. Shown as `policies/members.cedar:12:3: …`, as editors and compilers do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, .. } => write!(f, "{}: cannot be read", path.display()),
            Self::Refused(problems) => {
                for (n, problem) in problems.iter().enumerate() {
                    write!(f, "{}{problem}", if n == 0 { "" } else { "\n" })?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            Self::Refused(_) => None,
        }
    }
}

/// The text of one file, to turn offsets into places.
#[derive(Debug)]
pub(super) struct Source {
    /// As shown in problems: the folder as it was named, and the file.
    pub(super) path: PathBuf,
    /// Within the folder.
    pub(super) name: String,
    pub(super) text: String,
}

impl Source {
    /// Line and column of a byte offset, both counted from 1.
    pub(super) fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset.min(self.text.len())).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (before.matches('\n').count() + 1, column)
    }

    pub(super) fn problem(&self, offset: usize, message: impl Into<String>) -> Problem {
        let (line, column) = self.place(offset);
        Problem { file: self.path.clone(), line, column, message: message.into() }
    }

    /// One of Cedar's errors, at the place its first label points to.
    pub(super) fn diagnosed(&self, error: &dyn Diagnostic) -> Problem {
        self.problem(first_offset(error).unwrap_or(0), sentence(error))
    }
}

/// The byte offset Cedar's error points to.
pub(super) fn first_offset(error: &dyn Diagnostic) -> Option<usize> {
    error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset())
}

/// Cedar's message with its cause and its hint, on one line.
pub(super) fn sentence(error: &dyn Diagnostic) -> String {
    let mut text = error.to_string();
    let label =
        error.labels().and_then(|mut labels| labels.next()).and_then(|l| l.label().map(str::to_owned));
    for more in label.into_iter().chain(error.help().map(|help| help.to_string())) {
        text.push_str("; ");
        text.push_str(&more);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_characters_from_one() {
        let source = Source { path: "a.cedar".into(), name: "a.cedar".into(), text: "é\nüx\n".into() };
        assert_eq!(source.place(0), (1, 1));
        assert_eq!(source.place("é\nü".len()), (2, 2));
        assert_eq!(source.place(usize::MAX), (3, 1));
    }

    #[test]
    fn every_problem_has_a_line_of_its_own() {
        let source = Source { path: "p/a.cedar".into(), name: "a.cedar".into(), text: "one\ntwo".into() };
        let error = LoadError::Refused(vec![source.problem(0, "first"), source.problem(5, "second")]);
        assert_eq!(error.to_string(), "p/a.cedar:1:1: first\np/a.cedar:2:2: second");
    }
}
