//! What all workers agree on about one document: who fetches it, and which is the newest.

use http_filter::Time;
use sha2::{Digest as _, Sha256};

use super::seal::{SEAL_BYTES, SealingKey};

/// The SHA-256 of a document.
pub(super) type Digest = [u8; 32];

pub(super) fn digest(document: &[u8]) -> Digest {
    Sha256::digest(document).into()
}

/// What all workers agree on. Times are those of the wall clock, which they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The last fetch that was begun. Each has a ticket greater than all before it, so that of
    /// two answers the later question's counts, whichever comes last.
    pub(super) ticket: u64,
    /// When it was begun.
    pub(super) started: Time,
    pub(super) phase: Phase,
    /// How many fetches in a row have failed.
    pub(super) failures: u32,
    pub(super) newest: Option<Newest>,
}

/// Whether somebody fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Somebody does, and nobody else shall before this time.
    Fetching { until: Time },
    /// Nobody does, and nobody shall before this time.
    Resting { until: Time },
}

/// The newest document that was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Newest {
    pub(super) ticket: u64,
    /// When the fetch was begun that gave it, or found it still to be right.
    pub(super) fetched: Time,
    pub(super) digest: Digest,
}

const PHASE_FETCHING: u8 = 1;
const PHASE_RESTING: u8 = 2;
const FIELDS_BYTES: usize = 8 + 8 + 1 + 8 + 4 + 8 + 8 + 32;

impl Head {
    /// The bytes that stand in shared data under a name: the fields, little endian, and a seal.
    pub(super) fn to_bytes(self, name: &str, key: &SealingKey) -> Vec<u8> {
        let Self {
            ticket,
            started,
            phase,
            failures,
            newest,
        } = self;
        let (kind, until) = match phase {
            Phase::Fetching { until } => (PHASE_FETCHING, until),
            Phase::Resting { until } => (PHASE_RESTING, until),
        };
        // Tickets begin at 1, so 0 is that of no document.
        let newest = newest.unwrap_or(Newest {
            ticket: 0,
            fetched: Time::from_nanoseconds(0),
            digest: [0; 32],
        });
        let mut bytes = Vec::with_capacity(FIELDS_BYTES + SEAL_BYTES);
        bytes.extend_from_slice(&ticket.to_le_bytes());
        bytes.extend_from_slice(&started.nanoseconds().to_le_bytes());
        bytes.push(kind);
        bytes.extend_from_slice(&until.nanoseconds().to_le_bytes());
        bytes.extend_from_slice(&failures.to_le_bytes());
        bytes.extend_from_slice(&newest.ticket.to_le_bytes());
        bytes.extend_from_slice(&newest.fetched.nanoseconds().to_le_bytes());
        bytes.extend_from_slice(&newest.digest);
        let seal = key.seal(name, &bytes);
        bytes.extend_from_slice(&seal);
        bytes
    }

    /// `None` where the bytes aren't what one of our workers wrote under this name.
    pub(super) fn read(bytes: &[u8], name: &str, key: &SealingKey) -> Option<Self> {
        let (fields, seal) = bytes.split_last_chunk()?;
        if !key.is_right(name, fields, seal) {
            return None;
        }
        let (ticket, rest) = number(fields)?;
        let (started, rest) = number(rest)?;
        let ([kind], rest) = rest.split_first_chunk()?;
        let (until, rest) = number(rest)?;
        let (failures, rest) = rest.split_first_chunk()?;
        let (newest_ticket, rest) = number(rest)?;
        let (fetched, rest) = number(rest)?;
        let digest = rest.try_into().ok()?;
        let until = Time::from_nanoseconds(until);
        Some(Self {
            ticket,
            started: Time::from_nanoseconds(started),
            phase: match *kind {
                PHASE_FETCHING => Phase::Fetching { until },
                PHASE_RESTING => Phase::Resting { until },
                _ => return None,
            },
            failures: u32::from_le_bytes(*failures),
            newest: (newest_ticket > 0).then_some(Newest {
                ticket: newest_ticket,
                fetched: Time::from_nanoseconds(fetched),
                digest,
            }),
        })
    }

    /// The ticket of the newest document, 0 where there is none.
    pub(super) fn newest_ticket(&self) -> u64 {
        self.newest.map_or(0, |newest| newest.ticket)
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use http_filter::Time;

    use super::{Head, Newest, Phase, SealingKey, digest};

    fn key() -> SealingKey {
        SealingKey::new(&[1; 32]).unwrap()
    }

    fn head() -> Head {
        let at = Time::from_nanoseconds;
        Head {
            ticket: 9,
            started: at(10),
            phase: Phase::Fetching { until: at(11) },
            failures: 12,
            newest: Some(Newest {
                ticket: 8,
                fetched: at(7),
                digest: digest(b"document"),
            }),
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let resting = Head {
            phase: Phase::Resting {
                until: Time::from_nanoseconds(3),
            },
            newest: None,
            ..head()
        };
        for head in [head(), resting] {
            let bytes = head.to_bytes("name", &key());
            assert_eq!(Head::read(&bytes, "name", &key()), Some(head));
        }
    }

    #[test]
    fn any_other_bytes_and_any_other_name_are_no_head() {
        let bytes = head().to_bytes("name", &key());
        assert_eq!(Head::read(&bytes, "other", &key()), None);
        for length in 0..bytes.len() {
            assert_eq!(Head::read(&bytes[..length], "name", &key()), None);
        }
        let longer = [&bytes[..], b"x"].concat();
        assert_eq!(Head::read(&longer, "name", &key()), None);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Head::read(&flipped, "name", &key()), None, "bit {bit}");
        }
    }
}
