//! Which requests in front of other services pass: the operator's rules, in order.

use super::target::{parse_name, parse_path};
use super::{OrganizationId, ResourceRef, Target};

/// One rule: what it is about, and what it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorRule {
    /// As log and policies know it.
    pub name: String,
    host: Option<HostPattern>,
    path: Vec<PathPart>,
    /// Empty: any.
    methods: Vec<String>,
    opens: Opens,
}

/// To whom a rule opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opens {
    /// Everybody; a credential is not looked at.
    Public,
    /// Whoever may do `action` to `resource`.
    To { action: String, resource: DoorResource },
}

/// What a rule asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoorResource {
    Platform,
    /// Whoever asks, if it is a person.
    Caller,
    Organization(OrganizationId),
    /// The organization whose id stands in the path.
    OrganizationIn(String),
    /// A product's own thing, as it is registered in an organization.
    Thing {
        kind: String,
        id: DoorText,
        organization: DoorText,
    },
}

/// A text of the rule's, or the segment of the path of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoorText {
    Fixed(String),
    InPath(String),
}

/// A rule that matched: its name and the question it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    pub rule: String,
    pub question: DoorQuestion,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoorQuestion {
    Public,
    Platform {
        action: String,
    },
    Caller {
        action: String,
    },
    Organization {
        action: String,
        organization: OrganizationId,
    },
    Thing {
        action: String,
        organization: OrganizationId,
        thing: ResourceRef,
    },
    /// The path's id is none: nothing can be asked, nobody passes.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Exact(String),
    /// `*.example.com`: one label before it.
    Under(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PathPart {
    Word(String),
    /// `{name}` or `*`.
    Any(Option<String>),
    /// `**`, at the end: whatever follows, nothing too.
    Rest,
}

impl DoorRule {
    /// # Errors
    /// A sentence about what is wrong with the rule.
    pub fn new(
        name: Option<String>,
        host: Option<&str>,
        path: &str,
        methods: Vec<String>,
        opens: Opens,
    ) -> Result<Self, &'static str> {
        let host = host.map(HostPattern::parse).transpose()?;
        let parts = parse_pattern(path)?;
        if !methods.iter().all(|method| Target::parse(method, "a", "/").is_ok()) {
            return Err("`methods` must be in capital letters");
        }
        let once = |name: &String| {
            parts.iter().filter(|part| **part == PathPart::Any(Some(name.clone()))).count() == 1
        };
        if let Opens::To { resource, .. } = &opens
            && !resource.names().into_iter().all(once)
        {
            return Err("each `{name}` of the resource must stand in `path` once");
        }
        Ok(Self { name: name.unwrap_or_else(|| path.to_owned()), host, path: parts, methods, opens })
    }

    /// What it opens to.
    #[must_use]
    pub const fn opens(&self) -> &Opens {
        &self.opens
    }

    /// The door for `target`, if this rule is about it.
    fn door(&self, target: &Target) -> Option<Door> {
        let method = target.method();
        // A server answers HEAD as it answers GET.
        let method = if method == "HEAD" { "GET" } else { method };
        let methods =
            self.methods.is_empty() || self.methods.iter().any(|it| it == method || it == target.method());
        if !methods || self.host.as_ref().is_some_and(|host| !host.matches(target.host())) {
            return None;
        }
        let mut captured = Vec::new();
        let mut segments = target.segments().iter();
        let mut whole = true;
        for part in &self.path {
            match (part, segments.next()) {
                (PathPart::Word(word), Some(segment)) if word == segment => {}
                (PathPart::Any(name), Some(segment)) => {
                    captured.extend(name.as_ref().map(|name| (name, segment)));
                }
                (PathPart::Rest, _) => {
                    whole = false;
                    break;
                }
                (PathPart::Word(_) | PathPart::Any(_), _) => return None,
            }
        }
        if whole && segments.next().is_some() {
            return None;
        }
        let question = match &self.opens {
            Opens::Public => DoorQuestion::Public,
            Opens::To { action, resource } => {
                let action = action.clone();
                match resource {
                    DoorResource::Platform => DoorQuestion::Platform { action },
                    DoorResource::Caller => DoorQuestion::Caller { action },
                    DoorResource::Organization(id) => {
                        DoorQuestion::Organization { action, organization: *id }
                    }
                    DoorResource::OrganizationIn(name) => {
                        let id = captured.iter().find(|(it, _)| *it == name).and_then(|(_, text)| id(text));
                        id.map_or(DoorQuestion::Nothing, |organization| DoorQuestion::Organization {
                            action,
                            organization,
                        })
                    }
                    DoorResource::Thing { kind, id: name, organization } => {
                        let organization = organization.read(&captured).and_then(id);
                        let thing = name.read(&captured).and_then(|id| ResourceRef::parse(kind, id).ok());
                        match (organization, thing) {
                            (Some(organization), Some(thing)) => {
                                DoorQuestion::Thing { action, organization, thing }
                            }
                            _ => DoorQuestion::Nothing,
                        }
                    }
                }
            }
        };
        Some(Door { rule: self.name.clone(), question })
    }
}

impl DoorResource {
    /// The segments of the path that it needs.
    fn names(&self) -> Vec<&String> {
        let texts = match self {
            Self::Platform | Self::Caller | Self::Organization(_) => return Vec::new(),
            Self::OrganizationIn(name) => return vec![name],
            Self::Thing { id, organization, .. } => [id, organization],
        };
        texts.into_iter().filter_map(DoorText::name).collect()
    }
}

impl DoorText {
    /// `{name}`, or the text itself.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => Self::InPath(name.to_owned()),
            None => Self::Fixed(text.to_owned()),
        }
    }

    const fn name(&self) -> Option<&String> {
        match self {
            Self::InPath(name) => Some(name),
            Self::Fixed(_) => None,
        }
    }

    /// A segment is what it means, decoded; the path has one meaning by then.
    fn read<'a>(&'a self, captured: &[(&String, &'a String)]) -> Option<&'a str> {
        match self {
            Self::Fixed(text) => Some(text),
            Self::InPath(name) => captured.iter().find(|(it, _)| *it == name).map(|(_, text)| text.as_str()),
        }
    }
}

/// The first rule that is about `target` decides; without one nobody passes.
#[must_use]
pub fn door(rules: &[DoorRule], target: &Target) -> Option<Door> {
    rules.iter().find_map(|rule| rule.door(target))
}

/// The one spelling of an id: others would be another path to the server behind.
fn id(text: &str) -> Option<OrganizationId> {
    OrganizationId::parse(text).filter(|id| id.to_string() == text)
}

impl HostPattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let wrong = "`host` must be a name such as `app.example.com` or `*.example.com`, without a port";
        let (name, pattern): (_, fn(String) -> Self) = match text.strip_prefix("*.") {
            Some(name) => (name, Self::Under),
            None => (text, Self::Exact),
        };
        parse_name(name).map(pattern).ok_or(wrong)
    }

    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Under(name) => host.split_once('.').is_some_and(|(_, rest)| rest == name),
        }
    }
}

fn parse_pattern(text: &str) -> Result<Vec<PathPart>, &'static str> {
    let wrong = "`path` must be a plain path of words, `*`, `{name}` and, at its end, `**`";
    if text.len() > 1 && text.ends_with('/') {
        return Err("`path` must not end in `/`: a path with one and without one are the same");
    }
    let rest = text.strip_prefix('/').ok_or(wrong)?;
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<&str> = rest.split('/').collect();
    let part = |(at, part): (usize, &&str)| match *part {
        "**" if at + 1 == parts.len() => Ok(PathPart::Rest),
        "*" => Ok(PathPart::Any(None)),
        named if named.starts_with('{') && named.ends_with('}') => {
            let name = named.trim_start_matches('{').trim_end_matches('}');
            let right = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            right.then(|| PathPart::Any(Some(name.to_owned()))).ok_or(wrong)
        }
        word if word.contains(['*', '{', '}']) => Err(wrong),
        word => match parse_path(&format!("/{word}")).as_deref() {
            Some([word]) => Ok(PathPart::Word(word.clone())),
            _ => Err(wrong),
        },
    };
    parts.iter().enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(
        host: Option<&str>,
        path: &str,
        methods: &[&str],
        opens: Opens,
    ) -> Result<DoorRule, &'static str> {
        DoorRule::new(None, host, path, methods.iter().map(ToString::to_string).collect(), opens)
    }

    fn matched(rule: &DoorRule, method: &str, host: &str, uri: &str) -> bool {
        door(std::slice::from_ref(rule), &Target::parse(method, host, uri).unwrap()).is_some()
    }

    #[test]
    fn a_rule_is_about_its_host_its_methods_and_its_path() {
        let rule = rule(Some("*.Example.com"), "/a/*/b/**", &["GET", "PUT"], Opens::Public).unwrap();
        for uri in ["/a/x/b", "/a/x/b/", "/a/x/b/c/d?e", "/a/%20/b"] {
            assert!(matched(&rule, "GET", "app.example.com:80", uri), "{uri}");
            assert!(matched(&rule, "HEAD", "APP.example.com.", uri), "{uri}");
        }
        assert!(matched(&rule, "PUT", "app.example.com", "/a/x/b"));
        for (method, host, uri) in [
            ("POST", "app.example.com", "/a/x/b"),
            ("GET", "example.com", "/a/x/b"),
            ("GET", "a.b.example.com", "/a/x/b"),
            ("GET", "appexample.com", "/a/x/b"),
            ("GET", "app.example.com", "/a/b"),
            ("GET", "app.example.com", "/A/x/b"),
            ("GET", "app.example.com", "/a/x/bc"),
            ("GET", "app.example.com", "/"),
        ] {
            assert!(!matched(&rule, method, host, uri), "{method} {host} {uri}");
        }
    }

    #[test]
    fn an_id_of_the_path_counts_in_its_one_spelling_only() {
        let resource = DoorResource::OrganizationIn("organization".to_owned());
        let opens = Opens::To { action: "org:read".to_owned(), resource };
        let rule = rule(None, "/o/{organization}/**", &[], opens).unwrap();
        let asked = |id: &str| {
            let target = Target::parse("GET", "a", &format!("/o/{id}/x")).unwrap();
            door(std::slice::from_ref(&rule), &target).unwrap().question
        };
        let id = "019b76da-a800-7000-8000-00000000dead";
        let DoorQuestion::Organization { organization, .. } = asked(id) else { panic!("{:?}", asked(id)) };
        assert_eq!(organization.to_string(), id);
        for other in [
            "acme",
            "019B76DA-A800-7000-8000-00000000DEAD",
            "019b76daa80070008000 00000000dead".replace(' ', "").as_str(),
            "{019b}",
        ] {
            if Target::parse("GET", "a", &format!("/o/{other}/x")).is_ok() {
                assert_eq!(asked(other), DoorQuestion::Nothing, "{other}");
            }
        }
    }

    #[test]
    fn a_thing_of_the_path_is_named_as_the_path_means_it() {
        let resource = DoorResource::Thing {
            kind: "Document".to_owned(),
            id: DoorText::parse("{document}"),
            organization: DoorText::parse("{organization}"),
        };
        let opens = Opens::To { action: "document:read".to_owned(), resource };
        let rule = rule(None, "/{organization}/{document}/**", &[], opens).unwrap();
        let place = "019b76da-a800-7000-8000-00000000dead";
        let asked = |uri: &str| {
            let target = Target::parse("GET", "a", uri).unwrap();
            door(std::slice::from_ref(&rule), &target).map(|door| door.question)
        };
        for (segment, id) in [("plan", "plan"), ("Plan", "Plan"), ("a%20b", "a b"), ("%C3%A9", "é")] {
            let thing = ResourceRef::parse("Document", id).unwrap();
            let Some(DoorQuestion::Thing { thing: found, organization, .. }) =
                asked(&format!("/{place}/{segment}/x?y"))
            else {
                panic!("{segment}");
            };
            assert_eq!((found, organization.to_string().as_str()), (thing, place));
        }
        assert_eq!(asked("/acme/plan"), Some(DoorQuestion::Nothing));
        assert_eq!(asked(&format!("/{}/plan", place.to_uppercase())), Some(DoorQuestion::Nothing));
        assert_eq!(asked(&format!("/{place}/{}", "a".repeat(300))), Some(DoorQuestion::Nothing));
        assert_eq!(asked(&format!("/{place}")), None);
    }

    #[test]
    fn a_rule_that_cannot_be_meant_is_refused() {
        for path in
            ["", "a", "/a/", "//", "/a/**/b", "/{", "/{}", "/{A}", "/a*", "/a/../b", "/%2e", "/a;b", "/***"]
        {
            assert!(rule(None, path, &[], Opens::Public).is_err(), "{path}");
        }
        for host in ["", "*", "*.", "a:80", "a b", "*.*.com", "http://a"] {
            assert!(rule(Some(host), "/a", &[], Opens::Public).is_err(), "{host}");
        }
        assert!(rule(None, "/a", &["get"], Opens::Public).is_err());
        for path in ["/{a}", "/{b}", "/{a}/{b}/{b}", "/{a}/{a}/{b}"] {
            let (id, organization) = (DoorText::parse("{a}"), DoorText::parse("{b}"));
            let resource = DoorResource::Thing { kind: "Document".to_owned(), id, organization };
            assert!(rule(None, path, &[], Opens::To { action: "x".to_owned(), resource }).is_err(), "{path}");
        }
        for path in ["/{b}", "/{a}/{a}"] {
            let resource = DoorResource::OrganizationIn("a".to_owned());
            assert!(rule(None, path, &[], Opens::To { action: "x".to_owned(), resource }).is_err(), "{path}");
        }
    }

    #[test]
    fn the_first_rule_decides() {
        let to = Opens::To { action: "org:read".to_owned(), resource: DoorResource::Platform };
        let rules =
            [rule(None, "/open/**", &["GET"], Opens::Public).unwrap(), rule(None, "/**", &[], to).unwrap()];
        let question = |method: &str, uri: &str| {
            door(&rules, &Target::parse(method, "a", uri).unwrap()).unwrap().question
        };
        assert_eq!(question("GET", "/open/x"), DoorQuestion::Public);
        assert!(matches!(question("POST", "/open/x"), DoorQuestion::Platform { .. }));
        assert!(matches!(question("GET", "/openly"), DoorQuestion::Platform { .. }));
        assert!(door(&rules[..1], &Target::parse("GET", "a", "/").unwrap()).is_none());
    }
}
