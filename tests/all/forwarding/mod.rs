//! In front of other services: which requests pass, and what the service behind is told.

mod ext_authz;
mod nginx;
mod rules;

/// Rules for a service with something public, something of an organization's, and something for whoever is signed in.
pub const RULES: &str = r#"plugins = []

[[forward_auth.rules]]
path = "/assets/**"
methods = ["GET"]
public = true

[[forward_auth.rules]]
name = "read projects"
host = "app.example.com"
path = "/o/{organization}/projects/**"
methods = ["GET"]
action = "project:read"
resource = { type = "Organization", id = "{organization}" }

[[forward_auth.rules]]
name = "write projects"
host = "app.example.com"
path = "/o/{organization}/projects/**"
action = "project:write"
resource = { type = "Organization", id = "{organization}" }

[[forward_auth.rules]]
name = "signed in"
path = "/me"
action = "self:read"
resource = { type = "User", id = "caller" }

[[forward_auth.rules]]
name = "platform"
path = "/operations/**"
action = "platform:events"
resource = { type = "Platform" }
"#;
