//! In front of other services.

use crate::guard::Resource;
use crate::pdp::Value;

actions! {
    /// Have a request to another service looked at. What the rule asks is asked besides.
    ForwardAuth { host: String, method: String, rule: String } on |_| Resource::Platform,
        with |a| vec![
            ("host".into(), Value::Text(a.host.clone())),
            ("method".into(), Value::Text(a.method.clone())),
            ("rule".into(), Value::Text(a.rule.clone())),
        ];
}
