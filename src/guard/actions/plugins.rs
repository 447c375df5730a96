//! What plugins and those who serve them do with rows.

use crate::guard::Resource;

actions! {
    /// Read what the plugin itself has kept.
    ReadPluginStorage {} on |_| Resource::Platform;
    /// Keep something for the plugin itself.
    WritePluginStorage {} on |_| Resource::Platform;
    /// Tell sinks what has happened.
    DeliverEvents {} on |_| Resource::Platform;
}
