//! What is refused beside the policies: the denial is told to the recorder, so that it has a name like any other.

use std::borrow::Cow;
use std::sync::Arc;

use super::actions::Context;
use super::record::{DecisionId, Record};
use super::{Action, Authorized, EntityRef, Guard, Resource};
use crate::domain::OrganizationId;
use crate::pdp::{Decision, FactSet, Question};

impl Guard {
    /// What the permit allows was refused after all, for a reason that is no policy's; `code` is the client's word for it.
    pub async fn refuse<A: Action>(&self, ok: &Authorized<'_, A>, code: &str) -> DecisionId {
        let question = Question {
            principal: ok.caller().uid(),
            action: A::NAME.into(),
            resource: ok.action().resource().entity(),
            context: ok.action().context(),
            entities: ok.facts().clone(),
        };
        self.deny(&ok.caller().origin.request_id, &question, code).await
    }

    /// The same before anything was asked.
    pub async fn refuse_unasked(
        &self,
        request_id: &str,
        principal: EntityRef,
        action: impl Into<Cow<'static, str>>,
        code: &str,
    ) -> DecisionId {
        let resource = Resource::Platform.entity();
        let (action, context, entities) = (action.into(), Context::new(), FactSet::default());
        self.deny(request_id, &Question { principal, action, resource, context, entities }, code).await
    }

    pub(super) async fn deny(&self, request_id: &str, question: &Question, code: &str) -> DecisionId {
        let decision = Decision {
            allowed: false,
            determining: Vec::new(),
            errors: vec![code.to_owned()],
            version: self.pdp().version(),
        };
        self.tell_of(request_id, None, question, &Arc::new(decision)).await
    }

    /// Names a decision, tells the recorder of it, and waits for its place in the log if it must.
    pub(super) async fn tell_of(
        &self,
        request_id: &str,
        asked_in: Option<OrganizationId>,
        question: &Question,
        decision: &Arc<Decision>,
    ) -> DecisionId {
        let (at, id) = self.stamp();
        if let Some(turn) =
            self.recorder().record(&Record { id, at, request_id, asked_in, question, decision })
        {
            turn.await;
        }
        id
    }
}
