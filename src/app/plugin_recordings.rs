//! Recording what a plugin is told, so that its author can try the next build on it. Who had it done and who read it is in
//! the trail; whose words they were is in none of it.

use std::time::Duration;

use serde_json::json;

use super::{App, Error};
use crate::guard::actions::{ForgetPluginRecording, ReadPluginRecording, RecordPlugin};
use crate::guard::{Authorized, Released};
pub use crate::plugins::{MOST_SAMPLES, Recording, Sample};

impl App {
    /// Records the next calls of a plugin on this machine, `most` at most and not for longer than that. What was recorded
    /// of it before is forgotten.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no such plugin is asked.
    pub async fn record_plugin(
        &self,
        ok: Authorized<'_, RecordPlugin>,
        plugin: &str,
        most: usize,
        length: Duration,
    ) -> Result<Released<RecordPlugin, Recording>, Error> {
        let plugins = self.plugins();
        let loaded = plugins.loaded().find(|loaded| loaded.plugin == plugin).ok_or(Error::NotFound)?;
        let now = self.seconds();
        let until = now.saturating_add(length.as_secs());
        let details = json!({
            "plugin": plugin, "digest": loaded.sha256, "hook": loaded.hook.name(),
            "most": most.min(MOST_SAMPLES), "minutes": length.as_secs() / 60,
        });
        self.note_alone(&ok, details).await?;
        Ok(ok.release(plugins.record(plugin, most, (now, until))))
    }

    /// What was recorded.
    ///
    /// # Errors
    /// [`Error::NotFound`] if nothing was, or it is forgotten.
    pub async fn read_plugin_recording(
        &self,
        ok: Authorized<'_, ReadPluginRecording>,
        plugin: &str,
    ) -> Result<Released<ReadPluginRecording, Recording>, Error> {
        let recording = self.plugins().recording(plugin, self.seconds()).ok_or(Error::NotFound)?;
        self.note_alone(&ok, json!({ "plugin": plugin, "samples": recording.samples.len() })).await?;
        Ok(ok.release(recording))
    }

    /// Ends a recording, and forgets it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn forget_plugin_recording(
        &self,
        ok: Authorized<'_, ForgetPluginRecording>,
        plugin: &str,
    ) -> Result<Released<ForgetPluginRecording, ()>, Error> {
        let plugins = self.plugins();
        plugins.recording(plugin, self.seconds()).ok_or(Error::NotFound)?;
        self.note_alone(&ok, json!({ "plugin": plugin })).await?;
        plugins.forget_recording(plugin);
        Ok(ok.release(()))
    }

    /// The present as plugins have it.
    pub(super) fn seconds(&self) -> u64 {
        self.now().seconds().try_into().unwrap_or(0)
    }
}
