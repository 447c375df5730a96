//! Many rows written, or looked for, by few statements.

use std::sync::OnceLock;

use super::sql::Value;

/// A statement over many rows of parameters, `($1, $2), ($3, $4)`.
///
/// A statement is a word with another thread, or with a server; a row is a few parameters more.
pub(super) struct ManyRows {
    what: What,
    width: usize,
    numbered: OnceLock<Texts>,
    plain: OnceLock<Texts>,
}

#[derive(Clone, Copy)]
enum What {
    /// Into the table and columns; a row that is there already stays as it is.
    Insert(&'static str),
    /// What stands before the rows, and behind.
    Other(&'static str, &'static str),
}

/// How many rows go into one statement. Few sizes, so that few statements are prepared and kept.
const CHUNKS: [usize; 3] = [64, 8, 1];

type Texts = [String; CHUNKS.len()];

/// How a database wants its parameters spelled.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spelling {
    /// `$1`: all that PostgreSQL knows.
    Numbered,
    /// `?`: SQLite takes a number for a name, and looks for it among all names of the statement.
    Plain,
}

impl ManyRows {
    /// `into`: the table and its columns. A row that is there already stays as it is.
    pub(super) const fn insert(into: &'static str, width: usize) -> Self {
        Self { what: What::Insert(into), width, numbered: OnceLock::new(), plain: OnceLock::new() }
    }

    pub(super) const fn new(lead: &'static str, width: usize, tail: &'static str) -> Self {
        Self { what: What::Other(lead, tail), width, numbered: OnceLock::new(), plain: OnceLock::new() }
    }

    fn texts(&self, spelling: Spelling) -> &Texts {
        let (kept, spell): (_, fn(usize) -> String) = match spelling {
            Spelling::Numbered => (&self.numbered, |number| format!("${number}")),
            Spelling::Plain => (&self.plain, |_| "?".to_owned()),
        };
        kept.get_or_init(|| {
            CHUNKS.map(|rows| {
                let row = |n: usize| {
                    let row: Vec<_> = (1..=self.width).map(|it| spell(n * self.width + it)).collect();
                    format!("({})", row.join(", "))
                };
                let rows: Vec<_> = (0..rows).map(row).collect();
                let rows = rows.join(", ");
                match (self.what, spelling) {
                    (What::Other(lead, tail), _) => format!("{lead} {rows} {tail}"),
                    (What::Insert(into), Spelling::Numbered) => {
                        format!("INSERT INTO {into} VALUES {rows} ON CONFLICT DO NOTHING")
                    }
                    // A statement that could still fail half-way has SQLite copy each page before it writes to it.
                    (What::Insert(into), Spelling::Plain) => {
                        format!("INSERT OR IGNORE INTO {into} VALUES {rows}")
                    }
                }
            })
        })
    }

    /// Rows in as few statements as the sizes allow.
    pub(super) fn statements(
        &'static self,
        spelling: Spelling,
        rows: Vec<Vec<Value>>,
    ) -> Vec<(&'static str, Vec<Value>)> {
        let mut rows = rows.into_iter();
        let mut statements = Vec::new();
        for (rows_of_one, text) in CHUNKS.iter().zip(self.texts(spelling)) {
            while rows.len() >= *rows_of_one {
                statements.push((text.as_str(), rows.by_ref().take(*rows_of_one).flatten().collect()));
            }
        }
        statements
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql::args;

    #[test]
    fn many_rows_go_in_few_statements_each_value_in_its_place() {
        static PAIRS: ManyRows = ManyRows::insert("t (a, b)", 2);
        let statements = PAIRS.statements(Spelling::Numbered, (0..74_i64).map(|n| args![n, -n]).collect());
        let rows: Vec<_> = statements.iter().map(|(_, args)| args.len() / 2).collect();
        assert_eq!(rows, [64, 8, 1, 1]);
        let (eight, args) = &statements[1];
        assert!(eight.starts_with("INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4), "), "{eight}");
        assert!(eight.ends_with("($15, $16) ON CONFLICT DO NOTHING"), "{eight}");
        assert_eq!(args[..3], args![64_i64, -64_i64, 65_i64][..]);
        assert_eq!(statements[3].1, args![73_i64, -73_i64]);
        let plain = PAIRS.statements(Spelling::Plain, vec![args![1_i64, 2_i64]]);
        assert_eq!(plain[0].0, "INSERT OR IGNORE INTO t (a, b) VALUES (?, ?)");
        assert_eq!(PAIRS.statements(Spelling::Plain, Vec::new()), Vec::new());
    }
}
