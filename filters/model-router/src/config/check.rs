//! What a value of the configuration must look like.

use http_filter::ConfigError;

pub(super) fn check(right: bool, field: &str, reason: &str) -> Result<(), ConfigError> {
    if right {
        return Ok(());
    }
    Err(ConfigError::new(field, reason))
}

/// A host name, perhaps with a port.
pub(super) fn is_authority(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(plain)
}

pub(super) fn is_visible(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Empty, or path segments without anything that a server may read in two ways.
pub(super) fn is_path_prefix(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.is_empty()
        || (text.len() <= 255
            && text.starts_with('/')
            && text.bytes().all(plain)
            && text
                .split('/')
                .skip(1)
                .all(|part| !matches!(part, "" | "." | "..")))
}

/// A header's name in lower case that neither frames a message nor steers the proxy.
pub(super) fn is_free_header(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let steers = ["x-envoy-", "x-ai-", "x-forwarded-"];
    let frames = [
        "connection",
        "content-length",
        "host",
        "te",
        "transfer-encoding",
        "upgrade",
    ];
    (1..=64).contains(&name.len())
        && name.bytes().all(plain)
        && !frames.contains(&name)
        && !steers.iter().any(|prefix| name.starts_with(prefix))
}

pub(super) fn is_header_value(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    (1..=1024).contains(&value.len()) && value.bytes().all(plain)
}
