//! The message of Envoy's foreign function `verify_signature`, a protobuf
//! (`envoy.source.extensions.common.wasm.VerifySignatureArguments` and `…Result`).

use http_filter::{SignatureCheck, SignatureHash};

/// Members 1 to 4: hash function, public key, signature, text.
pub(crate) fn question(check: &SignatureCheck<'_>) -> Vec<u8> {
    let hash = match check.hash {
        SignatureHash::Sha256 => "sha256",
        SignatureHash::Sha384 => "sha384",
        SignatureHash::Sha512 => "sha512",
    };
    let fields = [hash.as_bytes(), check.key, check.signature, check.text];
    let size: usize = fields.iter().map(|field| field.len() + 11).sum();
    let mut message = Vec::with_capacity(size);
    for (number, field) in (1_u8..).zip(fields) {
        const LENGTH_DELIMITED: u8 = 2;
        message.push(number << 3 | LENGTH_DELIMITED);
        push_varint(&mut message, field.len());
        message.extend_from_slice(field);
    }
    message
}

/// Member 1 is `result`; where it isn't true, member 2 says what went wrong. Only Envoy's word
/// for a wrong signature is a no. Everything else, such as a key that it can't read, is nobody's
/// answer, and so would be another word in another version: slower, never wrong.
pub(crate) fn answer(message: &[u8]) -> Option<bool> {
    const RIGHT: &[u8] = &[1 << 3, 1];
    const WHAT_WENT_WRONG: u8 = 2 << 3 | 2;
    match message {
        RIGHT => Some(true),
        [WHAT_WENT_WRONG, _, text @ ..] if text.starts_with(b"Failed to verify digest") => {
            Some(false)
        }
        _ => None,
    }
}

fn push_varint(message: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        message.push(number.to_le_bytes().first().map_or(0, |low| low | 0x80));
        number >>= 7;
    }
    message.push(number.to_le_bytes().first().copied().unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use http_filter::{SignatureCheck, SignatureHash};

    use super::{answer, question};

    #[test]
    fn a_question_is_the_protobuf_of_its_four_members() {
        let text = [7; 300];
        let message = question(&SignatureCheck {
            hash: SignatureHash::Sha384,
            key: b"key",
            signature: b"",
            text: &text,
        });
        let mut wanted = b"\x0a\x06sha384\x12\x03key\x1a\x00\x22\xac\x02".to_vec();
        wanted.extend_from_slice(&text);
        assert_eq!(message, wanted);
    }

    #[test]
    fn an_answer_is_right_wrong_or_nobody_can_say() {
        assert_eq!(answer(b"\x08\x01"), Some(true));
        let wrong = b"\x12\x26Failed to verify digest. Error code: 0";
        assert_eq!(answer(wrong), Some(false));
        for other in [
            &b""[..],
            b"\x08\x02",
            b"\x12\x23Failed to initialize digest verify.",
        ] {
            assert_eq!(answer(other), None);
        }
    }
}
