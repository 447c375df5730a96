//! Several plugins at one hook, and plugins without an answer.

use super::*;

#[tokio::test]
async fn without_plugins_everybody_is_accepted() {
    assert_eq!(ask(&Plugins::none(), &candidate("ada@example.com")).await, accepted());
}

#[tokio::test]
async fn the_strictest_verdict_holds_whatever_the_order() {
    for (deeds, strictest) in [
        (["behave", "ugly-reason", "ugly-denial"], "reject"),
        (["ugly-denial", "ugly-reason", "behave"], "reject"),
        (["panic", "ugly-denial", "behave"], "reject"),
        (["ugly-reason", "panic", "behave"], "unavailable"),
        (["behave", "ugly-reason", "patch-protected"], "waitlist"),
    ] {
        let plugins = hostile(&deeds, |_| ()).await;
        let verdict = match ask(&plugins, &candidate("ada@example.com")).await {
            Verdict::Reject { .. } => "reject",
            Verdict::Unavailable { .. } => "unavailable",
            Verdict::Waitlist { .. } => "waitlist",
            Verdict::Accept { .. } => "accept",
        };
        assert_eq!(verdict, strictest, "{deeds:?}");
    }
}

#[tokio::test]
async fn the_failure_policy_decides_when_there_is_no_answer() {
    for (policy, verdict) in [
        (FailurePolicy::Closed, Verdict::Unavailable { plugin: "hostile".into() }),
        (
            FailurePolicy::Waitlist,
            Verdict::Waitlist { plugin: "hostile".into(), reason: "the plugin had no answer".into() },
        ),
        (FailurePolicy::Open, accepted()),
    ] {
        let plugins = hostile(&["panic"], |binding| binding.on_failure = policy).await;
        assert_eq!(ask(&plugins, &candidate("ada@example.com")).await, verdict);
    }
}
