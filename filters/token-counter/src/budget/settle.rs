//! How a reservation is settled.

use http_filter::{Time, Worker};

use super::reserve::{Held, MOST_TOKENS, Reservation};
use super::window::{Contention, Update, Window, update};

/// Puts the tokens that were used in the place of those that were held, if the window in which
/// they were held still counts. Where a later one counts by now, the tokens that were held have
/// counted in theirs; what was used beyond them counts in the later one, so that no answer gets
/// around the limit by outlasting a minute. Less than was held is not given back to a window that
/// never held it.
///
/// The request stays counted, whatever became of it.
pub(crate) fn settle(host: &mut dyn Worker, reservation: Reservation, used: u64, now: Time) {
    let Some(Held {
        tenant,
        window: start,
        tokens: held,
        opens_window: _,
    }) = reservation.held
    else {
        return;
    };
    let used = used.min(MOST_TOKENS);
    let settled = update(host, &tenant, |stored| {
        let current = Window::at(now, stored);
        let tokens = if current.start == start {
            current.tokens.saturating_sub(held).saturating_add(used)
        } else {
            current.tokens.saturating_add(used.saturating_sub(held))
        };
        if tokens == current.tokens {
            return Update::Keep(());
        }
        Update::Write(Window { tokens, ..current }, ())
    });
    if let Err(Contention) = settled {
        log::warn!("tenant {tenant}: a reservation of {held} tokens could not be settled");
    }
}
