//! Rows of the operations in `src/guard/actions/forwarding.rs`.

use super::{Request, Row};

pub(super) const ROWS: &[Row] = rows! {
    // Nobody in the table is a trusted proxy; who passes behind one is in tests/all/forwarding/.
    forward_auth: |_, _| Request::new();
};
