//! Back from a provider whose page posts a form (OAuth 2.0 Form Post Response Mode).

use url::Url;

use super::{App, Error, Landing, Return, bug};
use crate::domain::{Provider, ResponseMode};
use crate::guard::actions::ReturnByForm;
use crate::guard::{Authorized, Released};

impl App {
    /// Where somebody goes on to whom a provider's page sends back by a form. That page is another site's, so their
    /// browser keeps our cookie to itself and nothing can be finished; it brings the cookie where it is sent from here.
    /// Nothing is looked at or written down.
    ///
    /// # Errors
    /// [`Error::NotFound`] unless the provider is configured to do so.
    pub fn return_by_form(
        &self,
        ok: Authorized<'_, ReturnByForm>,
        provider: &str,
        back: Return,
    ) -> Result<Released<ReturnByForm, Landing>, Error> {
        let forms =
            |it: &&Provider| it.name.as_str() == provider && it.response_mode == ResponseMode::FormPost;
        let provider = self.providers.list().find(forms).ok_or(Error::NotFound)?;
        let uri = self.redirect_uri(provider.name.as_str());
        let mut url: Url = uri.parse().map_err(|error| bug("the redirect address", error))?;
        let Return { state, code, error, issuer, browser: _ } = back;
        let code = code.map(|code| code.expose().to_owned());
        for (name, value) in [("state", state), ("code", code), ("error", error), ("iss", issuer)] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        Ok(ok.release(Landing { url: url.into() }))
    }
}
