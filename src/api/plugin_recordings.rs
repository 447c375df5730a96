//! `/api/v1/admin/plugins/{plugin}/recording`.

use std::time::Duration;

use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde_json::Value as Json;
use time::OffsetDateTime;

use super::Chapter;
use super::body::Body;
use super::caller::Caller;
use super::reply::{ApiResult, Created, Message};
use crate::app::{Recording, Sample};
use crate::domain::Micros;
use crate::guard::actions::{ForgetPluginRecording, ReadPluginRecording, RecordPlugin};

pub(super) struct PluginRecordingsApi;

const MOST: u32 = 20;
const MINUTES: u32 = 60;

/// How much is recorded.
#[derive(Object)]
struct RecordPluginRequest {
    /// So many calls; 20 if left out.
    #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
    most: Option<u32>,
    /// For so long; 60 if left out.
    #[oai(validator(minimum(value = "1"), maximum(value = "1440")))]
    minutes: Option<u32>,
}

impl RecordPluginRequest {
    fn most(&self) -> usize {
        usize::try_from(self.most.unwrap_or(MOST)).unwrap_or(1)
    }

    fn length(&self) -> Duration {
        Duration::from_secs(u64::from(self.minutes.unwrap_or(MINUTES)) * 60)
    }
}

/// One call of a plugin, without anybody's words.
#[derive(Object)]
#[oai(rename = "PluginSample")]
struct SampleView {
    at: OffsetDateTime,
    request_id: String,
    /// SHA-256 of the component that was asked.
    digest: String,
    hook: String,
    /// What it was told.
    input: Json,
    /// What came of it: the verdict with its code, or `no_answer` and why.
    outcome: Json,
}

/// What was recorded of a plugin's calls.
#[derive(Object)]
#[oai(rename = "PluginRecording")]
struct RecordingView {
    since: OffsetDateTime,
    /// It ends then, or when it is full.
    until: OffsetDateTime,
    most: u64,
    /// Calls that were not kept because too much was said in them.
    too_large: u64,
    /// The oldest first.
    samples: Vec<SampleView>,
}

fn instant(seconds: u64) -> OffsetDateTime {
    Micros::new(i64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000)).to_datetime()
}

impl From<Sample> for SampleView {
    fn from(it: Sample) -> Self {
        Self {
            at: instant(it.at),
            request_id: it.request_id,
            digest: it.digest,
            hook: it.hook.to_owned(),
            input: it.input,
            outcome: it.outcome,
        }
    }
}

impl From<Recording> for RecordingView {
    fn from(it: Recording) -> Self {
        Self {
            since: instant(it.since),
            until: instant(it.until),
            most: u64::try_from(it.most).unwrap_or(u64::MAX),
            too_large: it.too_large,
            samples: it.samples.into_iter().map(SampleView::from).collect(),
        }
    }
}

#[OpenApi(prefix_path = "/api/v1/admin/plugins", tag = "Chapter::Platform")]
impl PluginRecordingsApi {
    /// Record what a plugin is told
    ///
    /// On this machine, from now on, until there are enough or the time is over; what was recorded of it before is
    /// forgotten. Nobody's words are kept, no password and no token: `docs/plugins.md` says what is.
    #[oai(path = "/:plugin/recording", method = "post", operation_id = "record_plugin")]
    async fn record(
        &self,
        caller: Caller,
        plugin: Path<String>,
        body: Body<RecordPluginRequest>,
    ) -> Created<RecordPlugin, RecordingView> {
        let ok = caller.authorize(RecordPlugin {}).await?;
        let recording = caller.app().record_plugin(ok, &plugin.0, body.0.most(), body.0.length()).await?;
        Ok(recording.map(RecordingView::from).into())
    }

    /// Read what was recorded of a plugin
    ///
    /// On this machine, for a day after the recording's end; `palisade plugin run --input` takes it. Each reading is an
    /// event.
    #[oai(path = "/:plugin/recording", method = "get", operation_id = "read_plugin_recording")]
    async fn recording(
        &self,
        caller: Caller,
        plugin: Path<String>,
    ) -> ApiResult<ReadPluginRecording, RecordingView> {
        let ok = caller.authorize(ReadPluginRecording {}).await?;
        let recording = caller.app().read_plugin_recording(ok, &plugin.0).await?;
        Ok(recording.map(RecordingView::from).into())
    }

    /// End the recording of a plugin and forget it
    #[oai(path = "/:plugin/recording", method = "delete", operation_id = "forget_plugin_recording")]
    async fn forget_recording(
        &self,
        caller: Caller,
        plugin: Path<String>,
    ) -> ApiResult<ForgetPluginRecording, Message> {
        let ok = caller.authorize(ForgetPluginRecording {}).await?;
        let done = caller.app().forget_plugin_recording(ok, &plugin.0).await?;
        Ok(done.map(|()| Message::new("the recording is forgotten")).into())
    }
}
