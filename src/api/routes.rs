//! What the document says is at a path: names for its parameters, and the methods it answers.
//!
//! The framework forgets the names of path parameters at run time (`:param0`) and sends 405 without `Allow`;
//! both are read back from the document here.

use std::collections::HashMap;

use poem::http::Method;
use serde_json::Value;

/// The paths of the document and of the few raw routes beside it.
#[derive(Debug, Clone, Default)]
pub struct RouteTable {
    /// Those without parameters, by their path.
    exact: HashMap<String, KnownRoute>,
    open: Vec<KnownRoute>,
}

/// One path, such as `/api/v1/organizations/{organization_id}`.
#[derive(Debug, Clone)]
pub struct KnownRoute {
    template: String,
    segments: Vec<Segment>,
    /// As in the `Allow` header (RFC 9110 section 10.2.1).
    allow: String,
}

#[derive(Debug, Clone)]
enum Segment {
    Exact(String),
    Parameter(String),
}

impl RouteTable {
    /// The paths of an OpenAPI document.
    #[must_use]
    pub fn of(document: &Value) -> Self {
        let mut table = Self::default();
        for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
            let methods = item.as_object().into_iter().flatten();
            let methods = methods.filter_map(|(name, _)| name.to_uppercase().parse().ok());
            table = table.with(path, &methods.collect::<Vec<Method>>());
        }
        table
    }

    /// One more path; parameters are written `{name}`. `HEAD` comes with `GET`, `OPTIONS` always.
    #[must_use]
    pub fn with(mut self, template: &str, methods: &[Method]) -> Self {
        let segment = |text: &str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => Segment::Parameter(name.to_owned()),
            None => Segment::Exact(text.to_owned()),
        };
        let mut allow: Vec<&str> = methods.iter().map(Method::as_str).collect();
        if allow.contains(&"GET") {
            allow.push("HEAD");
        }
        allow.push("OPTIONS");
        allow.sort_unstable();
        allow.dedup();
        let segments: Vec<_> = template.split('/').map(segment).collect();
        let route = KnownRoute { template: template.to_owned(), segments, allow: allow.join(", ") };
        if route.parameters().next().is_none() {
            self.exact.entry(template.to_owned()).or_insert(route);
            return self;
        }
        self.open.push(route);
        // Exact words win over parameters, as in the router.
        self.open.sort_by_key(|route| route.parameters().count());
        self
    }

    /// The route that answers to `path`.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&KnownRoute> {
        self.exact.get(path).or_else(|| self.open.iter().find(|route| route.matches(path)))
    }
}

impl KnownRoute {
    fn matches(&self, path: &str) -> bool {
        let mut parts = path.split('/');
        let all = self.segments.iter().all(|segment| match (segment, parts.next()) {
            (Segment::Exact(text), Some(part)) => text == part,
            (Segment::Parameter(_), Some(part)) => !part.is_empty(),
            (_, None) => false,
        });
        all && parts.next().is_none()
    }

    fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Parameter(name) => Some(name.as_str()),
            Segment::Exact(_) => None,
        })
    }

    /// The name of a path parameter that the framework calls `param0`, `param1` and so on.
    #[must_use]
    pub fn parameter(&self, framework_name: &str) -> Option<&str> {
        let index = framework_name.strip_prefix("param")?.parse().ok()?;
        self.parameters().nth(index)
    }

    #[must_use]
    pub fn template(&self) -> &str {
        &self.template
    }

    #[must_use]
    pub fn allow(&self) -> &str {
        &self.allow
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_found_with_its_names_and_methods() {
        let document = json!({ "paths": {
            "/orgs/{org_id}/members/{member_id}": { "patch": {}, "delete": {} },
            "/orgs/{org_id}": { "get": {} },
            "/orgs/mine": { "get": {} },
        }});
        let table = RouteTable::of(&document);
        let route = table.find("/orgs/1/members/2").expect("it is there");
        assert_eq!(route.parameter("param1"), Some("member_id"));
        assert_eq!(route.allow(), "DELETE, OPTIONS, PATCH");
        assert_eq!(table.find("/orgs/mine").map(KnownRoute::template), Some("/orgs/mine"));
        assert_eq!(table.find("/orgs/1").map(KnownRoute::allow), Some("GET, HEAD, OPTIONS"));
        assert!(table.find("/orgs/").is_none() && table.find("/orgs/1/members").is_none());
    }
}
