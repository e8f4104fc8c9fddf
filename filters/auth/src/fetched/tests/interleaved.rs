//! Workers that get in between each other's steps, vanish, and have a clock that steps back; and
//! somebody else who writes to shared data.

use std::collections::BTreeMap;

use http_filter::{
    Call, CallId, CallRefused, Conflict, Expected, Metric, SECOND, SignatureCheck, Time, Versioned,
    Worker, WorkerHost,
};
use proptest::prelude::{Just, Strategy, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use test_host::TestHost;

use super::{Change, Current, Document, Fetched, Wanted, answer, sharing};

const WORKERS: usize = 3;

/// By the schedule of these tests: how long a fetch keeps others from beginning one.
const LEASE: u64 = 4 * SECOND;
const REFETCH: u64 = 10 * SECOND;
const SHORTEST_PAUSE: u64 = SECOND / 2;

#[derive(Debug, Clone)]
enum Step {
    Tick(usize),
    Ask(usize),
    /// The n-th of the calls that are open is answered.
    Answer(usize, Answered),
    /// The endpoint serves another document from now on.
    Rotate,
    Pass {
        milliseconds: u64,
    },
    TurnBack {
        seconds: u64,
    },
    /// The worker loses its memory, and the answer to its call.
    Restart(usize),
    Tamper(Tampering),
}

#[derive(Debug, Clone, Copy)]
enum Answered {
    Well,
    WithGarbage,
    WithFailure,
}

/// What another plugin does to one of the two values.
#[derive(Debug, Clone, Copy)]
enum Tampering {
    Flip {
        value: usize,
        bit: usize,
    },
    Truncate {
        value: usize,
        length: usize,
    },
    Swap,
    /// Something that stood there before.
    Replay {
        value: usize,
        which: usize,
    },
}

/// A call that isn't answered yet.
struct Open {
    id: CallId,
    /// `None`: it has vanished.
    worker: Option<usize>,
    /// What the endpoint had to say then.
    version: u64,
    began: u64,
}

/// What is known of one worker from outside.
#[derive(Default, Clone)]
struct Seen {
    version: u64,
    waits_until: Option<u64>,
    last_call: Option<u64>,
}

/// All workers on one proxy, each of which takes the next step when it is its turn.
struct Proxy {
    host: TestHost,
    workers: Vec<Option<Fetched<Document>>>,
    seen: Vec<Seen>,
    steps: std::vec::IntoIter<Step>,
    /// Whether another worker gets in before the next write.
    between: std::vec::IntoIter<bool>,
    /// Who is at work, and whose calls are made.
    at_work: Vec<usize>,
    wall: u64,
    /// Nanoseconds that have truly passed.
    passed: u64,
    last_step_back: Option<u64>,
    version: u64,
    open: Vec<Open>,
    last_call: Option<u64>,
    last_success: Option<u64>,
    history: Vec<BTreeMap<String, Versioned>>,
    tampered: bool,
    wrong: Vec<String>,
}

impl Proxy {
    fn new(steps: Vec<Step>, between: Vec<bool>) -> Self {
        Self {
            host: TestHost::new(),
            workers: (0..WORKERS).map(|_| Some(sharing())).collect(),
            seen: vec![Seen::default(); WORKERS],
            steps: steps.into_iter(),
            between: between.into_iter(),
            at_work: Vec::new(),
            wall: 1_000_000 * SECOND,
            passed: 0,
            last_step_back: None,
            version: 1,
            open: Vec::new(),
            last_call: None,
            last_success: None,
            history: Vec::new(),
            tampered: false,
            wrong: Vec::new(),
        }
    }

    fn now(&self) -> Time {
        Time::from_nanoseconds(self.wall)
    }

    fn run(&mut self) {
        while let Some(step) = self.steps.next() {
            self.step(step);
        }
    }

    fn step(&mut self, step: Step) {
        // No two fetches begin in the same nanosecond.
        self.pass(1);
        match step {
            Step::Tick(worker) => self.tick(worker),
            Step::Ask(worker) => self.ask(worker),
            Step::Answer(which, answered) => self.answer(which, answered),
            Step::Rotate => self.version += 1,
            Step::Pass { milliseconds } => self.pass(milliseconds * 1_000_000),
            Step::TurnBack { seconds } => {
                self.wall -= seconds * SECOND;
                self.last_step_back = Some(self.passed);
            }
            Step::Restart(worker) if self.workers[worker].is_some() => {
                self.workers[worker] = Some(sharing());
                self.seen[worker] = Seen::default();
                for call in &mut self.open {
                    call.worker = call.worker.filter(|other| *other != worker);
                }
            }
            Step::Restart(_) => {}
            Step::Tamper(tampering) => self.tamper(tampering),
        }
        self.history.push(self.host.shared.clone());
    }

    fn pass(&mut self, nanoseconds: u64) {
        self.wall += nanoseconds;
        self.passed += nanoseconds;
    }

    fn with_worker<R>(
        &mut self,
        number: usize,
        what: impl FnOnce(&mut Fetched<Document>, &mut Self) -> R,
    ) -> Option<R> {
        // It is at work itself, further up.
        let mut worker = self.workers[number].take()?;
        self.at_work.push(number);
        let result = what(&mut worker, self);
        self.at_work.pop();
        self.workers[number] = Some(worker);
        Some(result)
    }

    fn tick(&mut self, number: usize) {
        let now = self.now();
        let ticked = self.with_worker(number, |worker, proxy| {
            let change = worker.tick(now, proxy);
            proxy.look_at(number, worker, change);
        });
        if ticked.is_none() {
            return;
        }
        let stepped_back = self.last_step_back.is_some();
        let waits = self.seen[number].waits_until;
        if waits.is_some_and(|until| self.passed >= until) && !stepped_back {
            self.wrong
                .push(format!("{number} lets somebody wait too long"));
        }
    }

    fn ask(&mut self, number: usize) {
        let now = self.now();
        let Some(Some(wanted)) = self
            .workers
            .get_mut(number)
            .map(Option::as_mut)
            .map(|worker| worker.map(|worker| worker.want_fresh(now)))
        else {
            return;
        };
        if let Wanted::Wait { until } = wanted {
            let until = self.passed + until.since(now);
            self.seen[number].waits_until.get_or_insert(until);
        }
    }

    fn answer(&mut self, which: usize, answered: Answered) {
        let Some(which) = which.checked_rem(self.open.len()) else {
            return;
        };
        let free =
            |worker: Option<usize>| worker.is_none_or(|worker| self.workers[worker].is_some());
        if !free(self.open[which].worker) {
            return;
        }
        let open = self.open.swap_remove(which);
        let Some(number) = open.worker else {
            return;
        };
        let now = self.now();
        let answer = match answered {
            Answered::Well => Some(answer("200", &format!("good {}", open.version))),
            Answered::WithGarbage => Some(answer("200", "bad")),
            Answered::WithFailure => None,
        };
        let answer = answer.as_ref().map(|answer| answer as _);
        self.with_worker(number, |worker, proxy| {
            if let Some(change) = worker.answered(now, open.id, answer, proxy) {
                proxy.look_at(number, worker, change);
                if matches!(answered, Answered::Well) {
                    proxy.last_success = proxy.last_success.max(Some(open.began));
                }
            }
        });
    }

    /// What a worker uses is a document that there was, and none older than before.
    fn look_at(&mut self, number: usize, worker: &Fetched<Document>, change: Change) {
        if change != Change::Nothing {
            self.seen[number].waits_until = None;
        }
        let Current::Usable { document, .. } = worker.current(self.now()) else {
            return;
        };
        let version = document
            .strip_prefix("good ")
            .and_then(|version| version.parse().ok());
        let before = self.seen[number].version;
        match version {
            Some(version) if (before..=self.version).contains(&version) => {
                if version > before && change != Change::Replaced {
                    self.wrong
                        .push(format!("{number} doesn't say that it has another"));
                }
                self.seen[number].version = version;
            }
            _ => self
                .wrong
                .push(format!("{number} went from {before} to {document}")),
        }
    }

    fn note_call(&mut self, id: CallId) {
        let number = *self.at_work.last().unwrap();
        let began = self.passed;
        let ago = |then: Option<u64>| then.map_or(u64::MAX, |then| began - then);
        if ago(self.seen[number].last_call) < SHORTEST_PAUSE {
            self.wrong.push(format!("{number} calls again at once"));
        }
        let undisturbed = self.last_step_back.is_none() && !self.tampered;
        if undisturbed {
            if self.open.iter().any(|open| began - open.began < LEASE) {
                self.wrong
                    .push(format!("{number} fetches while another does"));
            }
            if ago(self.last_call) < SHORTEST_PAUSE || ago(self.last_success) < REFETCH {
                self.wrong.push(format!("{number} fetches too early"));
            }
        }
        self.last_call = Some(began);
        self.seen[number].last_call = Some(began);
        self.open.push(Open {
            id,
            worker: Some(number),
            version: self.version,
            began,
        });
    }

    fn tamper(&mut self, tampering: Tampering) {
        let keys: Vec<String> = self.host.shared.keys().cloned().collect();
        let [document, head] = &keys[..] else {
            return;
        };
        self.tampered = true;
        let values = [document, head].map(|key| self.host.shared[key].value.clone());
        let mut write = |key: &str, value: &[u8]| {
            let _ = self.host.set_shared(key, value, Expected::Anything);
        };
        match tampering {
            Tampering::Flip { value, bit } => {
                let mut flipped = values[value].clone();
                if let Some(bit) = bit.checked_rem(flipped.len() * 8) {
                    flipped[bit / 8] ^= 1 << (bit % 8);
                }
                write(&keys[value], &flipped);
            }
            Tampering::Truncate { value, length } => {
                let length = length % (values[value].len() + 1);
                write(&keys[value], &values[value][..length]);
            }
            Tampering::Swap => {
                write(document, &values[1]);
                write(head, &values[0]);
            }
            Tampering::Replay { value, which } => {
                let before = &self.history[which % self.history.len()];
                if let Some(before) = before.get(&keys[value]) {
                    write(&keys[value], &before.value.clone());
                }
            }
        }
    }

    /// All goes well from now on, for longer than the longest time from one fetch to the next.
    fn settle_down(&mut self) {
        for _ in 0..150 {
            self.pass(SECOND);
            for worker in 0..WORKERS {
                self.tick(worker);
            }
            while !self.open.is_empty() {
                self.answer(0, Answered::Well);
            }
        }
        for worker in 0..WORKERS {
            self.tick(worker);
        }
    }

    fn in_use(&self) -> Vec<Option<String>> {
        let current =
            |worker: &Option<Fetched<Document>>| match worker.as_ref()?.current(self.now()) {
                Current::Usable { document, .. } => Some(document.clone()),
                Current::Missing | Current::Expired => None,
            };
        self.workers.iter().map(current).collect()
    }
}

impl Worker for Proxy {
    fn shared(&self, key: &str) -> Option<Versioned> {
        self.host.shared(key)
    }

    fn set_shared(&mut self, key: &str, value: &[u8], to: Expected) -> Result<(), Conflict> {
        // Time hardly passes while one worker writes.
        if self.between.next() == Some(true)
            && let Some(step) = self.steps.next()
            && !matches!(step, Step::Pass { .. } | Step::TurnBack { .. })
        {
            self.step(step);
        }
        self.host.set_shared(key, value, to)
    }

    fn call(&mut self, call: &Call<'_>) -> Result<CallId, CallRefused> {
        let id = self.host.call(call)?;
        self.note_call(id);
        Ok(id)
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

impl WorkerHost for Proxy {
    fn wake(&mut self) {
        self.host.wake();
    }
}

fn common() -> impl Strategy<Value = Step> {
    let worker = || 0..WORKERS;
    let answered = prop_oneof![
        3 => Just(Answered::Well),
        1 => Just(Answered::WithGarbage),
        1 => Just(Answered::WithFailure),
    ];
    prop_oneof![
        8 => worker().prop_map(Step::Tick),
        2 => worker().prop_map(Step::Ask),
        4 => (0..4_usize, answered).prop_map(|(which, answered)| Step::Answer(which, answered)),
        1 => Just(Step::Rotate),
        4 => (0..3000_u64).prop_map(|milliseconds| Step::Pass { milliseconds }),
        1 => (0..120_000_u64).prop_map(|milliseconds| Step::Pass { milliseconds }),
        1 => worker().prop_map(Step::Restart),
    ]
}

fn step_back() -> impl Strategy<Value = Step> {
    (1..3000_u64).prop_map(|seconds| Step::TurnBack { seconds })
}

fn tampering() -> impl Strategy<Value = Step> {
    let value = || 0..2_usize;
    prop_oneof![
        (value(), 0..10_000_usize).prop_map(|(value, bit)| Tampering::Flip { value, bit }),
        (value(), 0..200_usize).prop_map(|(value, length)| Tampering::Truncate { value, length }),
        Just(Tampering::Swap),
        (value(), 0..1000_usize).prop_map(|(value, which)| Tampering::Replay { value, which }),
    ]
    .prop_map(Step::Tamper)
}

fn check(steps: Vec<Step>, between: Vec<bool>) -> Result<(), proptest::test_runner::TestCaseError> {
    let mut proxy = Proxy::new(steps, between);
    proxy.run();
    proxy.settle_down();
    prop_assert_eq!(&proxy.wrong, &Vec::<String>::new());
    let wanted = Some(format!("good {}", proxy.version));
    prop_assert_eq!(proxy.in_use(), vec![wanted; WORKERS]);
    prop_assert!(proxy.host.shared.len() <= 2);
    Ok(())
}

proptest! {
    #[test]
    fn no_interleaving_makes_two_fetch_at_once_or_anybody_go_back(
        steps in prop::collection::vec(common(), 1..150),
        between in prop::collection::vec(prop::bool::weighted(0.3), 0..100),
    ) {
        check(steps, between)?;
    }

    #[test]
    fn no_clock_that_steps_back_makes_anybody_go_back_or_stop(
        steps in prop::collection::vec(prop_oneof![12 => common(), 1 => step_back()], 1..150),
        between in prop::collection::vec(prop::bool::weighted(0.3), 0..100),
    ) {
        check(steps, between)?;
    }

    #[test]
    fn nobody_who_writes_to_shared_data_makes_anybody_go_back_or_stop(
        steps in prop::collection::vec(prop_oneof![6 => common(), 1 => tampering()], 1..150),
        between in prop::collection::vec(prop::bool::weighted(0.3), 0..100),
    ) {
        check(steps, between)?;
    }
}
