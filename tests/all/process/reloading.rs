//! SIGHUP has a running server take up its policies' folder.

use super::{Place, in_places};
use crate::support::copy_policies;

in_places!(a_hangup_puts_changed_policies_in_force_and_broken_ones_not);

const CLOSED: &str = "@id(\"closed.register\")\n@code(\"registration-closed\")\n@why(\"Nobody else for now.\")\n\
    forbid (principal, action == Action::\"Register\", resource);\n";

async fn a_hangup_puts_changed_policies_in_force_and_broken_ones_not(place: Place) {
    let policies = place.folder.path().join("policies");
    copy_policies(&policies, &[]);
    let place = place.set("PALISADE_POLICIES_DIR", policies.display().to_string());
    let mut server = place.serve();
    assert_eq!(server.register("ada@example.com").await.unwrap().0, 201);

    std::fs::write(policies.join("closed.cedar"), CLOSED).unwrap();
    server.hang_up();
    server.wait_for("the policies are in force");
    assert_eq!(server.register("eve@example.com").await.unwrap().0, 401);

    std::fs::write(policies.join("broken.cedar"), "permit (principal").unwrap();
    std::fs::remove_file(policies.join("closed.cedar")).unwrap();
    server.hang_up();
    let line = server.wait_for("broken.cedar:1:");
    assert!(line.contains("ERROR"), "{line}");
    server.wait_for("the old ones stay in force");
    assert_eq!(server.register("eve@example.com").await.unwrap().0, 401);

    std::fs::remove_file(policies.join("broken.cedar")).unwrap();
    server.hang_up();
    server.wait_for("the policies are in force");
    assert_eq!(server.register("eve@example.com").await.unwrap().0, 201);
}
