//! Every operation asked by everybody, over HTTP, on both databases, held against
//! `tests/snapshots/permission_table.txt`. Nothing here writes that file: who may do what is changed by hand.

use std::collections::BTreeSet;

use super::requests::{Persona, Row, World, rows};
use crate::golden::compare;
use crate::openapi::{Operation, operations};
use crate::support::{Answer, Database};

#[test]
fn every_operation_has_a_row_and_every_row_an_operation() {
    let operations: BTreeSet<String> = operations().into_iter().map(|operation| operation.id).collect();
    let rows: BTreeSet<String> = rows().map(|row| row.operation.to_owned()).collect();
    let missing: Vec<_> = operations.difference(&rows).collect();
    assert!(
        missing.is_empty(),
        "add to a file of tests/all/guard/requests/ a right request for {missing:?}, \
         then their lines to tests/snapshots/permission_table.txt"
    );
    let gone: Vec<_> = rows.difference(&operations).collect();
    assert!(gone.is_empty(), "take out of tests/all/guard/requests/: {gone:?} are no operations");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_may_do_what_the_table_says_on_sqlite() {
    compare("permission_table.txt", "who may do what on SQLite", &table(Database::Sqlite).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_may_do_what_the_table_says_on_postgres() {
    if let Some(database) = Database::postgres() {
        compare("permission_table.txt", "who may do what on PostgreSQL", &table(database).await);
    }
}

/// The columns' heads.
const HEADS: [(&str, &str); 11] = [
    ("anonymous", "anon"),
    ("stranger", "strng"),
    ("viewer", "viewr"),
    ("member", "membr"),
    ("agent_executor", "agent"),
    ("admin", "admin"),
    ("owner", "owner"),
    ("suspended", "suspd"),
    ("unverified", "unver"),
    ("waitlisted", "waitl"),
    ("super_admin", "super"),
];

/// The letters for codes of problems; the head of the table explains them. A code that is not here is written out.
const LETTERS: [(&str, char); 14] = [
    ("organization-archived", 'a'),
    ("not-on-behalf", 'b'),
    ("code-invalid", 'c'),
    ("email-unverified", 'e'),
    ("invalid-request", 'i'),
    ("role-not-held", 'm'),
    ("agent-never-owner", 'n'),
    ("owner-protected", 'o'),
    ("untrusted-proxy", 'p'),
    ("self-promotion", 'r'),
    ("session-ended", 's'),
    ("refresh-token-invalid", 't'),
    ("account-suspended", 'u'),
    ("account-waitlisted", 'w'),
];

async fn table(database: Database) -> Vec<String> {
    let world = World::begin(database).await;
    let mut lines = Vec::new();
    let heads = world.personas.iter().map(|persona| {
        let known = HEADS.iter().find(|(name, _)| *name == persona.name);
        known.map_or(persona.name, |(_, head)| head).to_owned()
    });
    let heads: Vec<String> = heads.collect();
    let mut chapter = String::new();
    let mut operations = operations();
    // It lets the persona on the waitlist in, so it is asked after everything else.
    operations.sort_by_key(|operation| operation.id == "approve_all_registrations");
    for operation in operations {
        let tag = operation.document["tags"][0].as_str().unwrap_or("(no chapter)");
        if chapter != tag {
            tag.clone_into(&mut chapter);
            let head = [vec![format!("[{tag}]")], heads.clone()].concat();
            lines.extend([vec![String::new(); head.len()], head]);
        }
        for row in rows().filter(|row| row.operation == operation.id) {
            let mut line = vec![if row.case.is_empty() {
                row.operation.to_owned()
            } else {
                format!("{}: {}", row.operation, row.case)
            }];
            for persona in &world.personas {
                line.push(cell(&world, &operation, row, persona).await);
            }
            lines.push(line);
        }
    }
    aligned(&lines)
}

async fn cell(world: &World, operation: &Operation, row: &Row, persona: &Persona) -> String {
    let request = (row.ask)(world, persona).await;
    let answer = request.send(&world.server, operation, persona).await;
    let told = told(&answer);
    assert!(answer.status < 500, "{} as {}: {told}: {}", operation.place, persona.name, answer.body);
    assert_ne!(answer.status, 422, "{}: the request of its row is not right: {}", row.operation, answer.body);
    told
}

/// The status, and the code where the status does not say it all.
fn told(answer: &Answer) -> String {
    let usual = match answer.status {
        401 => "not-signed-in",
        403 => "not-permitted",
        404 => "not-found",
        _ => "",
    };
    match answer.body["code"].as_str() {
        Some(code) if answer.status >= 400 && code != usual => {
            match LETTERS.iter().find(|(known, _)| *known == code) {
                Some((_, letter)) => format!("{}{letter}", answer.status),
                None => format!("{} {code}", answer.status),
            }
        }
        _ => answer.status.to_string(),
    }
}

/// Columns as wide as their longest cell.
fn aligned(lines: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let aligned = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    lines.iter().map(aligned).collect()
}
