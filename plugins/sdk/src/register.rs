//! The macro that makes a type a component.

/// Makes a type this component: `register!(LoginHook for Gate);`. The crate's name and version are the plugin's id and
/// version. The type implements [`Plugin`](crate::Plugin) and the trait named.
#[macro_export]
macro_rules! register {
    (RegistrationPolicy for $plugin:ty) => {
        $crate::__component!($plugin, REGISTRATION_POLICY, "registration.validate", [__export_palisade_plugin_registration_0_2_0_cabi in registration], {
            impl $crate::bindings::exports::palisade::plugin::registration::Guest for Exported {
                fn validate(context: $crate::RequestContext, candidate: $crate::hooks::registration::Candidate) -> Result<$crate::hooks::registration::Verdict, $crate::PluginError> {
                    <$plugin as $crate::RegistrationPolicy>::validate($crate::bindings::config::<$plugin>()?, context, candidate)
                }
            }
        });
    };
    (RegistrationHook for $plugin:ty) => {
        $crate::__component!($plugin, REGISTRATION_HOOK, "registration.validate", [__export_palisade_plugin_registration_0_2_0_cabi in registration], {
            impl $crate::bindings::exports::palisade::plugin::registration::Guest for Exported {
                fn validate(context: $crate::RequestContext, candidate: $crate::hooks::registration::Candidate) -> Result<$crate::hooks::registration::Verdict, $crate::PluginError> {
                    <$plugin as $crate::RegistrationHook>::validate($crate::bindings::config::<$plugin>()?, context, candidate)
                }
            }
        });
    };
    (LoginHook for $plugin:ty) => {
        $crate::__component!($plugin, LOGIN_HOOK, "login.authenticated", [__export_palisade_plugin_login_0_2_0_cabi in login], {
            impl $crate::bindings::exports::palisade::plugin::login::Guest for Exported {
                fn authenticated(context: $crate::RequestContext, attempt: $crate::hooks::login::Attempt) -> Result<$crate::hooks::login::Verdict, $crate::PluginError> {
                    <$plugin as $crate::LoginHook>::authenticated($crate::bindings::config::<$plugin>()?, context, attempt)
                }
            }
        });
    };
    (ClaimsHook for $plugin:ty) => {
        $crate::__component!($plugin, CLAIMS_HOOK, "token.claims", [__export_palisade_plugin_token_claims_0_2_0_cabi in token_claims], {
            impl $crate::bindings::exports::palisade::plugin::token_claims::Guest for Exported {
                fn customize(context: $crate::RequestContext, mint: $crate::hooks::claims::Mint) -> Result<String, $crate::PluginError> {
                    <$plugin as $crate::ClaimsHook>::customize($crate::bindings::config::<$plugin>()?, context, mint)
                }
            }
        });
    };
    (PasswordPolicy for $plugin:ty) => {
        $crate::__component!($plugin, PASSWORD_POLICY, "password.policy", [__export_palisade_plugin_password_0_2_0_cabi in password], {
            impl $crate::bindings::exports::palisade::plugin::password::Guest for Exported {
                fn check(candidate: $crate::hooks::password::Candidate) -> Result<$crate::hooks::password::Verdict, $crate::PluginError> {
                    <$plugin as $crate::PasswordPolicy>::check_password($crate::bindings::config::<$plugin>()?, candidate)
                }
            }
        });
    };
    (OauthConnector for $plugin:ty) => {
        $crate::__component!($plugin, OAUTH_CONNECTOR, "oauth.provider", [__export_palisade_plugin_oauth_provider_0_2_0_cabi in oauth_provider], {
            impl $crate::bindings::exports::palisade::plugin::oauth_provider::Guest for Exported {
                fn describe_endpoints() -> Result<$crate::hooks::oauth::Endpoints, $crate::PluginError> {
                    <$plugin as $crate::OauthConnector>::describe_endpoints($crate::bindings::config::<$plugin>()?)
                }
                fn map_profile(context: $crate::RequestContext, tokens: $crate::hooks::oauth::TokenSet, userinfo: Option<String>) -> Result<$crate::hooks::oauth::ExternalIdentity, $crate::PluginError> {
                    <$plugin as $crate::OauthConnector>::map_profile($crate::bindings::config::<$plugin>()?, context, tokens, userinfo)
                }
            }
        });
    };
    (OauthConnectorFull for $plugin:ty) => {
        $crate::__component!($plugin, OAUTH_CONNECTOR_FULL, "oauth.provider", [__export_palisade_plugin_oauth_provider_0_2_0_cabi in oauth_provider, __export_palisade_plugin_oauth_exchange_0_2_0_cabi in oauth_exchange], {
            impl $crate::bindings::exports::palisade::plugin::oauth_provider::Guest for Exported {
                fn describe_endpoints() -> Result<$crate::hooks::oauth::Endpoints, $crate::PluginError> {
                    <$plugin as $crate::OauthConnectorFull>::describe_endpoints($crate::bindings::config::<$plugin>()?)
                }
                fn map_profile(context: $crate::RequestContext, tokens: $crate::hooks::oauth::TokenSet, userinfo: Option<String>) -> Result<$crate::hooks::oauth::ExternalIdentity, $crate::PluginError> {
                    <$plugin as $crate::OauthConnectorFull>::map_profile($crate::bindings::config::<$plugin>()?, context, tokens, userinfo)
                }
            }
            impl $crate::bindings::exports::palisade::plugin::oauth_exchange::Guest for Exported {
                fn exchange_code(context: $crate::RequestContext, code: String, redirect_uri: String, code_verifier: String) -> Result<$crate::hooks::oauth::TokenSet, $crate::PluginError> {
                    <$plugin as $crate::OauthConnectorFull>::exchange_code($crate::bindings::config::<$plugin>()?, context, code, redirect_uri, code_verifier)
                }
                fn fetch_profile(context: $crate::RequestContext, tokens: $crate::hooks::oauth::TokenSet) -> Result<Option<String>, $crate::PluginError> {
                    <$plugin as $crate::OauthConnectorFull>::fetch_profile($crate::bindings::config::<$plugin>()?, context, tokens)
                }
            }
        });
    };
    (Migrator for $plugin:ty) => {
        $crate::__component!($plugin, MIGRATOR, "credential.verify-legacy", [__export_palisade_plugin_credential_migration_0_2_0_cabi in credential_migration], {
            impl $crate::bindings::exports::palisade::plugin::credential_migration::Guest for Exported {
                fn verify_legacy(context: $crate::RequestContext, identifier: String, password: String) -> Result<$crate::hooks::migration::Outcome, $crate::PluginError> {
                    <$plugin as $crate::Migrator>::verify_legacy($crate::bindings::config::<$plugin>()?, context, identifier, password)
                }
            }
        });
    };
    (MailTransport for $plugin:ty) => {
        $crate::__component!($plugin, MAIL_TRANSPORT, "mail.send", [__export_palisade_plugin_mailer_0_2_0_cabi in mailer], {
            impl $crate::bindings::exports::palisade::plugin::mailer::Guest for Exported {
                fn send(context: $crate::RequestContext, message: $crate::hooks::mail::Message) -> Result<Option<String>, $crate::PluginError> {
                    <$plugin as $crate::MailTransport>::send($crate::bindings::config::<$plugin>()?, context, message)
                }
            }
        });
    };
    (EventSink for $plugin:ty) => {
        $crate::__component!($plugin, EVENT_SINK, "event.deliver", [__export_palisade_plugin_events_0_2_0_cabi in events], {
            impl $crate::bindings::exports::palisade::plugin::events::Guest for Exported {
                fn deliver(context: $crate::RequestContext, batch: Vec<$crate::hooks::event::Event>) -> Result<u32, $crate::PluginError> {
                    <$plugin as $crate::EventSink>::deliver($crate::bindings::config::<$plugin>()?, context, batch)
                }
            }
        });
    };
    (InvitationHook for $plugin:ty) => {
        $crate::__component!($plugin, INVITATION_HOOK, "org.invite", [__export_palisade_plugin_invitations_0_2_0_cabi in invitations], {
            impl $crate::bindings::exports::palisade::plugin::invitations::Guest for Exported {
                fn review(context: $crate::RequestContext, invitation: $crate::hooks::invitation::Invitation) -> Result<$crate::hooks::invitation::Verdict, $crate::PluginError> {
                    <$plugin as $crate::InvitationHook>::review($crate::bindings::config::<$plugin>()?, context, invitation)
                }
            }
        });
    };
    (ApiKeyHook for $plugin:ty) => {
        $crate::__component!($plugin, API_KEY_HOOK, "apikey.issue", [__export_palisade_plugin_api_keys_0_2_0_cabi in api_keys], {
            impl $crate::bindings::exports::palisade::plugin::api_keys::Guest for Exported {
                fn review(context: $crate::RequestContext, request: $crate::hooks::api_key::Request) -> Result<$crate::hooks::api_key::Verdict, $crate::PluginError> {
                    <$plugin as $crate::ApiKeyHook>::review($crate::bindings::config::<$plugin>()?, context, request)
                }
            }
        });
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __component {
    ($plugin:ty, $world:ident, $hook:literal, [$($export:ident in $interface:ident),+], { $($exports:item)* }) => {
        const _: () = {
            use $crate::bindings::exports::palisade::plugin::lifecycle;
            struct Exported;
            impl lifecycle::Guest for Exported {
                fn describe() -> lifecycle::PluginInfo {
                    lifecycle::PluginInfo {
                        id: env!("CARGO_PKG_NAME").into(),
                        version: env!("CARGO_PKG_VERSION").into(),
                        hooks: [$hook.into()].into(),
                    }
                }
                fn validate_config(json: String) -> Result<(), Vec<String>> {
                    $crate::bindings::validate_config::<$plugin>(&json)
                }
            }
            $($exports)*
            // The names of a component's exports are no symbols for an ordinary linker, and tests run there.
            #[cfg(target_family = "wasm")]
            const _: () = {
                $crate::__export_palisade_plugin_lifecycle_0_2_0_cabi!(
                    Exported with_types_in $crate::bindings::exports::palisade::plugin::lifecycle
                );
                $($crate::$export!(
                    Exported with_types_in $crate::bindings::exports::palisade::plugin::$interface
                );)+
                // The name must begin with `component-type`.
                #[used]
                #[unsafe(link_section = "component-type:palisade:plugin@0.2.0")]
                static WORLD: [u8; $crate::bindings::worlds::$world.len()] = $crate::bindings::worlds::$world;
            };
            #[cfg(not(target_family = "wasm"))]
            const _: fn() -> lifecycle::PluginInfo = <Exported as lifecycle::Guest>::describe;
        };
    };
}
