//! What plugins put into access tokens: small objects, each under its own name.

use serde_json::{Map, Value};

use super::hooks::Mint;
use super::rulings::{Judged, NO_ANSWER};
use super::world::Hook;
use super::{Error, FailurePolicy, Plugins, RequestContext, told};

/// What a plugin may add to a token, in bytes of JSON.
const CLAIMS: usize = 1 << 10;
/// What all plugins together may, so that the token stays one that we take.
const ALL_CLAIMS: usize = 2 << 10;
/// How deep that may be.
const DEPTH: usize = 8;

impl Plugins {
    /// What stands under `ext` in an access token: an object for each plugin that had something to say. `mends` as for
    /// [`Plugins::login_authenticated`]: who mends the plugins gets a token without the claims.
    ///
    /// # Errors
    /// The plugin's id, if it has no answer and the operator wants no token without it.
    pub async fn token_claims(
        &self,
        context: &RequestContext,
        mint: &Mint,
        mends: bool,
    ) -> Result<Judged<Map<String, Value>>, String> {
        let mut judged = Judged::new(Map::new());
        for bound in self.bound_to(Hook::TokenClaims) {
            let plugin = &*bound.who.plugin;
            let answer = self
                .call(bound, context, None, (|| told::mint(mint), told::claimed), async |guest, call| {
                    let text = guest.present()?.customize(call, mint).await?;
                    claims(&text).map_err(|what| Error::Failed(what.to_owned()))
                })
                .await;
            match answer {
                Ok(claims) if !claims.is_empty() => {
                    judged.find(bound, Hook::TokenClaims, "claims", None);
                    if bound.monitor {
                        continue;
                    }
                    let ext = &mut judged.verdict;
                    ext.insert(plugin.to_owned(), Value::Object(claims));
                    // A token has an end: what is beyond it is left out whole.
                    if Value::Object(ext.clone()).to_string().len() > ALL_CLAIMS {
                        ext.remove(plugin);
                        judged.find(bound, Hook::TokenClaims, "no-room", None);
                        tracing::warn!(target: "plugin", plugin, "there is no room for the plugin's claims");
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    judged.find(bound, Hook::TokenClaims, NO_ANSWER, Some(error.kind()));
                    if bound.policy(Hook::TokenClaims) != FailurePolicy::Open && !bound.monitor && !mends {
                        return Err(plugin.to_owned());
                    }
                }
            }
        }
        Ok(judged)
    }
}

/// A JSON object, small and flat enough to stand in a token.
fn claims(text: &str) -> Result<Map<String, Value>, &'static str> {
    if text.len() > CLAIMS {
        return Err("the claims have more than 1024 bytes");
    }
    let value: Value = serde_json::from_str(text).map_err(|_| "the claims are not JSON")?;
    if depth(&value) > DEPTH {
        return Err("the claims are nested too deep");
    }
    match value {
        // Written by us it may be longer: what is escaped in one spelling need not be in another.
        Value::Object(claims) if Value::Object(claims.clone()).to_string().len() <= CLAIMS => Ok(claims),
        Value::Object(_) => Err("the claims have more than 1024 bytes"),
        _ => Err("the claims are not a JSON object"),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(values) => 1 + values.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f59_claims_are_a_small_object() {
        assert!(claims(r#"{"team":"red","n":[1,2]}"#).is_ok());
        for bad in ["", "[]", "null", "{", "\"x\"", &format!("{{\"a\":\"{}\"}}", "x".repeat(1100))] {
            assert!(claims(bad).is_err(), "{bad:.20}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(20), "]".repeat(20));
        assert!(claims(&deep).is_err());
    }
}
