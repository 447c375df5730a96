//! Where a page of a search begins, as a word that a client hands back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::Page;
use crate::app::Error;
use crate::domain::Invalid;

/// How much of the hash of its question a token carries: enough that two questions are not mistaken for one.
const BOUND: usize = 12;

/// The question whose pages these are. A token says only where to go on, and each answer is decided again: whoever
/// makes one up learns nothing that they may not ask.
pub(super) struct Place([u8; BOUND]);

impl Place {
    pub(super) fn of(mut question: Json) -> Self {
        // The order of keys means nothing, and clients mix it up.
        question.sort_all_objects();
        let mut bound = [0; BOUND];
        for (to, from) in bound.iter_mut().zip(Sha256::digest(question.to_string())) {
            *to = from;
        }
        Self(bound)
    }

    /// After which id a page begins; the first one after none.
    pub(super) fn after(&self, token: Option<&str>) -> Result<String, Error> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(String::new()) };
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| foreign())?;
        let after = bytes.strip_prefix(&self.0[..]).ok_or_else(foreign)?;
        let after = str::from_utf8(after).map_err(|_| foreign())?;
        if after.chars().any(char::is_control) { Err(foreign()) } else { Ok(after.to_owned()) }
    }

    /// The page, its end as a token.
    pub(super) fn page(&self, page: Page) -> Page {
        let token = |after: String| URL_SAFE_NO_PAD.encode([&self.0[..], after.as_bytes()].concat());
        Page { results: page.results, next: page.next.map(token) }
    }
}

pub(super) fn foreign() -> Error {
    let message = "is not one that this search gave: all other fields must stay the same from page to page";
    Error::Invalid(vec![Invalid::new("wrong-token", message).at("page.token")])
}
