//! Where a JSON object ends, found while its bytes still come.
//!
//! A whole answer is translated when its object is complete, not when the message is: behind an
//! answer that ends with trailers nothing can be put out any more.

/// Follows an object's nesting, byte by byte, across pieces. It finds ends and checks nothing.
#[derive(Debug, Default)]
pub(crate) struct JsonEnd {
    depth: usize,
    text: Text,
    seen: bool,
}

/// Whether the scanner is inside of a string.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Text {
    #[default]
    Outside,
    Inside,
    AfterBackslash,
}

impl JsonEnd {
    /// Takes the next bytes; gives the number of them up to the object's end, once it is there.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Option<usize> {
        for (place, byte) in piece.iter().enumerate() {
            self.step(*byte);
            if self.seen && self.depth == 0 {
                return Some(place.saturating_add(1));
            }
        }
        None
    }

    fn step(&mut self, byte: u8) {
        match (self.text, byte) {
            (Text::AfterBackslash, _) => self.text = Text::Inside,
            (Text::Inside, b'\\') => self.text = Text::AfterBackslash,
            (Text::Inside, b'"') => self.text = Text::Outside,
            (Text::Inside, _) => {}
            (Text::Outside, b'"') => self.text = Text::Inside,
            (Text::Outside, b'{' | b'[') => {
                self.depth = self.depth.saturating_add(1);
                self.seen = true;
            }
            (Text::Outside, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            (Text::Outside, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::JsonEnd;

    #[test]
    fn the_end_is_the_same_at_every_cut() {
        let body = br#" {"a":"}\"{\\","b":[{"c":{}}],"d":"[" }  rest"#;
        let end = body.len() - "  rest".len();
        for cut in 0..=body.len() {
            let mut scanner = JsonEnd::default();
            let (first, second) = body.split_at(cut);
            let found = match scanner.push(first) {
                Some(place) => place,
                None => cut + scanner.push(second).unwrap(),
            };
            assert_eq!(found, end, "cut at {cut}");
        }
    }

    #[test]
    fn an_object_that_is_cut_has_no_end() {
        for body in ["", "text", r#"{"a":1"#, r#"{"a":"}"#] {
            assert_eq!(JsonEnd::default().push(body.as_bytes()), None, "{body}");
        }
    }
}
