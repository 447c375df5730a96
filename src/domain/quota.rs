//! So many in so long.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// At most `count` at once, and over time one each `window / count` (GCRA, a leaky bucket).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    count: NonZeroU32,
    window: Duration,
}

impl Quota {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// `None` unless there is at least one in a window of a moment to a day.
    #[must_use]
    pub const fn new(count: u32, window: Duration) -> Option<Self> {
        match NonZeroU32::new(count) {
            Some(count)
                if window.as_nanos() > count.get() as u128
                    && window.as_nanos() <= Self::LONGEST.as_nanos() =>
            {
                Some(Self { count, window })
            }
            _ => None,
        }
    }

    /// Reads `20/5m`: a count, and a window in `s`, `m` or `h`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (count, window) = text.split_once('/')?;
        let unit = window.chars().last()?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            _ => return None,
        };
        let number: u64 = window.strip_suffix(unit)?.parse().ok()?;
        Self::new(count.parse().ok()?, Duration::from_secs(number.checked_mul(seconds)?))
    }

    #[must_use]
    pub const fn count(self) -> NonZeroU32 {
        self.count
    }

    /// After how long one more is allowed; at least a nanosecond.
    #[must_use]
    pub fn each(self) -> Duration {
        self.window / self.count.get()
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}s", self.count, self.window.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_a_count_and_a_window() {
        assert_eq!(Quota::parse("20/5m"), Quota::new(20, Duration::from_secs(300)));
        assert_eq!(Quota::parse("1/24h"), Quota::new(1, Duration::from_secs(86_400)));
        for wrong in [
            "",
            "20",
            "0/5m",
            "20/",
            "20/m",
            "20/5",
            "20/5d",
            "-1/5m",
            "20/25h",
            "20/0s",
            "1/99999999999999999h",
        ] {
            assert_eq!(Quota::parse(wrong), None, "{wrong}");
        }
    }
}
