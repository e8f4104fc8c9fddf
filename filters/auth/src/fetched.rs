//! Documents that this proxy fetches from a cluster and all of its workers use: the key sets of
//! issuers, and lists of API keys.
//!
//! One worker fetches, the others take what it fetched from shared data. Who fetches is decided
//! by a lease there. Because any plugin of the proxy can write to shared data, nothing is taken
//! from it that isn't sealed with a secret of the gateway; without such a secret each worker
//! fetches for itself. A seal keeps nobody from putting back what was sealed before: a worker
//! refuses what is older than what it has seen, and one that has seen nothing yet uses an old
//! document no longer than any other, `keepSeconds` after its fetch.
//!
//! A document is fetched at once at the start, then again before each `refreshSeconds` are over,
//! and when somebody asks for one ([`Fetched::want_fresh`]), though not within `refetchSeconds`
//! of the last fetch. A failed fetch is tried again after a pause that doubles. Until one
//! succeeds the last good document stays in use, for `keepSeconds` after the fetch that gave it;
//! then there is none, and whoever needs it must refuse.
//!
//! The keys in shared data are two for each document of the configuration, and a document has a
//! bounded size; so has the memory.

mod board;
mod clock;
mod head;
mod held;
mod outcome;
mod outlook;
mod schedule;
mod seal;
mod source;
#[cfg(test)]
mod tests;

use board::{Board, Look, Place};
use clock::{Clock, Elapsed};
use head::{Digest, Head, Newest, Phase, digest};
use held::{Freshness, Held};
use http_filter::{Answer, CallId, CallRefused, SECOND, Time, Worker, WorkerHost};
use outcome::{Failure, Unusable, record_expired, record_failed, record_fetched, record_unusable};
use outlook::Outlook;

#[cfg(feature = "schema")]
pub(crate) use schedule::{MOST_SECONDS, MOST_TIMEOUT_MILLISECONDS};
pub(crate) use seal::SealingKey;
pub(crate) use source::{Kind, Source, WrittenSource};

/// How a document's bytes are read. The reason of an error is logged: it quotes nothing secret.
pub(crate) type Read<T> = Box<dyn Fn(&[u8]) -> Result<T, String>>;

/// One document, as one worker knows it. It has to be ticked a few times a second.
pub(crate) struct Fetched<T> {
    source: Source,
    label: String,
    read: Read<T>,
    /// `None`: this worker keeps to itself.
    board: Option<Board>,
    clock: Clock,
    /// What the workers agree on, as this one saw it last.
    known: Head,
    outlook: Outlook,
    held: Option<Held<T>>,
    own: Option<OwnFetch>,
    /// Calls in a row that the proxy didn't take from this worker.
    refused_calls: u32,
    /// When this worker may call again.
    calls_from: Elapsed,
    /// Somebody asked for a document newer than the one that is held.
    wanted: bool,
    /// Until when the first who was told to wait for it waits.
    waits_until: Option<Elapsed>,
    /// What was logged once isn't logged again at each tick.
    distrusts: bool,
    expired: bool,
}

/// A fetch of this worker that isn't answered.
#[derive(Debug, Clone, Copy)]
struct OwnFetch {
    call: CallId,
    ticket: u64,
    started: Elapsed,
    /// No answer comes after this.
    lost_at: Elapsed,
}

/// What an event has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[must_use]
pub(crate) enum Change {
    Nothing,
    /// What somebody was told to wait for has come to an end, without another document.
    Settled,
    /// Another document is in use.
    Replaced,
}

/// Whether a newer document may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Wanted {
    /// One may. [`Change::Settled`] or [`Change::Replaced`] says when it is decided, by this time
    /// at the latest.
    Wait { until: Time },
    /// None comes soon: the last fetch is too recent, or fetches fail.
    No,
}

/// The document at a time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Current<'a, T> {
    /// None was fetched yet.
    Missing,
    /// The last good one, with a number that no other document of this worker has.
    Usable { document: &'a T, edition: u64 },
    /// The last good one is too old to be used.
    Expired,
}

/// What a fetch gave.
enum Found<T> {
    Unchanged,
    Another(T),
}

/// Each conflict with another worker's writing settles who fetches, so a second try is rare. So
/// many in a row mean that some plugin writes there all the time; then this worker goes on as if
/// it were alone.
const MOST_TRIES: usize = 8;

/// From one call of a worker to its next.
const SHORTEST_PAUSE: u64 = SECOND / 2;

/// What workers' looks at the same clock may differ by, and what a clock is slewed by. A document
/// from further in the future was fetched before the clock stepped back: how old it is nobody
/// knows.
const MOST_SKEW: u64 = 10 * SECOND;

/// What may pass until a tick sees that something is due, or over.
const NOTICE: u64 = SECOND;

impl<T> Fetched<T> {
    /// A document that nobody has fetched yet; shared with the other workers where there is a key
    /// to seal it with.
    pub(crate) fn new(source: Source, key: Option<&SealingKey>, read: Read<T>) -> Self {
        let board = key.map(|key| Board::new(&source.shared_name(), key.clone()));
        Self {
            label: source.label(),
            source,
            read,
            board,
            clock: Clock::default(),
            known: Head {
                ticket: 0,
                started: Time::from_nanoseconds(0),
                phase: Phase::Resting {
                    until: Time::from_nanoseconds(0),
                },
                failures: 0,
                newest: None,
            },
            outlook: Outlook::OPEN,
            held: None,
            own: None,
            refused_calls: 0,
            calls_from: Elapsed::START,
            wanted: false,
            waits_until: None,
            distrusts: false,
            expired: false,
        }
    }

    /// The document at a time. What is made from it is to be made anew when it is replaced, and
    /// not to be used when it has expired.
    pub(crate) fn current(&self, now: Time) -> Current<'_, T> {
        match &self.held {
            None => Current::Missing,
            Some(held) if held.is_expired(self.source.schedule.keep, self.clock.at(now)) => {
                Current::Expired
            }
            Some(held) => Current::Usable {
                document: &held.document,
                edition: held.edition,
            },
        }
    }

    /// Somebody needs a document newer than the current one, or has none. The fetch begins with
    /// the next tick: a call that a stream made would end with that stream.
    pub(crate) fn want_fresh(&mut self, now: Time) -> Wanted {
        let elapsed = self.clock.advance(now);
        let wait = if self.is_fetching(elapsed) {
            let own = self.own.map(|own| own.lost_at);
            own.unwrap_or(self.outlook.fetching_until).since(elapsed)
        } else if self.may_begin(true, elapsed) {
            self.wanted = true;
            self.source.schedule.lease()
        } else {
            return Wanted::No;
        };
        let wait = wait + NOTICE;
        self.waits_until.get_or_insert(elapsed.plus(wait));
        Wanted::Wait {
            until: now.plus(wait),
        }
    }

    /// Whether the last fetch of any worker failed, as far as this one knows.
    pub(crate) fn last_fetch_failed(&self) -> bool {
        self.known.failures > 0
    }

    /// Time has passed: sees what other workers have fetched, and fetches where it is time.
    pub(crate) fn tick(&mut self, now: Time, host: &mut dyn WorkerHost) -> Change {
        let elapsed = self.clock.advance(now);
        let mut change = self.follow(now, elapsed, host);
        if let Some(lost) = self.own.take_if(|own| elapsed >= own.lost_at) {
            change = change.max(self.fail(lost, &Failure::NoAnswer, now, elapsed, host));
        }
        change = change.max(self.begin(now, elapsed, host));
        self.note_expiry(elapsed, host);
        self.settle(change, elapsed)
    }

    /// A call of the worker was answered, or has failed. `None`: it is none of this document's.
    pub(crate) fn answered(
        &mut self,
        now: Time,
        call: CallId,
        answer: Option<&dyn Answer>,
        host: &mut dyn WorkerHost,
    ) -> Option<Change> {
        let own = self.own.take_if(|own| own.call == call)?;
        let elapsed = self.clock.advance(now);
        let mut change = self.follow(now, elapsed, host);
        if self.held_ticket() > own.ticket {
            // A later fetch of another worker was faster.
            return Some(self.settle(change, elapsed));
        }
        let after = match self.examine(answer) {
            Ok((bytes, found)) => self.publish(own, &bytes, found, now, elapsed, host),
            Err(failure) => {
                let waited = elapsed.since(own.started);
                let failure = failure.after(waited, self.source.schedule.timeout);
                self.fail(own, &failure, now, elapsed, host)
            }
        };
        change = change.max(after);
        self.note_expiry(elapsed, host);
        Some(self.settle(change, elapsed))
    }

    /// Sees what other workers have written.
    fn follow(&mut self, now: Time, elapsed: Elapsed, host: &mut dyn Worker) -> Change {
        let Some(board) = &mut self.board else {
            return Change::Nothing;
        };
        match board.look(&self.known, host) {
            Look::Same => Change::Nothing,
            Look::Unusable(unusable) => {
                self.distrust(unusable, host);
                Change::Nothing
            }
            // By this worker itself, and read again: its times may be from before a step back.
            Look::Head(head) if head == self.known => Change::Nothing,
            Look::Head(head) => {
                self.distrusts = false;
                self.accept(head, now, elapsed);
                self.catch_up(now, elapsed, host)
            }
        }
    }

    fn accept(&mut self, head: Head, now: Time, elapsed: Elapsed) {
        if head.ticket > self.known.ticket {
            // The fetch that somebody asked for, whoever made it.
            self.wanted = false;
        }
        self.outlook = Outlook::of(&head, self.source.schedule, now, elapsed);
        self.known = head;
    }

    /// Takes a newer document from shared data.
    fn catch_up(&mut self, now: Time, elapsed: Elapsed, host: &mut dyn Worker) -> Change {
        let held_ticket = self.held_ticket();
        let newest = self
            .known
            .newest
            .filter(|newest| newest.ticket > held_ticket);
        let (Some(newest), Some(board)) = (newest, &mut self.board) else {
            return Change::Nothing;
        };
        if newest.fetched.since(now) > MOST_SKEW {
            self.wanted = true;
            return Change::Nothing;
        }
        let freshness = Freshness {
            age: now.since(newest.fetched),
            at: elapsed,
            refresh_after: self.source.schedule.refresh_after(host.random()),
        };
        if let Some(held) = &mut self.held
            && held.digest == newest.digest
        {
            held.renew(newest.ticket, freshness);
            return Change::Nothing;
        }
        let document = match board.document(&newest.digest, host) {
            Ok(document) => document,
            Err(unusable) => {
                self.wanted = true;
                self.distrust(unusable, host);
                return Change::Nothing;
            }
        };
        match (self.read)(&document) {
            Ok(document) => {
                self.hold(
                    newest.ticket,
                    newest.digest,
                    Found::Another(document),
                    freshness,
                );
                Change::Replaced
            }
            Err(_) => {
                self.distrust(Unusable::Malformed, host);
                Change::Nothing
            }
        }
    }

    /// Begins a fetch where it is time and nobody else does.
    fn begin(&mut self, now: Time, elapsed: Elapsed, host: &mut dyn Worker) -> Change {
        let (begins, change) = self.agree(now, elapsed, host, |this| {
            this.may_begin(this.wanted, elapsed).then(|| Head {
                // Greater than that of any worker that lost sight of the others, while the clock
                // goes forward.
                ticket: now.nanoseconds().max(this.known.ticket.saturating_add(1)),
                started: now,
                phase: Phase::Fetching {
                    until: now.plus(this.source.schedule.lease()),
                },
                failures: this.known.failures,
                newest: this.newest(now, elapsed),
            })
        });
        if !begins {
            return change;
        }
        // Whatever others write, and however the clock steps.
        self.calls_from = elapsed.plus(SHORTEST_PAUSE);
        match self.source.call(host) {
            Ok(call) => {
                self.refused_calls = 0;
                self.own = Some(OwnFetch {
                    call,
                    ticket: self.known.ticket,
                    started: elapsed,
                    lost_at: self.outlook.fetching_until,
                });
                change
            }
            Err(CallRefused) => change.max(self.give_way(now, elapsed, host)),
        }
    }

    /// The proxy took no call from this worker: another one may fetch.
    fn give_way(&mut self, now: Time, elapsed: Elapsed, host: &mut dyn Worker) -> Change {
        record_failed(&self.label, &Failure::CallRefused, host);
        self.refused_calls = self.refused_calls.saturating_add(1);
        let schedule = self.source.schedule;
        let pause = schedule.pause_after(self.refused_calls, host.random());
        self.calls_from = elapsed.plus(pause);
        let ticket = self.known.ticket;
        let (_, change) = self.agree(now, elapsed, host, |this| {
            (this.known.ticket == ticket).then_some(Head {
                phase: Phase::Resting { until: now },
                ..this.known
            })
        });
        change
    }

    /// A fetch gave a document: it is used here, and shown to the others.
    fn publish(
        &mut self,
        own: OwnFetch,
        bytes: &[u8],
        found: Found<T>,
        now: Time,
        elapsed: Elapsed,
        host: &mut dyn Worker,
    ) -> Change {
        let replaced = matches!(found, Found::Another(_));
        record_fetched(&self.label, replaced, host);
        let digest = digest(bytes);
        let freshness = Freshness {
            age: elapsed.since(own.started),
            at: elapsed,
            refresh_after: self.source.schedule.refresh_after(host.random()),
        };
        self.hold(own.ticket, digest, found, freshness);
        let change = self.show(own.ticket, bytes, now, elapsed, host);
        if replaced { Change::Replaced } else { change }
    }

    /// Shows the document that this worker holds to the others, unless they have a newer one.
    fn show(
        &mut self,
        ticket: u64,
        bytes: &[u8],
        now: Time,
        elapsed: Elapsed,
        host: &mut dyn Worker,
    ) -> Change {
        let mut change = Change::Nothing;
        for _ in 0..MOST_TRIES {
            let place = self.place(host);
            change = change.max(self.follow(now, elapsed, host));
            if self.known.newest_ticket().max(self.held_ticket()) > ticket {
                return change;
            }
            let shared = self.known.newest.map(|newest| newest.digest);
            let head = self.shown_head(ticket, now, elapsed);
            let written = match (&mut self.board, head.newest) {
                (Some(board), Some(newest)) => board
                    .put(bytes, &newest.digest, shared.as_ref(), place, host)
                    .and_then(|()| board.write(head, host)),
                _ => Ok(()),
            };
            if written.is_ok() {
                self.accept(head, now, elapsed);
                return change;
            }
        }
        let head = self.shown_head(ticket, now, elapsed);
        self.accept(head, now, elapsed);
        change
    }

    /// Where the document would be put. To be asked for before the look at the head that says
    /// whether to put it there: who puts another one in between is noticed then.
    fn place(&self, host: &dyn Worker) -> Option<Place> {
        let board = self.board.as_ref()?;
        let held = self.held.as_ref()?;
        let shared = self.known.newest.map(|newest| newest.digest);
        board.place(&held.digest, shared.as_ref(), host)
    }

    fn shown_head(&self, ticket: u64, now: Time, elapsed: Elapsed) -> Head {
        let newest = self.newest(now, elapsed);
        if self.known.ticket == ticket {
            Head {
                phase: Phase::Resting { until: now },
                failures: 0,
                newest,
                ..self.known
            }
        } else {
            // Somebody has begun another fetch since; its lease stays.
            Head {
                newest,
                ..self.known
            }
        }
    }

    /// A fetch gave none: nobody tries again for a while.
    fn fail(
        &mut self,
        own: OwnFetch,
        failure: &Failure,
        now: Time,
        elapsed: Elapsed,
        host: &mut dyn Worker,
    ) -> Change {
        record_failed(&self.label, failure, host);
        let failures = self.known.failures.saturating_add(1);
        let schedule = self.source.schedule;
        let pause = schedule.pause_after(failures, host.random());
        let (_, change) = self.agree(now, elapsed, host, |this| {
            (this.known.ticket == own.ticket).then(|| Head {
                phase: Phase::Resting {
                    until: now.plus(pause),
                },
                failures,
                newest: this.newest(now, elapsed),
                ..this.known
            })
        });
        change
    }

    /// Puts the head in its place that `next` makes of the known one, if it makes one; whether it
    /// did.
    fn agree(
        &mut self,
        now: Time,
        elapsed: Elapsed,
        host: &mut dyn Worker,
        next: impl Fn(&Self) -> Option<Head>,
    ) -> (bool, Change) {
        let mut change = Change::Nothing;
        for _ in 0..MOST_TRIES {
            let Some(head) = next(self) else {
                return (false, change);
            };
            let written = match &mut self.board {
                None => Ok(()),
                Some(board) => board.write(head, host),
            };
            if written.is_ok() {
                self.accept(head, now, elapsed);
                return (true, change);
            }
            change = change.max(self.follow(now, elapsed, host));
        }
        let last = next(self);
        if let Some(head) = last {
            self.accept(head, now, elapsed);
        }
        (last.is_some(), change)
    }

    fn examine(&self, answer: Option<&dyn Answer>) -> Result<(Vec<u8>, Found<T>), Failure> {
        let bytes = self.source.document(answer)?;
        let held = self.held.as_ref().map(|held| held.digest);
        if held == Some(digest(&bytes)) {
            return Ok((bytes, Found::Unchanged));
        }
        match (self.read)(&bytes) {
            Ok(document) => Ok((bytes, Found::Another(document))),
            Err(reason) => Err(Failure::Malformed(reason)),
        }
    }

    fn hold(&mut self, ticket: u64, digest: Digest, found: Found<T>, freshness: Freshness) {
        match (found, &mut self.held) {
            (Found::Another(document), held) => {
                let edition = held.as_ref().map_or(1, |held| held.edition + 1);
                *held = Some(Held {
                    document,
                    edition,
                    ticket,
                    digest,
                    freshness,
                });
            }
            (Found::Unchanged, Some(held)) => held.renew(ticket, freshness),
            (Found::Unchanged, None) => {}
        }
    }

    /// The newest document that this worker knows of.
    fn newest(&self, now: Time, elapsed: Elapsed) -> Option<Newest> {
        match &self.held {
            Some(held) if held.ticket >= self.known.newest_ticket() => {
                let age = held.freshness.age(elapsed);
                Some(Newest {
                    ticket: held.ticket,
                    fetched: Time::from_nanoseconds(now.nanoseconds().saturating_sub(age)),
                    digest: held.digest,
                })
            }
            _ => self.known.newest,
        }
    }

    fn held_ticket(&self) -> u64 {
        self.held.as_ref().map_or(0, |held| held.ticket)
    }

    fn is_fetching(&self, elapsed: Elapsed) -> bool {
        self.own.is_some() || elapsed < self.outlook.fetching_until
    }

    /// Whether it is time for a fetch that nobody makes yet. `asked`: somebody wants one.
    fn may_begin(&self, asked: bool, elapsed: Elapsed) -> bool {
        let due = self.held.as_ref().is_none_or(|held| held.is_due(elapsed));
        let quiet_until = self.outlook.quiet_until.max(self.calls_from);
        !self.is_fetching(elapsed)
            && elapsed >= quiet_until
            && (due || asked && elapsed >= self.outlook.refetch_from)
    }

    /// Lets go who waits, when there is nothing to wait for any more.
    fn settle(&mut self, change: Change, elapsed: Elapsed) -> Change {
        let expects = self.is_fetching(elapsed) || self.may_begin(self.wanted, elapsed);
        let over = |until: Elapsed| !expects || elapsed >= until;
        if change == Change::Replaced || self.waits_until.is_some_and(over) {
            let waited = self.waits_until.take().is_some();
            return change.max(if waited {
                Change::Settled
            } else {
                Change::Nothing
            });
        }
        change
    }

    fn distrust(&mut self, unusable: Unusable, host: &mut dyn Worker) {
        record_unusable(&self.label, unusable, !self.distrusts, host);
        self.distrusts = true;
    }

    fn note_expiry(&mut self, elapsed: Elapsed, host: &mut dyn Worker) {
        let keep = self.source.schedule.keep;
        let held = self.held.as_ref();
        let expired = held.is_some_and(|held| held.is_expired(keep, elapsed));
        if expired && !self.expired {
            record_expired(&self.label, host);
        }
        self.expired = expired;
    }
}
