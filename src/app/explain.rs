//! Why a question was answered as it was.

use super::evaluation::Prepared;
use super::{App, Error, Query};
use crate::guard::actions::ExplainDecision;
use crate::guard::{Authorized, Released, Why};

impl App {
    /// Answers a question and says why.
    ///
    /// # Errors
    /// [`Error::Invalid`] if its context does not fit the schema.
    pub async fn explain_decision(
        &self,
        ok: Authorized<'_, ExplainDecision>,
        query: &Query,
    ) -> Result<Released<ExplainDecision, Why>, Error> {
        let why = match self.prepare_one(&ok, query).await?.map_err(Error::Invalid)? {
            Prepared::Ask(asked) => self.guard.explain(&ok, *asked).await,
            Prepared::Unknown(why) => {
                let (subject, resource) = (&query.subject, &query.resource);
                let subject = (subject.kind.as_str(), subject.id.as_str());
                let resource = (resource.kind.as_str(), resource.id.as_str());
                self.guard.explain_unknown(&ok, subject, &query.action, resource, why).await
            }
        };
        Ok(ok.release(why))
    }
}
