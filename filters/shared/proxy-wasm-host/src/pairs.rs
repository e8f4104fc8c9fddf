//! The ABI's serialised form of headers: a count, the sizes of all names and values, then names
//! and values, each followed by a zero byte. Numbers are 32 bits, little endian.

use std::ops::Range;

/// Writes headers in the ABI's form.
pub(crate) fn write<'a>(pairs: &[(&'a str, &'a [u8])]) -> Vec<u8> {
    let mut out = Vec::with_capacity(pairs.iter().fold(4, |size, (name, value)| {
        size + name.len() + value.len() + 10
    }));
    out.extend_from_slice(&number(pairs.len()));
    for (name, value) in pairs {
        out.extend_from_slice(&number(name.len()));
        out.extend_from_slice(&number(value.len()));
    }
    for (name, value) in pairs {
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        out.extend_from_slice(value);
        out.push(0);
    }
    out
}

/// A size in the ABI's form. Wasm's memory has 32-bit sizes, so the bound is never met.
fn number(size: usize) -> [u8; 4] {
    u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes()
}

/// Where in the ABI's form each name stands, and each value. It stops at the first pair that isn't
/// whole.
pub(crate) fn places(serialised: &[u8]) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let count = size_at(serialised, 0).unwrap_or(0);
    let mut sizes = 4;
    let mut texts = count.saturating_mul(8).saturating_add(4);
    let mut left = count;
    std::iter::from_fn(move || {
        left = left.checked_sub(1)?;
        let name = take(serialised.len(), &mut texts, size_at(serialised, sizes)?)?;
        let value = take(
            serialised.len(),
            &mut texts,
            size_at(serialised, sizes + 4)?,
        )?;
        sizes += 8;
        Some((name, value))
    })
}

fn size_at(serialised: &[u8], at: usize) -> Option<usize> {
    let bytes = serialised.get(at..at.checked_add(4)?)?;
    let number = u32::from_le_bytes(bytes.try_into().ok()?);
    usize::try_from(number).ok()
}

/// The place of `size` bytes at `at`, which then stands behind their zero byte.
fn take(whole: usize, at: &mut usize, size: usize) -> Option<Range<usize>> {
    let end = at.checked_add(size).filter(|end| *end <= whole)?;
    let place = *at..end;
    *at = end.checked_add(1)?;
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::{places, write};

    fn read(serialised: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
        places(serialised).map(|(name, value)| (&serialised[name], &serialised[value]))
    }

    #[test]
    fn what_was_written_is_read_again() {
        let pairs: [(&str, &[u8]); 3] = [(":path", b"/"), ("a", b""), ("b", b"\xff\0x")];
        let back: Vec<_> = read(&write(&pairs))
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect();
        let wanted: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()))
            .collect();
        assert_eq!(back, wanted);
    }

    #[test]
    fn a_form_that_is_cut_or_lies_about_its_sizes_ends_early() {
        let whole = write(&[("name", b"value"), ("other", b"text")]);
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).count() <= 2);
        }
        for at in 0..whole.len() {
            let mut lying = whole.clone();
            lying[at] = 0xff;
            assert!(read(&lying).count() <= 2);
        }
    }
}
