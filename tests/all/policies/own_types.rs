//! What of the schema is Palisade's own.

use std::collections::BTreeSet;
use std::fs;

use palisade::guard::OWN_TYPES;

use crate::support::root;

/// What the product brings; everything else is ours.
const PRODUCT: &str = "product.cedarschema";

#[test]
fn every_type_of_palisades_own_schema_is_closed_to_the_register() {
    let mut declared = BTreeSet::new();
    for entry in fs::read_dir(root().join("policies")).expect("the policies can be read") {
        let path = entry.expect("the policies can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with(".cedarschema") || name == PRODUCT {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a schema is text");
        let entities = text.lines().filter_map(|line| line.trim().strip_prefix("entity "));
        for line in entities {
            let names = line.split([' ', ';', '{', '=']).next().unwrap_or_default();
            declared.extend(names.split(',').map(|name| name.trim().to_owned()));
        }
    }
    let own: BTreeSet<String> = OWN_TYPES.iter().map(|kind| (*kind).to_owned()).collect();
    assert_eq!(declared, own, "left: declared outside {PRODUCT}; right: OWN_TYPES of src/guard/registry.rs");
}
