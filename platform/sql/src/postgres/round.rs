//! One flight of a group: what its bodies ask goes out together, equal statements as one with many rows.

use futures::future::join_all;

use super::call::{Call, Given, Reply};
use super::failure::Failure;
use super::link::Link;
use super::session::Seat;

/// A call on behalf of one or more seats.
struct Flight {
    call: Call,
    /// Whose rows these are, a seat for each row; one seat if the call is of one body.
    seats: Vec<usize>,
}

/// Takes what the seats ask, has it answered and lays the answers down. `begin` goes first.
pub(super) async fn fly(link: &Link, begin: Option<String>, seats: &[&Seat]) {
    let mut flights: Vec<Flight> = Vec::new();
    for (index, seat) in seats.iter().enumerate() {
        let Some(call) = seat.call.borrow_mut().take() else { continue };
        match flights.iter_mut().find(|flight| flight.takes(&call)) {
            Some(flight) => flight.join(call, index),
            None => {
                let rows = call.row_count().max(1);
                flights.push(Flight { call, seats: vec![index; rows] });
            }
        }
    }
    link.flight();
    let opened = async {
        match begin {
            Some(begin) => link.control(&begin).await,
            None => Ok(()),
        }
    };
    let answers = join_all(flights.iter().map(|flight| link.run(&flight.call)));
    let (opened, answers) = futures::join!(opened, answers);
    for (flight, answer) in flights.into_iter().zip(answers) {
        let answer = opened.clone().and(answer);
        flight.land(answer, seats);
    }
}

impl Flight {
    /// Whether this call may be done in one with that of the flight.
    fn takes(&self, call: &Call) -> bool {
        let same = std::ptr::eq(self.call.statement, call.statement) && self.call.fixed == call.fixed;
        let same = same && self.call.keyed == call.keyed;
        same && call.is_mergeable() && self.call.is_mergeable() && !self.call.shares_key(call)
    }

    fn join(&mut self, call: Call, seat: usize) {
        self.seats.extend(std::iter::repeat_n(seat, call.row_count()));
        if let (Given::Rows(all), Given::Rows(more)) = (&mut self.call.list, call.list) {
            all.extend(more);
        }
    }

    /// Tells each seat what concerns it.
    fn land(self, answer: Result<Reply, Failure>, seats: &[&Seat]) {
        let lay = |seat: usize, reply| *seats[seat].reply.borrow_mut() = Some(reply);
        let mut owners = self.seats.clone();
        owners.dedup();
        let reply = match answer {
            Ok(reply) => reply,
            Err(failure) => return owners.into_iter().for_each(|seat| lay(seat, Err(failure.clone()))),
        };
        if let [only] = owners[..] {
            return lay(only, Ok(reply));
        }
        if !self.call.keyed {
            // A plain insert: all rows, or an error.
            for seat in owners {
                let changed = self.seats.iter().filter(|owner| **owner == seat).count() as u64;
                lay(seat, Ok(Reply { rows: Vec::new(), changed }));
            }
            return;
        }
        let mut replies: Vec<Reply> = self.seats.iter().map(|_| Reply::default()).collect();
        let mut untold = reply.changed;
        for row in reply.rows {
            if let Some(place) = self.call.place_of(&row) {
                untold = untold.saturating_sub(1);
                replies[place].changed += 1;
                replies[place].rows.push(row);
            }
        }
        if untold > 0 {
            // What changed without being returned may be anybody's.
            replies.iter_mut().for_each(|reply| reply.changed = reply.changed.max(1));
        }
        for (seat, reply) in self.seats.iter().zip(replies) {
            lay(*seat, Ok(reply));
        }
    }
}
