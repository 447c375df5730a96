//! `palisade policy`.

use super::Outcome;
use crate::config::Config;
use crate::pdp;

#[expect(clippy::print_stdout, reason = "the report is the output")]
pub(super) fn test(config: &Config, filter: Option<&str>) -> Outcome {
    let report = pdp::run_tests(&config.policies_dir, &config.policies_dir.join("tests"), filter)?;
    println!("{report}");
    if report.cases == 0 {
        return Err("no policy test matches".into());
    }
    if report.failures.is_empty() { Ok(()) } else { Err("policy tests failed".into()) }
}
