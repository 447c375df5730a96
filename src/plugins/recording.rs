//! Inputs of calls, kept for trying another build on. Beside the last lines of each plugin, and like them: in memory, of
//! this process alone, so that there is no copy to clean up and none in a backup.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde_json::Value;

/// The most inputs that a recording holds.
pub const MOST_SAMPLES: usize = 100;
/// The largest one, in bytes of JSON.
const SAMPLE: usize = 16 << 10;
/// How long what was recorded is kept after the recording's end, in seconds.
const KEPT: u64 = 24 * 60 * 60;

/// One call: what the plugin was told and what it came to, without anybody's words (`masks.rs`).
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The host's time of the call, in seconds since 1970.
    pub at: u64,
    pub request_id: String,
    /// SHA-256 of the component that was asked.
    pub digest: String,
    pub hook: &'static str,
    /// As `palisade plugin run --input` takes it.
    pub input: Value,
    /// The verdict with its code, or `no_answer`.
    pub outcome: Value,
}

/// The calls of one plugin since somebody wished for them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// Seconds since 1970: the begin, and the end if it is not full before.
    pub since: u64,
    pub until: u64,
    pub most: usize,
    /// Calls that were not kept because too much was said in them.
    pub too_large: u64,
    /// The oldest first.
    pub samples: Vec<Sample>,
}

impl Recording {
    fn runs(&self, now: u64) -> bool {
        now < self.until && self.samples.len() < self.most
    }

    fn is_over(&self, now: u64) -> bool {
        self.until.saturating_add(KEPT) <= now
    }
}

#[derive(Debug, Default)]
pub(super) struct Recorder(Mutex<BTreeMap<String, Recording>>);

impl Recorder {
    /// Begins anew; what was recorded of this plugin before is forgotten.
    pub(super) fn begin(&self, plugin: &str, most: usize, since: u64, until: u64) -> Recording {
        let recording = Recording { since, until, most: most.min(MOST_SAMPLES), ..Recording::default() };
        self.0.lock().insert(plugin.to_owned(), recording.clone());
        recording
    }

    pub(super) fn runs(&self, plugin: &str, now: u64) -> bool {
        self.0.lock().get(plugin).is_some_and(|recording| recording.runs(now))
    }

    pub(super) fn keep(&self, plugin: &str, sample: Sample) {
        let fits = sample.input.to_string().len() + sample.outcome.to_string().len() <= SAMPLE;
        let mut all = self.0.lock();
        // Meanwhile it may have been forgotten, or be full.
        let Some(recording) = all.get_mut(plugin).filter(|recording| recording.runs(sample.at)) else {
            return;
        };
        if fits {
            recording.samples.push(sample);
        } else {
            recording.too_large = recording.too_large.saturating_add(1);
        }
    }

    pub(super) fn of(&self, plugin: &str, now: u64) -> Option<Recording> {
        self.0.lock().get(plugin).filter(|recording| !recording.is_over(now)).cloned()
    }

    /// Whether there was one.
    pub(super) fn forget(&self, plugin: &str) -> bool {
        self.0.lock().remove(plugin).is_some()
    }

    pub(super) fn forget_old(&self, now: u64) {
        self.0.lock().retain(|_, recording| !recording.is_over(now));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample(at: u64, input: &str) -> Sample {
        let (request_id, digest) = ("r".to_owned(), "d".to_owned());
        Sample { at, request_id, digest, hook: "h", input: json!(input), outcome: json!({}) }
    }

    #[test]
    fn a_recording_is_bounded_in_number_time_and_size() {
        let recorder = Recorder::default();
        recorder.keep("door", sample(1_000, "nobody wished for it"));
        assert!(recorder.of("door", 1_000).is_none());
        recorder.begin("door", 2, 1_000, 1_060);
        recorder.keep("door", sample(1_000, &"x".repeat(SAMPLE)));
        recorder.keep("door", sample(1_001, "one"));
        recorder.keep("door", sample(1_060, "too late"));
        assert!(recorder.runs("door", 1_059) && !recorder.runs("door", 1_060));
        recorder.keep("door", sample(1_002, "two"));
        assert!(!recorder.runs("door", 1_003), "it is full");
        recorder.keep("door", sample(1_003, "three"));
        let kept = recorder.of("door", 1_100).unwrap();
        let inputs: Vec<_> = kept.samples.iter().map(|sample| sample.input.clone()).collect();
        assert_eq!((inputs, kept.too_large), (vec![json!("one"), json!("two")], 1));
        assert_eq!(recorder.begin("gate", 1_000_000, 0, 1).most, MOST_SAMPLES);
    }

    #[test]
    fn what_was_recorded_is_forgotten_a_day_after_the_end_or_when_told_so() {
        let recorder = Recorder::default();
        recorder.begin("door", 2, 1_000, 1_060);
        recorder.forget_old(1_059 + KEPT);
        assert!(recorder.of("door", 1_059 + KEPT).is_some());
        assert!(recorder.of("door", 1_060 + KEPT).is_none(), "even where nobody has cleaned up");
        recorder.forget_old(1_060 + KEPT);
        assert!(!recorder.forget("door"));
        recorder.begin("door", 2, 1_000, 1_060);
        assert!(recorder.forget("door") && recorder.of("door", 1_001).is_none());
    }
}
