//! Who waits on a shared connection, in which order, and what becomes of each: without any I/O.
//!
//! Requests are written one behind the other and answered in that order, so all there is to know is a queue
//! and how many bytes have left. Each waiter holds a ticket. It collects what became of its request, or it
//! leaves without (its time ran out): then its place stays, because its answer will still come and must be
//! thrown away, or goes, if nothing of it had left.
//!
//! Two of those who wait have a duty, found by their place alone: the *writer*, first of those whose request
//! has not left whole, and the *reader*, first of those without an answer. So there is no task that drives a
//! connection, and nobody's leaving can leave it without one who does.

use std::{collections::VecDeque, ops::Range, task::Waker};

use tokio::time::Instant;

use super::Progress;

/// A place in the order of one connection; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// What became of a request.
#[derive(Debug)]
pub(super) enum End<A> {
    /// Answered.
    Answered(A),
    /// Certainly not booked: it had not left, or the substation had said that it would read no further.
    Untouched,
    /// The connection was lost, or what came over it was no answer; its bytes begin here, counted from the
    /// connection's first.
    Lost {
        /// What happened.
        reason: String,
        /// Where the request begins.
        begins: u64,
        /// It was closed in good order before anything of its answer, so the system may know whether the
        /// request arrived.
        is_clean: bool,
    },
}

/// The order of one connection.
#[derive(Debug)]
pub(super) struct Order<A> {
    places: VecDeque<Place<A>>,
    /// The ticket of the first place.
    first: u64,
    /// Bytes written to the connection since it began.
    written: u64,
    /// Where the next request begins.
    end: u64,
}

#[derive(Debug)]
struct Place<A> {
    begins: u64,
    ends: u64,
    /// When it came, and once it was written, when that was.
    since: Instant,
    waker: Option<Waker>,
    state: State<A>,
}

#[derive(Debug)]
enum State<A> {
    Waiting,
    /// Nobody waits any more, but the answer will come.
    Left,
    Ended(End<A>),
    /// What became of it was collected.
    Done,
}

impl<A> Order<A> {
    /// For a connection over which so many bytes have been sent.
    pub(super) fn new(written: u64) -> Self {
        Self {
            places: VecDeque::new(),
            first: 0,
            written,
            end: written,
        }
    }

    /// A request of `length` bytes is behind those to be written.
    pub(super) fn join(&mut self, length: usize, now: Instant) -> Ticket {
        let begins = self.end;
        self.end += length as u64;
        self.places.push_back(Place {
            begins,
            ends: self.end,
            since: now,
            waker: None,
            state: State::Waiting,
        });
        Ticket(self.first + self.places.len() as u64 - 1)
    }

    /// Whom to wake when something happens.
    pub(super) fn set_waker(&mut self, ticket: Ticket, waker: &Waker) {
        if let Some(place) = self.place(ticket) {
            match &mut place.waker {
                Some(known) => known.clone_from(waker),
                unknown => *unknown = Some(waker.clone()),
            }
        }
    }

    /// The one with `ticket` is awake.
    pub(super) fn clear_waker(&mut self, ticket: Ticket) {
        if let Some(place) = self.place(ticket) {
            place.waker = None;
        }
    }

    /// Requests without an answer.
    pub(super) fn unanswered(&self) -> usize {
        self.places.iter().filter(|place| place.is_open()).count()
    }

    /// Requests that have not left whole.
    pub(super) fn to_be_written(&self) -> usize {
        let behind = self.places.iter().rev();
        behind.take_while(|place| place.ends > self.written).count()
    }

    /// Whether nobody has a place any more.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether anybody still waits for an answer.
    pub(super) fn is_awaited(&self) -> bool {
        let is_waiting = |place: &Place<A>| matches!(place.state, State::Waiting);
        self.places.iter().any(is_waiting)
    }

    /// Since when the oldest unanswered request has been waiting.
    pub(super) fn oldest(&self) -> Option<Instant> {
        let oldest = self.places.iter().find(|place| place.is_open())?;
        Some(oldest.since)
    }

    /// Bytes that have been written since the connection began.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Who has to write, if anything is to be written.
    pub(super) fn writer(&self) -> Option<Ticket> {
        let written = self.written;
        self.find(|place| place.ends > written && matches!(place.state, State::Waiting))
    }

    /// Who has to read, if anybody waits for an answer.
    pub(super) fn reader(&self) -> Option<Ticket> {
        self.find(|place| matches!(place.state, State::Waiting))
    }

    /// The waker of a place.
    pub(super) fn waker(&self, ticket: Ticket) -> Option<&Waker> {
        let at = usize::try_from(ticket.0.checked_sub(self.first)?).ok()?;
        self.places.get(at)?.waker.as_ref()
    }

    /// So many bytes were written.
    pub(super) fn wrote(&mut self, bytes: usize, now: Instant) {
        let before = self.written;
        self.written += bytes as u64;
        for place in self.places.iter_mut().rev() {
            if place.ends <= before {
                break;
            }
            if place.ends <= self.written {
                place.since = now;
            }
        }
    }

    /// An answer came. Since when its request has been waiting, or none if nothing was asked: then the
    /// answer is somebody else's, or nobody's.
    pub(super) fn answered(&mut self, answer: A) -> Option<Instant> {
        let written = self.written;
        let place = self.places.iter_mut().find(|place| place.is_open())?;
        if place.ends > written {
            return None;
        }
        let since = place.since;
        place.end(End::Answered(answer));
        self.let_go();
        Some(since)
    }

    /// No further answer will come. Whether the close was clean is said of the request that was to be answered
    /// next, and of those behind it.
    pub(super) fn lost(&mut self, reason: &str, first_is_clean: bool, rest_is_clean: bool) {
        let written = self.written;
        let mut is_clean = first_is_clean;
        for place in self.places.iter_mut().filter(|place| place.is_open()) {
            place.end(if place.begins >= written {
                End::Untouched
            } else {
                End::Lost {
                    reason: reason.to_owned(),
                    begins: place.begins,
                    is_clean,
                }
            });
            is_clean = rest_is_clean;
        }
        self.let_go();
    }

    /// Nothing more will be written.
    pub(super) fn shut(&mut self) {
        let written = self.written;
        self.end_open(|place| place.begins >= written);
    }

    /// The substation said with its last answer that it would process no more, and closed.
    pub(super) fn closed(&mut self) {
        self.end_open(|_| true);
    }

    fn end_open(&mut self, is_meant: impl Fn(&Place<A>) -> bool) {
        for place in &mut self.places {
            if place.is_open() && is_meant(place) {
                place.end(End::Untouched);
            }
        }
        self.let_go();
    }

    /// What became of a request; its place is given up with it.
    pub(super) fn collect(&mut self, ticket: Ticket) -> Option<End<A>> {
        let place = self.place(ticket)?;
        if !matches!(place.state, State::Ended(_)) {
            return None;
        }
        let State::Ended(end) = std::mem::replace(&mut place.state, State::Done) else {
            return None;
        };
        self.let_go();
        Some(end)
    }

    /// Somebody waits no longer. How far the request had got, and, if nothing of it has left, where in what is
    /// to be written it stands, to be taken out there.
    pub(super) fn leave(&mut self, ticket: Ticket) -> (Progress, Option<Range<usize>>) {
        let written = self.written;
        let Some(place) = self.place(ticket) else {
            return (Progress::Sent, None);
        };
        place.waker = None;
        match place.state {
            State::Waiting if place.begins >= written => {}
            State::Waiting => {
                place.state = State::Left;
                return (Progress::Sent, None);
            }
            State::Ended(End::Untouched) => {
                place.state = State::Done;
                self.let_go();
                return (Progress::Unsent, None);
            }
            State::Ended(_) | State::Left | State::Done => {
                place.state = State::Done;
                self.let_go();
                return (Progress::Sent, None);
            }
        }
        let (begins, ends) = (place.begins, place.ends);
        place.state = State::Done;
        place.ends = begins;
        let length = ends - begins;
        self.end -= length;
        for place in &mut self.places {
            if place.begins >= ends {
                place.begins -= length;
                place.ends -= length;
            }
        }
        self.let_go();
        let from = usize::try_from(begins - written).unwrap_or(usize::MAX);
        let to = usize::try_from(ends - written).unwrap_or(usize::MAX);
        (Progress::Unsent, Some(from..to))
    }

    fn place(&mut self, ticket: Ticket) -> Option<&mut Place<A>> {
        let at = usize::try_from(ticket.0.checked_sub(self.first)?).ok()?;
        self.places.get_mut(at)
    }

    fn find(&self, is_it: impl Fn(&Place<A>) -> bool) -> Option<Ticket> {
        let at = self.places.iter().position(is_it)?;
        Some(Ticket(self.first + at as u64))
    }

    /// Places whose story is over are given up, from the front.
    fn let_go(&mut self) {
        while matches!(self.places.front(), Some(place) if matches!(place.state, State::Done)) {
            self.places.pop_front();
            self.first += 1;
        }
    }
}

impl<A> Place<A> {
    /// Whether its answer is still to come.
    fn is_open(&self) -> bool {
        matches!(self.state, State::Waiting | State::Left)
    }

    fn end(&mut self, end: End<A>) {
        self.state = match self.state {
            State::Left => State::Done,
            _ => State::Ended(end),
        };
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = 100;

    /// What a seeded run knows of one request.
    struct Asked {
        ticket: Ticket,
        number: u64,
        is_over: bool,
    }

    /// A substation that answers in order, writes that stop anywhere, and people who leave: nobody ever gets
    /// another's answer, nobody is left without, and nothing that may have arrived is told as unsent.
    #[tokio::test(start_paused = true)]
    async fn whatever_the_order_of_events_each_gets_its_own_answer() {
        for seed in 0..300 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let (mut order, now) = (Order::<u64>::new(7), Instant::now());
            // What is in the buffer and what has left, as numbers of requests, one entry a byte.
            let (mut out, mut wire) = (Vec::<u64>::new(), Vec::<u64>::new());
            let mut asked: Vec<Asked> = Vec::new();
            let mut answered = 0;
            for number in 0..200 {
                match rng.u32(..10) {
                    0..4 => {
                        let ticket = order.join(BYTES, now);
                        out.extend([number; BYTES]);
                        asked.push(Asked {
                            ticket,
                            number,
                            is_over: false,
                        });
                    }
                    4..6 => {
                        let bytes = rng.usize(..=out.len());
                        wire.extend(out.drain(..bytes));
                        order.wrote(bytes, now);
                    }
                    6..8 => {
                        if let Some(next) = wire.get(answered * BYTES).copied()
                            && wire.len() >= (answered + 1) * BYTES
                        {
                            answered += 1;
                            assert!(order.answered(next).is_some());
                        }
                    }
                    8 => {
                        if let Some(one) = rng.choice(&mut asked).filter(|one| !one.is_over) {
                            one.is_over = true;
                            let (progress, bytes) = order.leave(one.ticket);
                            let has_left = wire.contains(&one.number);
                            assert_eq!(progress == Progress::Sent, has_left, "seed {seed}");
                            if let Some(bytes) = bytes {
                                assert!(out.drain(bytes).all(|byte| byte == one.number));
                            }
                        }
                    }
                    _ => {
                        for one in asked.iter_mut().filter(|one| !one.is_over) {
                            if let Some(end) = order.collect(one.ticket) {
                                one.is_over = true;
                                assert!(matches!(end, End::Answered(of) if of == one.number));
                            }
                        }
                    }
                }
                let waits = asked.iter().any(|one| !one.is_over);
                assert!(!waits || order.reader().is_some() || !order.is_awaited());
            }
            order.lost("gone", false, true);
            let is_partly = |number: &u64| wire.contains(number);
            for one in asked.iter().filter(|one| !one.is_over) {
                let end = order.collect(one.ticket).unwrap();
                match end {
                    End::Answered(of) => assert_eq!(of, one.number),
                    End::Untouched => assert!(!is_partly(&one.number), "seed {seed}"),
                    End::Lost { begins, .. } => {
                        let at = usize::try_from(begins - 7).unwrap();
                        assert_eq!(wire.get(at), Some(&one.number));
                    }
                }
            }
            assert!(order.is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn duties_go_to_the_next_who_waits() {
        let (mut order, now) = (Order::<()>::new(0), Instant::now());
        let [a, b, c] = [(); 3].map(|()| order.join(BYTES, now));
        assert_eq!((order.writer(), order.reader()), (Some(a), Some(a)));
        assert_eq!(order.to_be_written(), 3);
        order.wrote(BYTES + 1, now);
        assert_eq!(order.to_be_written(), 2);
        assert_eq!((order.writer(), order.reader()), (Some(b), Some(a)));
        assert_eq!(order.leave(a), (Progress::Sent, None));
        assert_eq!(order.reader(), Some(b));
        assert_eq!(order.leave(b), (Progress::Sent, None));
        assert_eq!((order.writer(), order.reader()), (Some(c), Some(c)));
        assert_eq!(order.unanswered(), 3);
        assert_eq!(order.leave(c).0, Progress::Unsent);
        assert!(!order.is_awaited());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_before_its_request_is_nobodys() {
        let (mut order, now) = (Order::new(0), Instant::now());
        assert!(order.answered(1).is_none());
        order.join(BYTES, now);
        order.wrote(BYTES - 1, now);
        assert!(order.answered(1).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_announced_close_nothing_is_booked_of_what_was_written_behind() {
        let (mut order, now) = (Order::new(0), Instant::now());
        let [a, b, c] = [(); 3].map(|()| order.join(BYTES, now));
        order.wrote(2 * BYTES, now);
        assert!(order.answered(1).is_some());
        order.shut();
        assert!(matches!(order.collect(a), Some(End::Answered(1))));
        assert!(order.collect(b).is_none());
        assert!(matches!(order.collect(c), Some(End::Untouched)));
        order.closed();
        assert!(matches!(order.collect(b), Some(End::Untouched)));
    }
}
