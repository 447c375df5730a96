//! Rows of the operations in `src/guard/actions/search.rs`.

use super::Row;

pub(super) const ROWS: &[Row] = rows! {
    search_subjects: |world, _| world.asking();
    search_resources: |world, _| world.asking();
    search_actions: |world, _| world.asking();
};
