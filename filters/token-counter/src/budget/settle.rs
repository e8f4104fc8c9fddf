//! How a reservation is settled.

use http_filter::Worker;

use super::reserve::{Held, MOST_TOKENS, Reservation};
use super::window::{Contention, Update, Window, update};

/// Puts the tokens that were used in the place of those that were held, if the window in which
/// they were held still counts. A later window never held them, so nothing happens to it: an
/// answer that takes longer than its window counts there as it was estimated.
///
/// The request stays counted, whatever became of it.
pub(crate) fn settle(host: &mut dyn Worker, reservation: Reservation, used: u64) {
    let Some(Held {
        tenant,
        window: start,
        tokens: held,
    }) = reservation.held
    else {
        return;
    };
    let used = used.min(MOST_TOKENS);
    let settled = update(host, &tenant, |stored| match stored {
        Some(window) if window.start == start && used != held => {
            let tokens = window.tokens.saturating_sub(held).saturating_add(used);
            Update::Write(Window { tokens, ..window }, ())
        }
        _ => Update::Keep(()),
    });
    if let Err(Contention) = settled {
        log::warn!("tenant {tenant}: a reservation of {held} tokens could not be settled");
    }
}
