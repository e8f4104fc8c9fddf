//! The cases of the e-mail recognizer's own tests in microsoft/presidio (MIT).

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::detect::Detectors;
use crate::rule::Rule;

#[test]
fn the_verdicts_on_addresses_are_those_of_presidio() {
    for (text, expected) in [
        (
            "my email address is info@presidio.site",
            &["info@presidio.site"][..],
        ),
        ("user@xn--80ak6aa92e.com", &["user@xn--80ak6aa92e.com"]),
        (
            "my email is user@xn--80ak6aa92e.com today",
            &["user@xn--80ak6aa92e.com"],
        ),
        ("this is not an email: hello-world here", &[]),
    ] {
        let found = Detectors::new(&[Rule::Email]).find(text);
        let found = found.into_iter().filter_map(|found| text.get(found.range));
        let found: Vec<_> = found.collect();
        assert_eq!(found, expected);
    }
}
