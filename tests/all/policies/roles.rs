//! The roles as the API lists them and as the policies have them are the same.

use std::collections::BTreeSet;

use palisade::domain::{ProjectRole, SystemRole};

use crate::support::root;

#[test]
fn each_role_lists_exactly_what_its_policy_permits() {
    let text = std::fs::read_to_string(root().join("policies/organization_roles.cedar")).unwrap();
    // The one permission of these roles that does not stand there: it is asked of people too, who have no organization.
    let elsewhere = std::fs::read_to_string(root().join("policies/federation.cedar")).unwrap();
    let (_, elsewhere) = elsewhere.split_once("@id(\"federation.connection-scope\")").unwrap();
    let (elsewhere, _) = elsewhere.split_once("};").unwrap();
    for role in SystemRole::ALL {
        let id = format!("@id(\"organization_roles.{}\")", role.name().replace('_', "-"));
        let (_, policy) = text.split_once(&id).unwrap_or_else(|| panic!("{id} is not in the file"));
        let (policy, _) = policy.split_once("\nwhen").unwrap();
        let named = elsewhere.contains(&format!("principal in resource.organization.{}s", role.name()));
        let both = [policy, if named { elsewhere } else { "" }].concat();
        let permitted: BTreeSet<_> =
            both.split("Action::\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let listed: BTreeSet<_> = role.permissions().iter().copied().collect();
        assert_eq!(permitted, listed, "{role:?}");
    }
}

#[test]
fn each_project_role_lists_exactly_what_its_policy_permits() {
    let text = std::fs::read_to_string(root().join("policies/project_roles.cedar")).unwrap();
    for role in ProjectRole::ALL {
        let (_, policy) = text.split_once(&format!("@id(\"project_roles.{}\")", role.name())).unwrap();
        let (policy, _) = policy.split_once("resource\n").unwrap();
        assert!(policy.contains(&format!("principal in Role::\"{}\"", role.name())), "{role:?}");
        let permitted: BTreeSet<_> =
            policy.split("Action::\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(permitted, role.permissions().iter().copied().collect(), "{role:?}");
    }
}
