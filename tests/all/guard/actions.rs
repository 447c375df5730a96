//! One word in four places: the API's operation, the registry, the schema, and `x-cedar-action`.

use std::collections::BTreeSet;

use palisade::api::document::{ACTION, pascal};
use palisade::guard::actions;
use palisade::pdp::Pdp;

use crate::openapi::operations;
use crate::support::root;

/// What only the command line and background jobs do, and `/metrics`, which is no operation of the document.
const WITHOUT_AN_OPERATION: [&str; 21] = [
    "CreateAdministrator",
    "DeliverEvents",
    "DeliverMail",
    "ExportDecisions",
    "GetMetrics",
    "ImportUsers",
    "LinkIdentity",
    "ListSigningKeys",
    "LoadPlugins",
    "PruneDecisions",
    "PruneEvents",
    "PurgeAccounts",
    "PurgeExpired",
    "ReadPluginStorage",
    "RecordDecisions",
    "RecordKeyUse",
    "ResealSecrets",
    "ReviewRegistrations",
    "RotateSigningKeys",
    "VerifyEvents",
    "WritePluginStorage",
];

#[test]
fn every_operation_names_the_cedar_action_of_its_own_name() {
    for operation in operations() {
        let id = operation.document["operationId"].as_str().expect("an operation has an operationId");
        let action = operation.document[ACTION].as_str();
        assert_eq!(action, Some(pascal(id).as_str()), "{}", operation.place);
    }
}

#[test]
fn the_registry_is_the_operations_and_what_jobs_do() {
    let mut expected: BTreeSet<String> = operations().iter().map(|operation| pascal(&operation.id)).collect();
    for job in WITHOUT_AN_OPERATION {
        assert!(expected.insert(job.to_owned()), "{job} has an operation");
    }
    let registry: BTreeSet<String> = actions::names().into_iter().map(str::to_owned).collect();
    assert_eq!(registry, expected);
}

#[test]
fn the_registry_is_the_operations_of_the_schema() {
    let pdp = Pdp::load(&root().join("policies")).expect("the policies load");
    let schema: BTreeSet<String> = pdp.operations().into_iter().collect();
    let registry: BTreeSet<String> = actions::names().into_iter().map(str::to_owned).collect();
    assert_eq!(registry, schema);
}
