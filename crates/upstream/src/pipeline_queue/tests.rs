//! Which request gets which answer, whatever the order of events.

use super::*;

const BYTES: usize = 100;

/// What a seeded run keeps of each request.
struct Request {
    ticket: Ticket,
    number: u64,
    is_over: bool,
}

/// A substation answers in order, writes stop at any byte, and requests are given up. No request ever gets
/// another's answer, none stays without an outcome, and none that may have arrived is reported as unsent.
#[tokio::test(start_paused = true)]
async fn whatever_the_order_of_events_each_request_gets_its_own_answer() {
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut queue, now) = (PipelineQueue::<u64>::new(7), Instant::now());
        // What is in the buffer and what has left: for each byte, the number of its request.
        let (mut out, mut wire) = (Vec::<u64>::new(), Vec::<u64>::new());
        let mut requests: Vec<Request> = Vec::new();
        let mut answered = 0;
        for number in 0..200 {
            match rng.u32(..10) {
                0..4 => {
                    let ticket = queue.push(BYTES, now);
                    out.extend([number; BYTES]);
                    requests.push(Request {
                        ticket,
                        number,
                        is_over: false,
                    });
                }
                4..6 => {
                    let bytes = rng.usize(..=out.len());
                    wire.extend(out.drain(..bytes));
                    queue.wrote(bytes, now);
                }
                6..8 => {
                    if let Some(next) = wire.get(answered * BYTES).copied()
                        && wire.len() >= (answered + 1) * BYTES
                    {
                        answered += 1;
                        assert!(queue.answered(next).is_some());
                    }
                }
                8 => {
                    if let Some(request) =
                        rng.choice(&mut requests).filter(|request| !request.is_over)
                    {
                        request.is_over = true;
                        let (progress, bytes) = queue.leave(request.ticket);
                        let has_left = wire.contains(&request.number);
                        assert_eq!(progress == Progress::Sent, has_left, "seed {seed}");
                        if let Some(bytes) = bytes {
                            assert!(out.drain(bytes).all(|byte| byte == request.number));
                        }
                    }
                }
                _ => {
                    for request in requests.iter_mut().filter(|request| !request.is_over) {
                        if let Some(end) = queue.collect(request.ticket) {
                            request.is_over = true;
                            assert!(matches!(end, Outcome::Answered(of) if of == request.number));
                        }
                    }
                }
            }
            let waits = requests.iter().any(|request| !request.is_over);
            assert!(!waits || queue.reader().is_some() || !queue.is_awaited());
        }
        queue.lost("gone", false, true);
        let is_partly = |number: &u64| wire.contains(number);
        for request in requests.iter().filter(|request| !request.is_over) {
            let end = queue.collect(request.ticket).unwrap();
            match end {
                Outcome::Answered(of) => assert_eq!(of, request.number),
                Outcome::TooLarge(how) => panic!("seed {seed}: {how}"),
                Outcome::Unprocessed | Outcome::Refused(_) => {
                    assert!(!is_partly(&request.number), "seed {seed}");
                }
                Outcome::Lost { begins, .. } => {
                    let at = usize::try_from(begins - 7).unwrap();
                    assert_eq!(wire.get(at), Some(&request.number));
                }
            }
        }
        assert!(queue.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn duties_pass_to_the_next_waiting_request() {
    let (mut queue, now) = (PipelineQueue::<()>::new(0), Instant::now());
    let [a, b, c] = [(); 3].map(|()| queue.push(BYTES, now));
    assert_eq!((queue.writer(), queue.reader()), (Some(a), Some(a)));
    assert_eq!(queue.pending_writes(), 3);
    queue.wrote(BYTES + 1, now);
    assert_eq!(queue.pending_writes(), 2);
    assert_eq!((queue.writer(), queue.reader()), (Some(b), Some(a)));
    assert_eq!(queue.leave(a), (Progress::Sent, None));
    assert_eq!(queue.reader(), Some(b));
    assert_eq!(queue.leave(b), (Progress::Sent, None));
    assert_eq!((queue.writer(), queue.reader()), (Some(c), Some(c)));
    assert_eq!(queue.unanswered(), 3);
    assert_eq!(queue.leave(c).0, Progress::Unsent);
    assert!(!queue.is_awaited());
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_its_request_belongs_to_no_request() {
    let (mut queue, now) = (PipelineQueue::new(0), Instant::now());
    assert!(queue.answered(1).is_none());
    queue.push(BYTES, now);
    queue.wrote(BYTES - 1, now);
    assert!(queue.answered(1).is_none());
}

#[tokio::test(start_paused = true)]
async fn after_an_announced_close_nothing_written_behind_it_is_booked() {
    let (mut queue, now) = (PipelineQueue::new(0), Instant::now());
    let [a, b, c] = [(); 3].map(|()| queue.push(BYTES, now));
    queue.wrote(2 * BYTES, now);
    assert!(queue.answered(1).is_some());
    queue.shut();
    assert!(matches!(queue.collect(a), Some(Outcome::Answered(1))));
    assert!(queue.collect(b).is_none());
    assert!(matches!(queue.collect(c), Some(Outcome::Unprocessed)));
    queue.closed();
    assert!(matches!(queue.collect(b), Some(Outcome::Unprocessed)));
}
