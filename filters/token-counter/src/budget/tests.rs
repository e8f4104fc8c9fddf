#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use facts::Name;
use http_filter::{Expected, SECOND, Time, Worker as _};
use test_host::TestHost;

use super::{Limits, Refused, Reservation, reserve, settle};

const LIMITS: Limits = Limits {
    requests_per_minute: Some(3),
    tokens_per_minute: Some(100),
};

fn tenant() -> Name {
    Name::new("team-a").unwrap()
}

fn at(seconds: u64) -> Time {
    Time::from_nanoseconds(seconds * SECOND)
}

fn take(host: &mut TestHost, tokens: u64, seconds: u64) -> Result<Reservation, Refused> {
    reserve(host, &tenant(), LIMITS, tokens, at(seconds))
}

/// Start, requests and tokens of the tenant's window.
fn window(host: &TestHost) -> [u64; 3] {
    let value = &host.shared["token-counter.v1.team-a"].value;
    [0, 8, 16].map(|from| u64::from_le_bytes(value[from..from + 8].try_into().unwrap()))
}

#[test]
fn a_request_holds_its_tokens_until_it_is_settled() {
    let mut host = TestHost::new();
    let first = take(&mut host, 60, 130).unwrap();
    assert_eq!(window(&host), [120, 1, 60]);
    let second = take(&mut host, 40, 131).unwrap();
    settle(&mut host, first, 5, at(131));
    assert_eq!(window(&host), [120, 2, 45]);
    settle(&mut host, second, 0, at(132));
    assert_eq!(window(&host), [120, 2, 5]);
    assert_eq!(host.shared.len(), 1);
}

#[test]
fn a_refused_request_counts_for_nothing() {
    let mut host = TestHost::new();
    let _held = take(&mut host, 60, 130).unwrap();
    assert_eq!(
        take(&mut host, 41, 131),
        Err(Refused::TokensPerMinute {
            limit: 100,
            retry_after_seconds: 49,
        })
    );
    assert_eq!(window(&host), [120, 1, 60]);
    let _held = (
        take(&mut host, 1, 132).unwrap(),
        take(&mut host, 1, 132).unwrap(),
    );
    assert_eq!(
        take(&mut host, 1, 179),
        Err(Refused::RequestsPerMinute {
            limit: 3,
            retry_after_seconds: 1,
        })
    );
    assert_eq!(window(&host), [120, 3, 62]);
}

#[test]
fn a_request_that_no_window_has_room_for_is_told_so() {
    let too_large = Err(Refused::TooLarge {
        limit: 100,
        tokens: 101,
    });
    let mut host = TestHost::new();
    assert_eq!(take(&mut host, 101, 0), too_large);
    assert!(host.shared.is_empty());
    assert!(take(&mut host, 100, 0).is_ok());
}

#[test]
fn the_next_minute_begins_anew() {
    let mut host = TestHost::new();
    let old = take(&mut host, 100, 179).unwrap();
    assert!(take(&mut host, 1, 179).is_err());
    let new = take(&mut host, 90, 180).unwrap();
    assert_eq!(window(&host), [180, 1, 90]);
    settle(&mut host, old, 5, at(181));
    assert_eq!(window(&host), [180, 1, 90], "the old window is over");
    settle(&mut host, new, 7, at(182));
    assert_eq!(window(&host), [180, 1, 7]);
}

#[test]
fn what_an_answer_used_beyond_its_estimate_counts_in_the_minute_in_which_it_ends() {
    let mut host = TestHost::new();
    let held = take(&mut host, 10, 179).unwrap();
    let _new = take(&mut host, 20, 180).unwrap();
    settle(&mut host, held, 100, at(181));
    assert_eq!(window(&host), [180, 1, 110]);
    assert!(take(&mut host, 1, 182).is_err());
}

#[test]
fn it_counts_there_also_where_nobody_has_asked_since() {
    let mut host = TestHost::new();
    let held = take(&mut host, 10, 179).unwrap();
    settle(&mut host, held, 110, at(181));
    assert_eq!(window(&host), [180, 0, 100]);
    assert!(take(&mut host, 1, 182).is_err());
}

#[test]
fn nothing_is_given_back_to_a_minute_that_never_held_it() {
    let mut host = TestHost::new();
    let held = take(&mut host, 100, 179).unwrap();
    settle(&mut host, held, 5, at(181));
    assert_eq!(window(&host), [120, 1, 100]);
    let _new = take(&mut host, 20, 182).unwrap();
    assert_eq!(window(&host), [180, 1, 20]);
}

#[test]
fn a_worker_with_the_time_of_the_minute_before_counts_into_the_new_one() {
    let mut host = TestHost::new();
    let _held = take(&mut host, 50, 180).unwrap();
    let _held = take(&mut host, 50, 179).unwrap();
    assert_eq!(window(&host), [180, 2, 100]);
    assert_eq!(
        take(&mut host, 1, 179),
        Err(Refused::TokensPerMinute {
            limit: 100,
            retry_after_seconds: 61,
        })
    );
}

#[test]
fn a_window_of_a_clock_that_stepped_back_far_is_given_up() {
    let mut host = TestHost::new();
    let held = take(&mut host, 50, 7200).unwrap();
    let _held = take(&mut host, 10, 130).unwrap();
    assert_eq!(window(&host), [120, 1, 10]);
    settle(&mut host, held, 1, at(131));
    assert_eq!(window(&host), [120, 1, 10]);
}

#[test]
fn conflicts_are_tried_again_and_then_refused() {
    let mut host = TestHost::new();
    host.conflicts = 63;
    let held = take(&mut host, 10, 0).unwrap();
    assert_eq!(window(&host), [0, 1, 10]);
    host.conflicts = 63;
    settle(&mut host, held, 3, at(0));
    assert_eq!(window(&host), [0, 1, 3]);
    host.conflicts = 64;
    assert_eq!(take(&mut host, 10, 0), Err(Refused::Contention));
    assert_eq!(window(&host), [0, 1, 3]);
}

#[test]
fn a_settlement_that_never_gets_through_leaves_the_reservation() {
    let mut host = TestHost::new();
    let held = take(&mut host, 10, 0).unwrap();
    host.conflicts = 64;
    settle(&mut host, held, 3, at(0));
    assert_eq!(window(&host), [0, 1, 10]);
}

#[test]
fn without_limits_nothing_is_stored() {
    let mut host = TestHost::new();
    let held = reserve(&mut host, &tenant(), Limits::default(), u64::MAX, at(0)).unwrap();
    settle(&mut host, held, u64::MAX, at(0));
    assert!(host.shared.is_empty());
}

#[test]
fn a_limit_of_requests_alone_lets_any_number_of_tokens_pass() {
    let limits = Limits {
        requests_per_minute: Some(2),
        tokens_per_minute: None,
    };
    let mut host = TestHost::new();
    let mut take = || reserve(&mut host, &tenant(), limits, u64::MAX, at(0));
    let held = (take().unwrap(), take().unwrap());
    assert!(take().is_err());
    settle(&mut host, held.0, 1, at(0));
    settle(&mut host, held.1, 2, at(0));
    assert_eq!(window(&host), [0, 2, 3]);
}

#[test]
fn bytes_that_are_no_window_are_replaced() {
    for bytes in [&b""[..], b"x", &[0; 23], &[0xff; 25]] {
        let mut host = TestHost::new();
        host.set_shared("token-counter.v1.team-a", bytes, Expected::Anything)
            .unwrap();
        let _held = take(&mut host, 10, 130).unwrap();
        assert_eq!(window(&host), [120, 1, 10]);
    }
}

#[test]
fn tenants_have_windows_of_their_own() {
    let mut host = TestHost::new();
    let _held = take(&mut host, 100, 0).unwrap();
    let other = Name::new("team-b").unwrap();
    assert!(reserve(&mut host, &other, LIMITS, 100, at(0)).is_ok());
    assert_eq!(host.shared.len(), 2);
}

/// Workers that get in between each other's reading and writing.
#[cfg(not(target_arch = "wasm32"))]
mod interleaved {
    use http_filter::{
        Call, CallId, CallRefused, Conflict, Expected, Metric, SECOND, SignatureCheck, Time,
        Versioned, Worker,
    };
    use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};
    use test_host::TestHost;

    use super::super::{Limits, Reservation, reserve, settle};
    use super::{at, tenant, window};

    const LIMITS: Limits = Limits {
        requests_per_minute: Some(20),
        tokens_per_minute: Some(1000),
    };

    #[derive(Debug, Clone)]
    enum Step {
        Reserve { tokens: u64, seconds_later: u64 },
        Settle { which: usize, used: u64 },
    }

    /// A request that was admitted, and what it must count for.
    struct Admitted {
        window: u64,
        counts: u64,
    }

    /// All workers, each of which takes the next step when it is its turn.
    struct Workers {
        host: TestHost,
        steps: std::vec::IntoIter<Step>,
        /// Whether another worker gets in before the next write.
        between: std::vec::IntoIter<bool>,
        now: Time,
        admitted: Vec<Admitted>,
        open: Vec<(usize, Reservation)>,
        /// What was used beyond an estimate, and the later window in which it counts.
        late: Vec<(u64, u64)>,
        over_limit: bool,
    }

    impl Workers {
        /// One worker takes the next step; the clock moves little while another one waits.
        fn step(&mut self, most_seconds: u64) {
            match self.steps.next() {
                None => {}
                Some(Step::Reserve {
                    tokens,
                    seconds_later,
                }) => {
                    let now = self.now.plus(seconds_later.min(most_seconds) * SECOND);
                    self.now = now;
                    if let Ok(reservation) = reserve(self, &tenant(), LIMITS, tokens, now) {
                        let [start, requests, used] = window(&self.host);
                        self.over_limit |= requests > 20 || used > 1000;
                        self.open.push((self.admitted.len(), reservation));
                        self.admitted.push(Admitted {
                            window: start,
                            counts: tokens,
                        });
                    }
                }
                Some(Step::Settle { which, used }) => {
                    if let Some(which) = which.checked_rem(self.open.len()) {
                        let (number, reservation) = self.open.swap_remove(which);
                        let now = self.now;
                        settle(self, reservation, used, now);
                        let [stored, ..] = window(&self.host);
                        let current = stored.max(now.seconds() - now.seconds() % 60);
                        let admitted = &mut self.admitted[number];
                        if admitted.window == current {
                            admitted.counts = used;
                        } else {
                            let beyond = used.saturating_sub(admitted.counts);
                            self.late.push((current, beyond));
                        }
                    }
                }
            }
        }
    }

    impl Worker for Workers {
        fn shared(&self, key: &str) -> Option<Versioned> {
            self.host.shared(key)
        }

        fn set_shared(&mut self, key: &str, value: &[u8], to: Expected) -> Result<(), Conflict> {
            if self.between.next() == Some(true) {
                self.step(1);
            }
            self.host.set_shared(key, value, to)
        }

        fn call(&mut self, call: &Call<'_>) -> Result<CallId, CallRefused> {
            self.host.call(call)
        }

        fn record(&mut self, metric: Metric<'_>) {
            self.host.record(metric);
        }

        fn random(&mut self) -> u64 {
            self.host.random()
        }

        fn verify_signature(&mut self, check: &SignatureCheck<'_>) -> Option<bool> {
            self.host.verify_signature(check)
        }
    }

    fn step() -> impl Strategy<Value = Step> {
        prop::sample::select(vec![true, false])
            .prop_flat_map(|reserves| (prop::strategy::Just(reserves), 0_u64..300, 0_u64..25))
            .prop_flat_map(|(reserves, tokens, seconds_later)| {
                any::<usize>().prop_map(move |which| match reserves {
                    true => Step::Reserve {
                        tokens,
                        seconds_later,
                    },
                    false => Step::Settle {
                        which,
                        used: tokens * 2,
                    },
                })
            })
    }

    proptest! {
        #[test]
        fn no_interleaving_loses_or_doubles_a_token(
            steps in prop::collection::vec(step(), 1..50),
            between in prop::collection::vec(any::<bool>(), 0..120),
            start in 0_u64..200,
        ) {
            let mut workers = Workers {
                host: TestHost::new(),
                steps: steps.into_iter(),
                between: between.into_iter(),
                now: at(start),
                admitted: Vec::new(),
                open: Vec::new(),
                late: Vec::new(),
                over_limit: false,
            };
            while workers.steps.len() > 0 {
                workers.step(u64::MAX);
            }
            prop_assert_eq!(workers.over_limit, false);
            if !workers.admitted.is_empty() {
                let [start, requests, tokens] = window(&workers.host);
                let current = || workers.admitted.iter().filter(|one| one.window == start);
                prop_assert_eq!(requests, current().count() as u64);
                let late = workers.late.iter().filter(|(window, _)| *window == start);
                let counted = current().map(|one| one.counts).sum::<u64>();
                prop_assert_eq!(tokens, counted + late.map(|(_, tokens)| tokens).sum::<u64>());
            }
        }
    }
}
