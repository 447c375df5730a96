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
        let plugins = hostile(&["panic"], |binding| binding.on_failure = Some(policy)).await;
        assert_eq!(ask(&plugins, &candidate("ada@example.com")).await, verdict);
    }
}

#[tokio::test]
async fn a_plugin_in_monitor_mode_is_heard_and_not_obeyed() {
    for deed in ["ugly-denial", "ugly-reason", "patch-protected", "panic"] {
        let plugins = hostile(&[deed], |binding| binding.monitor = true).await;
        let context = RequestContext::default();
        let judged = plugins.validate_registration(&context, &candidate("ada@example.com")).await;
        assert_eq!(judged.verdict, accepted(), "{deed}");
        assert!(!judged.findings.is_empty() && judged.findings.iter().all(|it| it.would_have), "{deed}");
    }
}

#[tokio::test]
async fn f57_five_traps_put_a_plugin_into_quarantine_and_time_lets_it_out() {
    let plugins = hostile(&["panic"], |_| ()).await;
    let at = |now| RequestContext { now, ..RequestContext::default() };
    let ada = candidate("ada@example.com");
    let code = async |now| {
        let judged = plugins.validate_registration(&at(now), &ada).await;
        judged.findings[0].code.clone().unwrap()
    };
    for now in 1_000..1_005 {
        assert_eq!(code(now).await, "trap");
    }
    assert_eq!(code(1_005).await, "quarantined");
    assert_eq!(code(1_303).await, "quarantined");
    assert_eq!(code(1_304).await, "trap");
    assert_eq!(code(1_305).await, "quarantined", "on probation one failure is enough");
    let counted: Vec<_> = plugins.counts().into_iter().map(|count| (count.outcome, count.calls)).collect();
    assert_eq!(counted, [("quarantined", 3), ("trap", 6)]);
}

#[tokio::test]
async fn f57_fuel_ends_a_loop_where_the_operator_bounds_it() {
    let limits = Limits { fuel: Some(20_000_000), calls: 2, ..Limits::default() };
    let bindings = deeds(&["loop-forever"], |_| ());
    let plugins =
        Plugins::load(&folder("plugins/fixtures"), &bindings, limits, Arc::new(NoHost)).await.unwrap();
    assert_eq!(call(&plugins).await.unwrap_err(), Error::OutOfFuel);
}
