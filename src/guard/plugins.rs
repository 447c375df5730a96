//! Plugins as a party: what one may have beside rows, which needs a decision and no permit.

use super::actions::Context;
use super::{Guard, Origin, Party, Principal};
use crate::pdp::{Entity, EntityRef, Question, Value};

/// What policies may know of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginPrincipal {
    pub id: String,
    /// SHA-256 of its component, in lower-case hexadecimal.
    pub digest: String,
}

/// A place that requests are sent to, as policies see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpHost {
    /// `https://api.example.com:443`
    pub origin: String,
    pub scheme: String,
    pub host: String,
    pub port: u16,
    /// The operator lets it be an address that is not public.
    pub internal: bool,
}

/// What a plugin may or may not do beside its storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// Be asked at the hook of this name.
    Handle(String),
    Fetch(HttpHost),
    /// Have the secret of this name put into a request to there.
    UseSecret(String, HttpHost),
}

impl HttpHost {
    fn uid(&self) -> EntityRef {
        EntityRef::new("HttpHost", self.origin.as_str())
    }

    fn entity(&self) -> Entity {
        let attributes = vec![
            ("scheme".into(), Value::Text(self.scheme.clone())),
            ("host".into(), Value::Text(self.host.clone())),
            ("port".into(), Value::Long(self.port.into())),
            ("internal".into(), Value::Bool(self.internal)),
        ];
        Entity { uid: self.uid(), attributes, parents: Vec::new() }
    }
}

impl PluginPrincipal {
    pub(super) fn uid(&self) -> EntityRef {
        EntityRef::new("Plugin", self.id.as_str())
    }

    pub(super) fn attributes(&self) -> Context {
        vec![("digest".into(), Value::Text(self.digest.clone()))]
    }

    /// The plugin as the caller of what needs a permit.
    #[must_use]
    pub fn principal(self, request_id: String) -> Principal {
        Principal::of(Party::Plugin(Box::new(self)), Origin { request_id, ..Origin::default() })
    }
}

impl Guard {
    /// Whether the policies let a plugin do something. Nothing said means no, and so does a decision that cannot be
    /// made.
    pub async fn lets(&self, plugin: &PluginPrincipal, capability: &Capability, request_id: &str) -> bool {
        let principal = plugin.clone().principal(request_id.to_owned());
        let bare = |uid: &EntityRef| Entity { uid: uid.clone(), attributes: Vec::new(), parents: Vec::new() };
        let (action, resource, context, mut entities) = match capability {
            Capability::Handle(hook) => {
                let hook = EntityRef::new("Hook", hook.as_str());
                ("hook:handle", hook.clone(), Context::new(), vec![bare(&hook)])
            }
            Capability::Fetch(host) => ("http:fetch", host.uid(), Context::new(), vec![host.entity()]),
            Capability::UseSecret(name, host) => {
                let secret = EntityRef::new("PluginSecret", format!("{}/{name}", plugin.id));
                let attributes = vec![
                    ("plugin".into(), Value::Entity(plugin.uid())),
                    ("name".into(), Value::Text(name.clone())),
                ];
                let entity = Entity { uid: secret.clone(), attributes, parents: Vec::new() };
                let context = vec![("host".into(), Value::Entity(host.uid()))];
                ("secret:use", secret, context, vec![entity, host.entity()])
            }
        };
        entities.push(principal.party.entity(&[]));
        let question = Question {
            principal: plugin.uid(),
            action: action.into(),
            resource,
            context,
            entities: entities.into(),
        };
        match self.decided(&principal, &question, None).await {
            Ok((_, decision)) => decision.allowed,
            Err(error) => {
                tracing::error!(target: "plugin", plugin = plugin.id, action, error = ?error, "no decision could be made");
                false
            }
        }
    }
}
