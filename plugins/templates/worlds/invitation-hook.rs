use palisade_plugin_sdk::hooks::invitation::{Invitation, Verdict};
use palisade_plugin_sdk::{InvitationHook, Plugin, PluginError, RequestContext, log, register};
---
    fn review(_: Config, _: RequestContext, invitation: Invitation) -> Result<Verdict, PluginError> {
        log::info(&["somebody is invited as ", &invitation.role].concat());
        Ok(Verdict::Keep)
    }
