//! Events that a filter writes itself.

/// Appends an event without a name: `data: …` and a blank line.
///
/// Line ends in `data` (LF, CRLF or CR) become several `data` lines, which a reader joins by
/// LF again; so no data can end its event early.
pub fn write_data(out: &mut Vec<u8>, data: &[u8]) {
    let mut rest = data;
    loop {
        let (line, after) = split_line(rest);
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
        match after {
            Some(after) => rest = after,
            None => break,
        }
    }
    out.push(b'\n');
}

/// Appends a named event: `event: name`, `data: …` and a blank line. CR and LF in `name` are
/// left out: a name is one line.
pub fn write_event(out: &mut Vec<u8>, name: &[u8], data: &[u8]) {
    out.extend_from_slice(b"event: ");
    out.extend(name.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')));
    out.push(b'\n');
    write_data(out, data);
}

/// The first line, and what follows its end. `None`: there was no line end.
fn split_line(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some(end) = memchr::memchr2(b'\n', b'\r', text) else {
        return (text, None);
    };
    let (line, ended) = text.split_at_checked(end).unwrap_or((text, &[]));
    let after = ended
        .strip_prefix(b"\r\n")
        .or_else(|| ended.get(1..))
        .unwrap_or_default();
    (line, Some(after))
}

#[cfg(test)]
mod tests {
    use super::{write_data, write_event};
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn data(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_data(&mut out, data);
        out
    }

    #[test]
    fn data_is_one_line_and_a_blank_one() {
        assert_eq!(data(b"[DONE]"), b"data: [DONE]\n\n");
        assert_eq!(data(b""), b"data: \n\n");
    }

    #[test]
    fn line_ends_in_data_cannot_end_the_event() {
        assert_eq!(
            data(b"a\n\nb\r\nc\rd"),
            b"data: a\ndata: \ndata: b\ndata: c\ndata: d\n\n"
        );
        assert_eq!(data(b"a\n"), b"data: a\ndata: \n\n");
    }

    #[test]
    fn line_ends_in_a_name_are_left_out() {
        let mut out = Vec::new();
        write_event(&mut out, b"err\r\n\nor", b"{}");
        assert_eq!(out, b"event: error\ndata: {}\n\n");
    }
}
