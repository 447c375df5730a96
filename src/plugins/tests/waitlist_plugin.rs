//! The plugin that comes with the server, through the host.

use super::*;

#[tokio::test]
async fn known_domains_and_codes_come_in_and_others_wait() {
    let plugins = waitlist(json!({
        "allowed_domains": ["example.com"],
        "invitation_codes": ["open-sesame"],
    }))
    .await;
    assert_eq!(ask(&plugins, &candidate("ada@example.com")).await, accepted());
    let stranger = candidate("eve@sub.example.com");
    assert_eq!(
        ask(&plugins, &stranger).await,
        Verdict::Waitlist {
            plugin: "waitlist".into(),
            reason: "no invitation code, and not an address of a known domain".into()
        }
    );
    let with = |code: Value| Candidate { payload: Some(code), ..stranger.clone() };
    assert_eq!(ask(&plugins, &with(json!({"invitation_code": "open-sesame", "x": 1}))).await, accepted());
    for payload in [
        json!({"invitation_code": "open-sesam"}),
        json!({"invitation_code": ""}),
        json!({"invitation_code": null}),
        json!({"invitation_code": ["open-sesame"]}),
        json!({}),
        json!([]),
    ] {
        let verdict = ask(&plugins, &with(payload.clone())).await;
        assert!(matches!(verdict, Verdict::Waitlist { .. }), "{payload}");
    }
}

#[tokio::test]
async fn without_configuration_everybody_waits() {
    let plugins = waitlist(Value::Null).await;
    assert!(matches!(ask(&plugins, &candidate("ada@example.com")).await, Verdict::Waitlist { .. }));
}

#[tokio::test]
async fn open_lets_everybody_in_and_closed_nobody() {
    let plugins = waitlist(json!({"mode": "open"})).await;
    assert_eq!(ask(&plugins, &candidate("eve@example.org")).await, accepted());
    let plugins = waitlist(json!({"mode": "closed", "allowed_domains": ["example.com"]})).await;
    assert_eq!(
        ask(&plugins, &candidate("ada@example.com")).await,
        Verdict::Reject {
            plugin: "waitlist".into(),
            code: "registration-closed".into(),
            message: "Registration is closed.".into(),
            field: None,
        }
    );
}

#[tokio::test]
async fn a_bad_configuration_is_refused_in_the_plugins_own_words() {
    let runtime = Arc::new(Runtime::new(limits(), Arc::default()).unwrap());
    let mut package = Package::read(&folder("plugins"), "waitlist", &runtime.limits, &NoHost).unwrap();
    // Its schema would refuse them first.
    package.schema = None;
    let ready = Ready::of(package, &runtime, &(Arc::new(NoHost) as Arc<dyn Host>)).await.unwrap();
    for (config, reason) in [
        (json!({"allowed_domains": ["@a.com"]}), "`@a.com` is not a domain such as `example.com`"),
        (json!({"invitation_codes": ["1234567"]}), "a code has at least 8 characters"),
        (json!({"mode": "shut"}), "unknown variant `shut`"),
        (json!({"alowed_domains": []}), "unknown field `alowed_domains`"),
        (json!("open"), "not a JSON object"),
    ] {
        let error = ready.bind(&binding("waitlist", config), &runtime).await.unwrap_err();
        let LoadError::Refused { plugin, reasons } = error else { panic!("{error}") };
        assert_eq!(plugin, "waitlist");
        assert!(reasons[0].contains(reason), "{reasons:?}");
    }
}

#[tokio::test]
async fn the_first_build_ever_still_loads_and_answers() {
    let config = json!({"allowed_domains": ["example.com"]});
    let dir = folder("plugins/fixtures/since_v0_1");
    let plugins =
        Plugins::load(&dir, &[binding("waitlist", config)], limits(), Arc::new(NoHost)).await.unwrap();
    assert_eq!(plugins.loaded().next().unwrap().version, "0.1.0");
    assert_eq!(ask(&plugins, &candidate("ada@example.com")).await, accepted());
}
