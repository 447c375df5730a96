//! The decision engine: may this principal do this to that, by the policies of one folder?
//!
//! Owns: `cedar_policy`; no type of it leaves this folder. May import: `domain`.
//! Must never: fetch a fact, know HTTP, SQL or our own operations. All it knows comes with the question.
//! Read next: `policies/README.md`, then `engine.rs` (how a decision is made) and `index.rs` (why it is quick).

mod decision;
mod digest;
mod engine;
mod explain;
mod fact_set;
mod index;
mod json;
mod load;
mod memo;
mod open_context;
mod overlay;
mod policy_files;
mod policy_tests;
mod problem;
mod question;
mod reach;
mod registry;
mod schema_files;
mod scopes;
mod series;
mod shapes;
mod slice;
mod words;

pub use decision::{Decision, Determining, Error, PolicyText, PolicyVersion};
pub use engine::Pdp;
pub use explain::{ExplainedPolicy, Explanation, NearMiss};
pub use fact_set::FactSet;
pub use open_context::Bounds;
pub use overlay::{Overlay, RolePolicy};
pub use policy_tests::{TestFailure, TestReport, run_tests};
pub use problem::{LoadError, Problem};
pub use question::{Entity, EntityRef, Extension, Pairs, Question, Value};
pub use reach::Reach;
pub use registry::Draft;
pub use series::{Fixed, Series, Shared};
