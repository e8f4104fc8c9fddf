//! A kept answer, as it stands in shared data.

use http_filter::Time;

use crate::cache_key::CacheKey;

/// A kept answer.
///
/// Its form, all numbers little-endian: a version (1 byte), the whole key (32), when the answer
/// ended and when it expires (8 each, nanoseconds since the Unix epoch), the lengths of content
/// type and body (4 each), content type, body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) key: CacheKey,
    pub(crate) stored: Time,
    pub(crate) expires: Time,
    pub(crate) content_type: &'a [u8],
    pub(crate) body: &'a [u8],
}

const VERSION: u8 = 1;

impl<'a> Entry<'a> {
    /// `None` where a part is longer than its length can say.
    pub(crate) fn to_bytes(self) -> Option<Vec<u8>> {
        let Self {
            key,
            stored,
            expires,
            content_type,
            body,
        } = self;
        let content_type_length = u32::try_from(content_type.len()).ok()?;
        let body_length = u32::try_from(body.len()).ok()?;
        let parts: [&[u8]; 8] = [
            &[VERSION],
            key.as_bytes(),
            &stored.nanoseconds().to_le_bytes(),
            &expires.nanoseconds().to_le_bytes(),
            &content_type_length.to_le_bytes(),
            &body_length.to_le_bytes(),
            content_type,
            body,
        ];
        Some(parts.concat())
    }

    /// `None` where the bytes are no entry of this version: an emptied slot, or another's bytes.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (key, rest) = rest.split_first_chunk()?;
        let (stored, rest) = rest.split_first_chunk()?;
        let (expires, rest) = rest.split_first_chunk()?;
        let (content_type_length, rest) = rest.split_first_chunk()?;
        let (body_length, rest) = rest.split_first_chunk()?;
        let content_type_length = u32::from_le_bytes(*content_type_length);
        let (content_type, body) = rest.split_at_checked(content_type_length.try_into().ok()?)?;
        let whole = u32::try_from(body.len()) == Ok(u32::from_le_bytes(*body_length));
        (*version == VERSION && whole).then_some(Self {
            key: CacheKey::from_bytes(*key),
            stored: Time::from_nanoseconds(u64::from_le_bytes(*stored)),
            expires: Time::from_nanoseconds(u64::from_le_bytes(*expires)),
            content_type,
            body,
        })
    }

    /// Whether it may be served. An entry from the future was stored before the clock stepped
    /// back: nobody knows its age.
    pub(crate) fn is_fresh(&self, now: Time) -> bool {
        self.stored <= now && now < self.expires
    }

    /// Whole seconds since the answer ended.
    pub(crate) fn age_seconds(&self, now: Time) -> u64 {
        now.since(self.stored) / http_filter::SECOND
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use http_filter::Time;
    #[cfg(not(target_arch = "wasm32"))]
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::Entry;
    use crate::cache_key::CacheKey;

    fn entry<'a>(content_type: &'a [u8], body: &'a [u8]) -> Entry<'a> {
        Entry {
            key: CacheKey::from_bytes([7; 32]),
            stored: Time::from_nanoseconds(10),
            expires: Time::from_nanoseconds(20),
            content_type,
            body,
        }
    }

    #[test]
    fn every_part_of_an_entry_cut_short_is_no_entry() {
        let bytes = entry(b"application/json", b"{}").to_bytes().unwrap();
        for length in 0..bytes.len() {
            assert_eq!(Entry::read(&bytes[..length]), None, "{length}");
        }
        let longer = [&bytes[..], b" "].concat();
        assert_eq!(Entry::read(&longer), None);
        let mut other_version = bytes;
        other_version[0] = 2;
        assert_eq!(Entry::read(&other_version), None);
    }

    #[test]
    fn an_entry_is_fresh_from_its_storing_until_it_expires() {
        let entry = entry(b"", b"");
        for (now, fresh) in [(9, false), (10, true), (19, true), (20, false)] {
            assert_eq!(entry.is_fresh(Time::from_nanoseconds(now)), fresh, "{now}");
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest! {
        #[test]
        fn what_was_written_is_read_again(
            content_type in prop::collection::vec(any::<u8>(), 0..40),
            body in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            let entry = entry(&content_type, &body);
            let bytes = entry.to_bytes().unwrap();
            prop_assert_eq!(Entry::read(&bytes), Some(entry));
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = Entry::read(&bytes);
        }
    }
}
