//! Which content type announces an event stream.

/// Whether a `content-type` header's value names `text/event-stream`, whatever its parameters
/// and its case (RFC 9110, section 8.3.1).
///
/// ```
/// assert!(event_stream::is_event_stream(b"Text/Event-Stream; charset=utf-8"));
/// assert!(!event_stream::is_event_stream(b"application/json"));
/// ```
#[must_use]
pub fn is_event_stream(content_type: &[u8]) -> bool {
    let essence = content_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    essence
        .trim_ascii()
        .eq_ignore_ascii_case(b"text/event-stream")
}

#[cfg(test)]
mod tests {
    use super::is_event_stream;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_essence_decides_and_parameters_do_not() {
        for yes in [
            "text/event-stream",
            "text/event-stream;charset=utf-8",
            " TEXT/EVENT-STREAM ; charset=UTF-8",
        ] {
            assert!(is_event_stream(yes.as_bytes()), "{yes}");
        }
        for no in [
            "",
            "text/event-streams",
            "text/event",
            "application/json; x=text/event-stream",
            "text/event-stream, text/html",
        ] {
            assert!(!is_event_stream(no.as_bytes()), "{no}");
        }
    }
}
