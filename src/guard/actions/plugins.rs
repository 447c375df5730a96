//! What plugins and those who serve them do with rows.

use crate::guard::Resource;

actions! {
    /// Read what the plugin itself has kept.
    ReadPluginStorage {} on |_| Resource::Platform;
    /// Keep something for the plugin itself.
    WritePluginStorage {} on |_| Resource::Platform;
    /// See which plugins there are, what they ask for and have, and how they do.
    ListPlugins {} on |_| Resource::Platform;
    /// Take a plugin of the plugins' folder up, without any grant and not enabled.
    InstallPlugin {} on |_| Resource::Platform;
    /// Say what a plugin gets of what it asks for.
    GrantPlugin {} on |_| Resource::Platform;
    /// Have a plugin asked.
    EnablePlugin {} on |_| Resource::Platform;
    /// Have a plugin asked no more.
    DisablePlugin {} on |_| Resource::Platform;
    /// Read what a plugin said of late.
    ReadPluginLogs {} on |_| Resource::Platform;
    /// Have what a plugin is told recorded, without anybody's words.
    RecordPlugin {} on |_| Resource::Platform;
    /// Read what was recorded.
    ReadPluginRecording {} on |_| Resource::Platform;
    /// End a recording and forget it.
    ForgetPluginRecording {} on |_| Resource::Platform;
    /// Follow what administrators installed.
    LoadPlugins {} on |_| Resource::Platform;
    /// Tell sinks what has happened.
    DeliverEvents {} on |_| Resource::Platform;
}
