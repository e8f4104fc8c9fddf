//! A point in time as an operator writes it (RFC 3339).

/// Seconds since 1970-01-01 UTC of `2026-12-31T23:59:59Z`, a fraction of a second cut off.
///
/// `None` for everything that RFC 3339, section 5.6, doesn't have, for years before 1970, and for
/// leap seconds: no expiry needs one.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let (date_and_time, offset) = split_offset(text)?;
    let bytes = date_and_time.as_bytes();
    let digits = |at: usize, count: usize| number(bytes.get(at..at.checked_add(count)?)?);
    let sign = |at: usize, sign: &[u8]| bytes.get(at).filter(|byte| sign.contains(byte));
    let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
    let (hour, minute, second) = (digits(11, 2)?, digits(14, 2)?, digits(17, 2)?);
    for (at, signs) in [
        (4, &b"-"[..]),
        (7, b"-"),
        (10, b"Tt"),
        (13, b":"),
        (16, b":"),
    ] {
        sign(at, signs)?;
    }
    let is_fraction = match bytes.get(19..)? {
        [] => true,
        [b'.', fraction @ ..] => !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !is_fraction || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let of_day = hour * 3600 + minute * 60 + second;
    u64::try_from(days(year, month, day)? * 86_400 + of_day - offset).ok()
}

/// What stands before the offset from UTC, and the offset in seconds.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(utc) = text.strip_suffix(['Z', 'z']) {
        return Some((utc, 0));
    }
    let (rest, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let ([sign, hours @ .., b':', _, _], Some(minutes)) = (offset.as_bytes(), offset.get(4..))
    else {
        return None;
    };
    let (hours, minutes) = (number(hours)?, number(minutes.as_bytes())?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    match sign {
        b'+' => Some((rest, seconds)),
        b'-' => Some((rest, -seconds)),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1970 || !(1..=length).contains(&day) {
        return None;
    }
    // Years are counted from March on, so that a leap day is the last of its year.
    let year = if month > 2 { year } else { year - 1 };
    let month = (month + 9) % 12;
    let of_year = (153 * month + 2) / 5 + day - 1;
    let of_years = 365 * year + year / 4 - year / 100 + year / 400;
    const TO_1970: i64 = 719_468;
    Some(of_years + of_year - TO_1970)
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::seconds;

    #[test]
    fn a_point_in_time_is_read_with_its_offset() {
        for (text, wanted) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:30:15Z", 951_827_415),
            ("2026-12-31T23:59:59Z", 1_798_761_599),
            ("2026-12-31t23:59:59.999z", 1_798_761_599),
            ("2027-01-01T01:59:59+02:00", 1_798_761_599),
            ("2026-12-31T15:29:59-08:30", 1_798_761_599),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(seconds(text), Some(wanted), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "Z",
            "2026-12-31",
            "2026-12-31T23:59:59",
            "2026-12-31 23:59:59Z",
            "2026-12-31T23:59Z",
            "2026-12-31T23:59:59.Z",
            "2026-12-31T23:59:59.5xZ",
            "2026-12-31T24:00:00Z",
            "2026-12-31T23:59:60Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "+026-12-31T23:59:59Z",
            "2026-12-31T23:59:59+2:00",
            "2026-12-31T23:59:59+24:00",
            "2026-12-31T23:59:59+02:60",
            "2026-12-31T23:59:59*02:00",
            "1970-01-01T00:00:00+00:01",
            "2026-12-31T23:59:59Zü",
            "ü026-12-31T23:59:59Z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
